// admin_commands.hpp - the commands that the control thread answers, one function each; dispatcher.cpp finds them.
//
// A handler writes its data into the request's chunks with put() or put_window() and returns the answer; none: it has the
// request now and gives it back later. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_ADMIN_COMMANDS_HPP
#define WEFT_CORE_CONTROLLER_ADMIN_COMMANDS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/controller/admin_request.hpp"
#include "core/controller/controller.hpp"
#include "core/controller/discovery_service.hpp"
#include "core/controller/subsystem.hpp"
#include "weft/controller.hpp"

namespace weft::controller {

struct AdminContext {
  Controller& controller;
  AdminRequest& request;
  const TargetOptions& options;
  DiscoveryService& discovery;
  Nanoseconds uptime = 0;

  [[nodiscard]] const nvme::Sqe& sqe() const { return request.sqe; }
  [[nodiscard]] Subsystem& subsystem() const { return *controller.identity().subsystem; }
};

using MaybeAnswer = std::optional<Answer>;

// The one table: which command a controller knows, and in which state.
[[nodiscard]] MaybeAnswer dispatch(AdminContext& context);

[[nodiscard]] Answer property_get(AdminContext& context);
[[nodiscard]] Answer property_set(AdminContext& context);
[[nodiscard]] Answer identify(AdminContext& context);
[[nodiscard]] Answer get_log_page(AdminContext& context);
[[nodiscard]] Answer set_features(AdminContext& context);
[[nodiscard]] Answer get_features(AdminContext& context);
[[nodiscard]] MaybeAnswer abort_command(AdminContext& context);
[[nodiscard]] MaybeAnswer async_event_request(AdminContext& context);
[[nodiscard]] Answer keep_alive(AdminContext& context);

// The request's data: `bytes`, then zeroes. Of them the piece that is due.
void put(AdminRequest& request, std::span<const std::byte> bytes);
// ... from `offset` of a page on. Refused when that is beyond its end, or no multiple of 4. Pages longer than a chunk have a
// generation, so that a command is never answered with parts of two.
[[nodiscard]] Answer put_window(AdminRequest& request, std::span<const std::byte> page, std::uint64_t offset,
                                std::uint64_t generation = 1);

}  // namespace weft::controller

#endif
