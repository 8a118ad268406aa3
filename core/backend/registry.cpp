#include <fmt/format.h>

#include <cerrno>
#include <vector>

#include "core/backend/backends.hpp"

namespace weft {

Status Backend::resize(std::uint64_t) { return Error(ENOTSUP, info().description + " cannot change its size"); }

BackendRegistry BackendRegistry::builtin() {
  BackendRegistry registry;
  registry.add("ram", &open_ram_backend);
  // What the backends of one kind share, so that one that rests costs little.
  registry.add("null", [memory = std::make_shared<NullMemory>()](const BackendAddress& address) {
    return open_null_backend(address, memory);
  });
  registry.add("file", [rings = std::make_shared<FileRings>()](const BackendAddress& address) {
    return open_file_backend(address, rings);
  });
  return registry;
}

void BackendRegistry::add(std::string scheme, BackendFactory factory) {
  factories_.insert_or_assign(std::move(scheme), std::move(factory));
}

Result<std::unique_ptr<Backend>> BackendRegistry::open(std::string_view url) const {
  auto address = BackendAddress::parse(url);
  if (!address) return std::move(address).error();
  if (auto found = factories_.find(address->scheme); found != factories_.end()) return found->second(*address);
  std::vector<std::string_view> known;
  for (const auto& [scheme, factory] : factories_) known.push_back(scheme);
  const std::string_view near = nearest_word(address->scheme, known);
  return Error(EINVAL,
               near.empty()
                   ? fmt::format("no backend is called '{}'; there are {}", address->scheme, fmt::join(known, ", "))
                   : fmt::format("no backend is called '{}'; did you mean '{}'?", address->scheme, near));
}

}  // namespace weft
