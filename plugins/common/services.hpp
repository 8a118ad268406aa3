// services.hpp - what the core offers a plugin, with C++ manners: the clock, the log, the resolver.
//
// A view: copies are cheap, the weft_services behind it outlives every object of the plugin. now() and log() may be
// called from any thread, the rest from the group's.
#ifndef WEFT_PLUGIN_SERVICES_HPP
#define WEFT_PLUGIN_SERVICES_HPP

#include <cstdint>
#include <string>

#include "weft/transport_abi.h"

namespace weft::plugin {

class Services {
 public:
  explicit Services(const weft_services& services) : services_(&services) {}

  [[nodiscard]] std::uint64_t now() const { return services_->now_ns(services_->ctx); }
  void log(std::uint32_t level, const std::string& text) const {
    if (services_->log != nullptr) services_->log(services_->ctx, level, text.c_str());
  }
  [[nodiscard]] const weft_services& raw() const { return *services_; }

 private:
  const weft_services* services_;
};

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace weft::plugin

#endif
