// region.hpp - memory of the caller, registered with every device of the domain: the weft_region of the table.
//
// Thread: any; constant after make(), but for drop(). It must outlive every operation on its memory, which is the core's to
// see to.
#ifndef WEFT_RDMA_REGION_HPP
#define WEFT_RDMA_REGION_HPP

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "../common/list.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Regions;

class Region {
 public:
  // access: WEFT_ACCESS_*. windows: peers reach memory by windows where the device has them, so that the key of the
  // region itself is good for nothing remote.
  static plugin::Made<Region*> make(std::span<verbs::Device* const> devices, void* base, std::uint64_t length,
                                    std::uint32_t access, bool windows);
  void release();
  // The device is going away, and nobody has a queue pair on it any more.
  void drop(const verbs::Device& device);

  // As `device` knows it; nullptr: not at all, or [base, + length) is not within it, or the device has not every right of
  // `access` (IBV_ACCESS_*) there.
  [[nodiscard]] verbs::Region* on(const verbs::Device& device, const void* base, std::uint64_t length,
                                  int access) const;

  plugin::Hook hook;       // in `all`, under its mutex
  Regions* all = nullptr;  // those of the domain; nullptr: of a test

 private:
  struct Place {
    const verbs::Device* device = nullptr;
    int access = 0;
    std::unique_ptr<verbs::Region> region;
  };
  Region(std::uintptr_t base, std::uint64_t length) : base_(base), length_(length) {}

  const std::uintptr_t base_;
  const std::uint64_t length_;
  std::vector<Place> places_;
};

// The regions of a domain, for a device that goes away. Any thread.
class Regions {
 public:
  void add(Region& region);
  void remove(Region& region);
  void drop(const verbs::Device& device);

 private:
  std::mutex mutex_;
  plugin::HookList<Region, &Region::hook> list_;
};

// What a device is asked for, for memory that peers are to reach as `access` says.
int registered_access(verbs::Device& device, std::uint32_t access, bool windows);

}  // namespace weft::rdma

#endif
