#include "lookup.hpp"

#include <fmt/format.h>

#include <cstring>

namespace weft::plugin {

Lookup::~Lookup() {
  if (pending_ && services_.raw().resolve_cancel != nullptr)
    services_.raw().resolve_cancel(services_.raw().ctx, group_, this);
}

Made<void> Lookup::begin() {
  if (host_.empty()) return std::unexpected(Failure{.code = EINVAL, .text = "the address names no host"});
  const auto numeric = parse_numeric(host_, service_);
  if (!numeric) return std::unexpected(numeric.error());
  if (*numeric) {
    addresses_.push_back(**numeric);
    return {};
  }
  const auto port = parse_port(service_);
  if (!port) return std::unexpected(port.error());
  const weft_services& services = services_.raw();
  if (services.resolve == nullptr)
    return std::unexpected(Failure{.code = ENOTSUP,
                                   .text = fmt::format("'{}' is no numeric address and nobody resolves names", host_),
                                   .stage = "resolve"});
  pending_ = true;
  const int rc = services.resolve(services.ctx, group_, host_.c_str(), service_.c_str(), this, &Lookup::answered);
  if (rc == 0) return {};
  pending_ = false;
  return std::unexpected(Failure{
      .code = -rc, .text = fmt::format("cannot resolve '{}': {}", host_, std::strerror(-rc)), .stage = "resolve"});
}

void Lookup::answered(void* self, std::int32_t error, const void* addresses, std::uint32_t length) {
  auto& lookup = *static_cast<Lookup*>(self);
  lookup.pending_ = false;
  lookup.error_ = error;
  const auto* bytes = static_cast<const std::byte*>(addresses);
  while (error == 0 && length != 0) {
    NetAddress address;
    const std::uint32_t used = NetAddress::from_bytes(bytes, length, address);
    if (used == 0) break;
    lookup.addresses_.push_back(address);
    bytes += used;
    length -= used;
  }
  lookup.owner_.looked_up();
}

Failure Lookup::failure() const {
  const int error = error_ != 0 ? -error_ : ENOENT;
  const std::string why = error == ENOENT   ? "no address is known for it"
                          : error == EAGAIN ? "names cannot be looked up now, the name server does not answer"
                                            : std::strerror(error);
  return {.code = error, .text = fmt::format("cannot resolve '{}': {}", host_, why), .stage = "resolve"};
}

}  // namespace weft::plugin
