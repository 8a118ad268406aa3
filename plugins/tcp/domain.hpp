// domain.hpp - the transport in this process: the services and the options that groups start from. TCP has no devices
// and registers no memory, so this is all. Thread: any; constant after construction.
#ifndef WEFT_TCP_DOMAIN_HPP
#define WEFT_TCP_DOMAIN_HPP

#include <memory>
#include <span>

#include "../common/services.hpp"
#include "group.hpp"
#include "options.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Domain {
 public:
  static plugin::Made<std::unique_ptr<Domain>> open(const weft_services& services, std::span<const weft_option> given) {
    plugin::Made<Options> options = Options::parse_domain(given);
    if (!options) return std::unexpected(options.error());
    return std::make_unique<Domain>(services, std::move(*options));
  }
  Domain(const weft_services& services, Options options) : services_(services), options_(std::move(options)) {}

  plugin::Made<std::unique_ptr<Group>> open_group() { return Group::open(services_, options_); }

 private:
  const plugin::Services services_;
  const Options options_;
};

}  // namespace weft::tcp

#endif
