// memory.hpp - registered memory of a device, and what a key names at this moment.
//
// Keys are never given twice. A key that was good once and is not any more is told apart from one that never was:
// "after it was invalidated" is the fault that matters most.
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_MEMORY_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "plugins/rdma/verbs.hpp"
#include "record.hpp"

namespace weft::rdma::model {

class Machine;
class Memory;

class Region final : public verbs::Region {
 public:
  Region(Memory& memory, void* base, std::uint64_t length, int access);
  ~Region() override;
  [[nodiscard]] ibv_mr* handle() const override { return &mr_; }
  [[nodiscard]] int access() const { return access_; }
  [[nodiscard]] bool contains(std::uint64_t address, std::uint64_t length) const;

  std::uint32_t windows = 0;  // that are bound to it

 private:
  Memory& memory_;
  const Birth birth_;
  mutable ibv_mr mr_{};
  const int access_;
};

class Window final : public verbs::Window {
 public:
  explicit Window(Memory& memory);
  ~Window() override;
  [[nodiscard]] ibv_mw* handle() const override { return &mw_; }
  void bind(Region& region, std::uint32_t rkey, std::uint32_t queue_pair, const ibv_mw_bind_info& info);
  void unbind();

  Region* region = nullptr;  // nullptr: not bound, no key of it is good
  std::uint32_t rkey = 0;    // that is good, when it is bound
  std::uint32_t queue_pair = 0;
  std::uint64_t base = 0, length = 0;
  unsigned access = 0;

 private:
  Memory& memory_;
  const Birth birth_;
  mutable ibv_mw mw_{};
};

class Memory {
 public:
  explicit Memory(Machine& machine) : machine_(machine) {}

  // Why an access is wrong; empty: it is right.
  using Wrong = std::string;
  // By the owner of the memory: every piece in a region, with LOCAL_WRITE when it is to be filled.
  [[nodiscard]] Wrong check_local(std::span<const ibv_sge> pieces, bool fill) const;
  [[nodiscard]] bool all_have(std::span<const ibv_sge> pieces, int right) const;
  // By a peer over `queue_pair`, which needs `right`.
  [[nodiscard]] Wrong check_remote(std::uint32_t rkey, std::uint64_t address, std::uint64_t length, int right,
                                   std::uint32_t queue_pair) const;
  [[nodiscard]] Wrong bind(const ibv_send_wr& request, std::uint32_t queue_pair);
  [[nodiscard]] Wrong invalidate(std::uint32_t rkey, std::uint32_t queue_pair);
  std::size_t unbind_all(std::uint32_t queue_pair);  // the queue pair is gone; how many were bound to it

  // For regions and windows.
  [[nodiscard]] Machine& machine() const { return machine_; }
  std::uint32_t new_key();
  void add(Region& region);
  void remove(Region& region);
  void add(Window& window) { windows_[window.handle()] = &window; }
  void remove(Window& window) { windows_.erase(window.handle()); }
  [[nodiscard]] std::size_t windows() const { return windows_.size(); }
  [[nodiscard]] bool empty() const { return by_lkey_.empty() && windows_.empty(); }
  void retire(std::uint32_t key) { past_.insert(key); }

 private:
  [[nodiscard]] Wrong unknown(std::uint32_t key) const;
  [[nodiscard]] Window* window_with(std::uint32_t rkey) const;
  [[nodiscard]] Wrong why_not_bind(const Window& window, const ibv_send_wr& request) const;

  Machine& machine_;
  std::map<std::uint32_t, Region*> by_lkey_, by_rkey_;
  std::map<const ibv_mw*, Window*> windows_;
  std::set<std::uint32_t> past_;
};

std::vector<std::byte> gather(std::span<const ibv_sge> pieces);
void scatter(std::span<const ibv_sge> pieces, std::span<const std::byte> bytes);
std::uint64_t length_of(std::span<const ibv_sge> pieces);

}  // namespace weft::rdma::model

#endif
