#include "domain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "group.hpp"

namespace weft::rdma {

using plugin::Made;

Made<std::unique_ptr<Domain>> Domain::open(const weft_services& services, std::span<const weft_option> given) {
  const Made<Options> options = Options::parse_domain(given);
  if (!options) return std::unexpected(options.error());
  Made<std::unique_ptr<verbs::Library>> library = verbs::open_library();
  if (!library) return std::unexpected(library.error());
  return std::make_unique<Domain>(services, *options, std::move(*library));
}

Domain::~Domain() = default;

Made<std::unique_ptr<Group>> Domain::open_group() { return Group::open(*this); }

Made<Region*> Domain::register_region(void* base, std::uint64_t length, std::uint32_t access) {
  return Region::make(library_->devices(), base, length, access, options_.windows);
}

std::string no_device_has(verbs::Library& library, const std::string& address) {
  std::string text = fmt::format("no RDMA device has {}", address);
  const char* separator = "; devices: ";
  for (const verbs::DeviceAddress& device : library.addresses()) {
    text += separator + device.device;
    text += device.addresses.empty() ? " without an address" : fmt::format(" {}", fmt::join(device.addresses, " "));
    separator = ", ";
  }
  return text;
}

}  // namespace weft::rdma
