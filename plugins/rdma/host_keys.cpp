#include "host_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

Made<void> HostKeys::make(verbs::Device& device, std::uint32_t depth, std::uint32_t most, bool windows) {
  most_ = std::clamp(most, 1U, kMostPieces);
  depth_ = depth;
  keys_.resize(std::size_t{depth} * most_);
  counts_.resize(depth);
  if (!windows) return {};
  wanted_ = depth + (most_ > 1 ? spare(depth) : 0);
  windows_.reserve(wanted_);
  free_.reserve(wanted_);
  Made<std::unique_ptr<verbs::Window>> first = device.make_window();
  if (!first)
    return std::unexpected(
        Failure{.code = first.error().code,
                .text = fmt::format("cannot make a memory window: {} (windows=off does without)", first.error().text),
                .stage = "memory"});
  add(std::move(*first));
  grow(device);
  return {};
}

void HostKeys::add(std::unique_ptr<verbs::Window> window) {
  free_.push_back(window.get());
  windows_.push_back(std::move(window));
}

bool HostKeys::grow(verbs::Device& device) {
  const std::size_t until = std::min<std::size_t>(windows_.size() + kPiece, wanted_);
  while (windows_.size() < until) {
    Made<std::unique_ptr<verbs::Window>> window = device.make_window();
    if (!window) {
      wanted_ = static_cast<std::uint32_t>(windows_.size());
      return false;
    }
    add(std::move(*window));
  }
  return windows_.size() < wanted_;
}

void HostKeys::drop() {
  windows_.clear();
  free_.clear();
}

bool HostKeys::take(std::uint32_t cid, std::uint32_t count) {
  assert(counts_[cid] == 0 && count != 0 && count <= most_);
  if (uses_windows() && (count > free_.size() || (count > 1 && further_ + count - 1 > most_further()))) return false;
  counts_[cid] = static_cast<std::uint8_t>(count);
  if (!uses_windows()) return true;
  further_ += count - 1;
  for (Key& key : keys_of(cid)) {
    key.window = free_.back();
    free_.pop_back();
  }
  return true;
}

void HostKeys::give_back(std::uint32_t cid) {
  for (Key& key : keys_of(cid)) key.good = false;
  if (uses_windows() && counts_[cid] != 0) {
    further_ -= counts_[cid] - 1U;
    for (const Key& key : keys_of(cid)) free_.push_back(key.window);
  }
  counts_[cid] = 0;
}

std::uint32_t HostKeys::give(std::uint32_t cid, std::uint32_t nth, const Stretch& stretch, bool in, SendQueue& sends) {
  if (!uses_windows()) return stretch.region->rkey();
  Key& key = keys_of(cid)[nth];
  ibv_mw* const window = key.window->handle();
  key.key = ibv_inc_rkey(window->rkey);  // the window's own is the one before until the request was posted
  key.good = true;
  ibv_send_wr& request = sends.add(Work::kBind, cid, IBV_WR_BIND_MW, false);
  request.bind_mw.mw = window;
  request.bind_mw.rkey = key.key;
  request.bind_mw.bind_info = {
      .mr = stretch.region->handle(),
      .addr = reinterpret_cast<std::uintptr_t>(stretch.base),
      .length = stretch.length,
      .mw_access_flags = static_cast<unsigned>(in ? IBV_ACCESS_REMOTE_WRITE : IBV_ACCESS_REMOTE_READ)};
  return key.key;
}

void HostKeys::answered(std::uint32_t cid) {
  if (!uses_windows()) return;
  for (const Key& key : keys_of(cid)) key.window->handle()->rkey = key.key;  // the next one follows it
}

bool HostKeys::invalidated(std::uint32_t cid, std::uint32_t said) {
  for (Key& key : keys_of(cid))
    if (key.good && key.key == said) {
      key.good = false;
      return true;
    }
  return false;
}

std::uint32_t HostKeys::good(std::uint32_t cid) const {
  const std::span<const Key> keys(&keys_[std::size_t{cid} * most_], counts_[cid]);
  return static_cast<std::uint32_t>(std::ranges::count(keys, true, &Key::good));
}

std::uint32_t HostKeys::take_back(std::uint32_t cid) {
  for (Key& key : keys_of(cid))
    if (std::exchange(key.good, false)) return key.key;
  return 0;
}

}  // namespace weft::rdma
