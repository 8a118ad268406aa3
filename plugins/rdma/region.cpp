#include "region.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "block.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

int registered_access(verbs::Device& device, std::uint32_t access, bool windows) {
  // Memory that peers only read may be mapped for reading alone.
  int wanted = access == WEFT_ACCESS_REMOTE_READ ? 0 : IBV_ACCESS_LOCAL_WRITE;
  if (windows && device.makes_windows()) return wanted | IBV_ACCESS_MW_BIND;
  if ((access & WEFT_ACCESS_REMOTE_READ) != 0) wanted |= IBV_ACCESS_REMOTE_READ;
  if ((access & WEFT_ACCESS_REMOTE_WRITE) != 0) wanted |= IBV_ACCESS_REMOTE_WRITE;
  return wanted;
}

Made<Region*> Region::make(std::span<verbs::Device* const> devices, void* base, std::uint64_t length,
                           std::uint32_t access, bool windows) {
  if (base == nullptr || length == 0)
    return std::unexpected(Failure{.code = EINVAL, .text = "a region of no memory", .stage = "memory"});
  if ((access & ~(WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE)) != 0)
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = fmt::format("unknown access {:#x} to a region", access), .stage = "memory"});
  std::unique_ptr<Region> region(new Region(reinterpret_cast<std::uintptr_t>(base), length));
  region->places_.reserve(devices.size());
  for (verbs::Device* device : devices) {
    const int granted = registered_access(*device, access, windows);
    Made<std::unique_ptr<verbs::Region>> made = device->register_memory(base, length, granted);
    if (!made) return std::unexpected(explain_registration(made.error(), length, "the caller's memory"));
    region->places_.push_back({device, granted, std::move(*made)});
  }
  return region.release();
}

void Region::release() {
  if (all != nullptr) all->remove(*this);
  delete this;
}

void Region::drop(const verbs::Device& device) {
  for (Place& place : places_)
    if (place.device == &device) place.region.reset();
}

void Regions::add(Region& region) {
  const std::lock_guard lock(mutex_);
  region.all = this;
  list_.push_back(region);
}

void Regions::remove(Region& region) {
  const std::lock_guard lock(mutex_);
  list_.remove(region);
}

void Regions::drop(const verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  list_.for_each([&](Region& region) { region.drop(device); });
}

verbs::Region* Region::on(const verbs::Device& device, const void* base, std::uint64_t length, int access) const {
  const auto at = reinterpret_cast<std::uintptr_t>(base);
  if (at < base_ || length > length_ || at - base_ > length_ - length) return nullptr;
  for (const Place& place : places_)
    if (place.device == &device) return (place.access & access) == access ? place.region.get() : nullptr;
  return nullptr;
}

}  // namespace weft::rdma
