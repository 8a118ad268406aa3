// identify.hpp - the data of Identify, made from what a controller and its namespaces are.
//
// Pure; any thread. The text of a structure that has none comes as zeroes.
#ifndef WEFT_CORE_CONTROLLER_IDENTIFY_HPP
#define WEFT_CORE_CONTROLLER_IDENTIFY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/controller/namespace.hpp"
#include "weft/controller.hpp"
#include "weft/nvme.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

inline constexpr std::uint32_t kMaxAborts = 4;       // ACL + 1: under way at once
inline constexpr std::uint32_t kMaxDsmRanges = 255;  // DMRL: the field has no value for 256

// VSL, WZSL and WUSL: as many pages of 4 KiB, a power of two, as 65,536 of the smallest blocks fill, for NLB has 16 bits and
// hosts cut by the limit alone. Without a namespace: as with small blocks, which may come.
[[nodiscard]] std::uint8_t size_limit_exponent(bool small_blocks);

struct ControllerFacts {
  bool discovery = false;
  std::uint16_t cntlid = 0;
  std::string_view subnqn, serial, model;
  weft_limits limits{};         // of the transport of its admin queue
  bool volatile_cache = false;  // some namespace has one
  const TargetOptions* options = nullptr;
};

[[nodiscard]] nvme::IdentifyController identify_controller(const ControllerFacts& facts);
// CNS 06h. The ranges of Dataset Management have no bound but their fields': the work is done in slices.
[[nodiscard]] nvme::IdentifyControllerNvm identify_controller_nvm(std::uint8_t size_limit);
[[nodiscard]] nvme::IdentifyNamespace identify_namespace(const NamespaceFacts& facts, const TargetOptions& options);
[[nodiscard]] nvme::IdentifyNamespaceIndependent identify_namespace_independent(const NamespaceFacts& facts);
// CNS 03h.
[[nodiscard]] std::array<std::byte, nvme::kIdentifySize> namespace_descriptors(const NamespaceFacts& facts);

}  // namespace weft::controller

#endif
