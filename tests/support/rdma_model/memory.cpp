#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "machine.hpp"

namespace weft::rdma::model {
namespace {

std::string words(std::uint32_t key, std::uint64_t address, std::uint64_t length) {
  char text[96];
  std::snprintf(text, sizeof text, "key %08x, %llu bytes at %llx: ", key, static_cast<unsigned long long>(length),
                static_cast<unsigned long long>(address));
  return text;
}

// Without wrapping: [address, address + length) within [base, base + size).
bool within(std::uint64_t address, std::uint64_t length, std::uint64_t base, std::uint64_t size) {
  return address >= base && address - base <= size && length <= size - (address - base);
}

}  // namespace

// ---- Region, Window ------------------------------------------------------------------------------------------------

Region::Region(Memory& memory, void* base, std::uint64_t length, int access)
    : memory_(memory), birth_(memory.machine().record, Kind::kRegion), access_(access) {
  mr_.addr = base;
  mr_.length = length;
  mr_.lkey = memory.new_key();
  mr_.rkey = memory.new_key();
  Counts& counts = memory.machine().record.counts;
  counts.registered += length;
  counts.most_registered = std::max(counts.most_registered, counts.registered);
  memory.add(*this);
}

Region::~Region() {
  const auto guard = memory_.machine().fabric().lock();
  if (windows != 0) memory_.machine().record.fault("a region is deregistered that a window is bound to");
  memory_.machine().record.counts.registered -= mr_.length;
  memory_.remove(*this);
}

bool Region::contains(std::uint64_t address, std::uint64_t length) const {
  return within(address, length, reinterpret_cast<std::uintptr_t>(mr_.addr), mr_.length);
}

Window::Window(Memory& memory) : memory_(memory), birth_(memory.machine().record, Kind::kWindow) {
  mw_.rkey = memory.new_key();
  mw_.type = IBV_MW_TYPE_2;
  memory.add(*this);
}

Window::~Window() {
  const auto guard = memory_.machine().fabric().lock();
  unbind();
  memory_.remove(*this);
}

void Window::bind(Region& to, std::uint32_t key, std::uint32_t pair, const ibv_mw_bind_info& info) {
  region = &to;
  ++to.windows;
  rkey = key;
  queue_pair = pair;
  base = info.addr;
  length = info.length;
  access = info.mw_access_flags;
}

void Window::unbind() {
  if (region == nullptr) return;
  --region->windows;
  region = nullptr;
  memory_.retire(rkey);
}

// ---- Memory --------------------------------------------------------------------------------------------------------

std::uint32_t Memory::new_key() { return machine_.fabric().next_number() << 8 | 0x5a; }

void Memory::add(Region& region) {
  by_lkey_[region.lkey()] = &region;
  by_rkey_[region.rkey()] = &region;
}

void Memory::remove(Region& region) {
  by_lkey_.erase(region.lkey());
  by_rkey_.erase(region.rkey());
  for (const auto& [handle, window] : windows_) {
    if (window->region == &region) window->unbind();
  }
  retire(region.lkey());
  retire(region.rkey());
}

Memory::Wrong Memory::unknown(std::uint32_t key) const {
  return past_.contains(key) ? "the key was invalidated" : "no such key was ever given";
}

Memory::Wrong Memory::check_local(std::span<const ibv_sge> pieces, bool fill) const {
  for (const ibv_sge& piece : pieces) {
    if (piece.length == 0) continue;
    const auto found = by_lkey_.find(piece.lkey);
    const Wrong what = words(piece.lkey, piece.addr, piece.length);
    if (found == by_lkey_.end()) return what + unknown(piece.lkey);
    if (!found->second->contains(piece.addr, piece.length)) return what + "beyond the region";
    if (fill && (found->second->access() & IBV_ACCESS_LOCAL_WRITE) == 0) return what + "the region is read only";
  }
  return {};
}

bool Memory::all_have(std::span<const ibv_sge> pieces, int right) const {
  return std::ranges::all_of(pieces, [&](const ibv_sge& piece) {
    const auto found = by_lkey_.find(piece.lkey);
    return found != by_lkey_.end() && (found->second->access() & right) == right;
  });
}

Window* Memory::window_with(std::uint32_t rkey) const {
  for (const auto& [handle, window] : windows_) {
    if (window->region != nullptr && window->rkey == rkey) return window;
  }
  return nullptr;
}

Memory::Wrong Memory::check_remote(std::uint32_t rkey, std::uint64_t address, std::uint64_t length, int right,
                                   std::uint32_t queue_pair) const {
  const Wrong what = words(rkey, address, length);
  if (const Window* window = window_with(rkey)) {
    if (window->queue_pair != queue_pair) return what + "the window is bound to another queue pair";
    if (!within(address, length, window->base, window->length)) return what + "beyond the window";
    if ((window->access & static_cast<unsigned>(right)) == 0) return what + "the window does not allow it";
    return {};
  }
  const auto found = by_rkey_.find(rkey);
  if (found == by_rkey_.end()) return what + unknown(rkey);
  if (!found->second->contains(address, length)) return what + "beyond the region";
  if ((found->second->access() & right) == 0) return what + "the region does not allow it";
  return {};
}

Memory::Wrong Memory::why_not_bind(const Window& window, const ibv_send_wr& request) const {
  const ibv_mw_bind_info& info = request.bind_mw.bind_info;
  if (window.region != nullptr) return "the window is bound already";
  if ((request.bind_mw.rkey ^ window.handle()->rkey) >> 8 != 0) return "the key is of another window";
  if (past_.contains(request.bind_mw.rkey) && window.rkey == request.bind_mw.rkey)
    return "the key is the one that was invalidated last";
  const auto found =
      std::ranges::find_if(by_rkey_, [&](const auto& entry) { return entry.second->handle() == info.mr; });
  if (found == by_rkey_.end() || info.length == 0) return "no region, or no bytes";
  const Region& region = *found->second;
  if ((region.access() & IBV_ACCESS_MW_BIND) == 0) return "the region does not allow windows";
  if (!region.contains(info.addr, info.length)) return "beyond the region";
  if ((info.mw_access_flags & IBV_ACCESS_REMOTE_WRITE) != 0 && (region.access() & IBV_ACCESS_LOCAL_WRITE) == 0)
    return "the region is read only";
  return {};
}

Memory::Wrong Memory::bind(const ibv_send_wr& request, std::uint32_t queue_pair) {
  const auto found = windows_.find(request.bind_mw.mw);
  if (found == windows_.end()) return "bind: no such window";
  Window& window = *found->second;
  if (const Wrong why = why_not_bind(window, request); !why.empty()) return "bind: " + why;
  const auto region = std::ranges::find_if(
      by_rkey_, [&](const auto& entry) { return entry.second->handle() == request.bind_mw.bind_info.mr; });
  window.bind(*region->second, request.bind_mw.rkey, queue_pair, request.bind_mw.bind_info);
  past_.erase(window.rkey);  // tags come round after 256
  return {};
}

Memory::Wrong Memory::invalidate(std::uint32_t rkey, std::uint32_t queue_pair) {
  Window* window = window_with(rkey);
  if (window == nullptr)
    return words(rkey, 0, 0) + (by_rkey_.contains(rkey) ? "the key of a region cannot be invalidated" : unknown(rkey));
  if (window->queue_pair != queue_pair) return words(rkey, 0, 0) + "the window is bound to another queue pair";
  window->unbind();
  return {};
}

std::size_t Memory::unbind_all(std::uint32_t queue_pair) {
  std::size_t unbound = 0;
  for (const auto& [handle, window] : windows_) {
    if (window->region == nullptr || window->queue_pair != queue_pair) continue;
    window->unbind();
    ++unbound;
  }
  return unbound;
}

// ---- bytes ---------------------------------------------------------------------------------------------------------

std::vector<std::byte> gather(std::span<const ibv_sge> pieces) {
  std::vector<std::byte> bytes;
  bytes.reserve(length_of(pieces));
  for (const ibv_sge& piece : pieces) {
    const auto* from = reinterpret_cast<const std::byte*>(piece.addr);
    bytes.insert(bytes.end(), from, from + piece.length);
  }
  return bytes;
}

void scatter(std::span<const ibv_sge> pieces, std::span<const std::byte> bytes) {
  for (const ibv_sge& piece : pieces) {
    const std::size_t part = std::min<std::size_t>(piece.length, bytes.size());
    if (part != 0) std::memcpy(reinterpret_cast<void*>(piece.addr), bytes.data(), part);
    bytes = bytes.subspan(part);
  }
}

std::uint64_t length_of(std::span<const ibv_sge> pieces) {
  std::uint64_t sum = 0;
  for (const ibv_sge& piece : pieces) sum += piece.length;
  return sum;
}

}  // namespace weft::rdma::model
