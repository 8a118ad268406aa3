#include "peer_by_hand.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace weft::rdma {

namespace {

constexpr int kAll = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_MW_BIND;
constexpr std::uint64_t kReceiveBit = std::uint64_t{1} << 63;

}  // namespace

PeerByHand::PeerByHand(End& end)
    : memory(kMemory), end_(end), slots_(std::size_t{kReceives} * kSlot), outgoing_(std::size_t{64} * kSlot) {
  region_ = std::move(*end.device().register_memory(memory.data(), memory.size(), kAll));
  slots_region_ = std::move(*end.device().register_memory(slots_.data(), slots_.size(), kAll));
  outgoing_region_ = std::move(*end.device().register_memory(outgoing_.data(), outgoing_.size(), kAll));
  for (std::uint32_t slot = 0; slot < kReceives; ++slot) receive(slot);
}

void PeerByHand::receive(std::uint32_t slot) {
  ibv_sge element{.addr = reinterpret_cast<std::uintptr_t>(&slots_[std::size_t{slot} * kSlot]),
                  .length = kSlot,
                  .lkey = slots_region_->lkey()};
  ibv_recv_wr request{.wr_id = kReceiveBit | slot, .next = nullptr, .sg_list = &element, .num_sge = 1};
  ibv_recv_wr* failed = nullptr;
  EXPECT_EQ(end_.pair().post_receives(request, failed), 0);
}

void PeerByHand::post(ibv_send_wr& request) {
  request.send_flags |= IBV_SEND_SIGNALED;
  ibv_send_wr* failed = nullptr;
  EXPECT_EQ(end_.pair().post_sends(request, failed), 0);
}

void PeerByHand::send(std::span<const std::byte> bytes, std::optional<std::uint32_t> invalidate) {
  std::byte* place = &outgoing_[(sent_++ % 64) * kSlot];
  std::memcpy(place, bytes.data(), bytes.size());
  ibv_sge element{.addr = reinterpret_cast<std::uintptr_t>(place),
                  .length = static_cast<std::uint32_t>(bytes.size()),
                  .lkey = outgoing_region_->lkey()};
  ibv_send_wr request{};
  request.sg_list = &element;
  request.num_sge = 1;
  request.opcode = invalidate ? IBV_WR_SEND_WITH_INV : IBV_WR_SEND;
  if (invalidate) request.invalidate_rkey = *invalidate;
  post(request);
}

void PeerByHand::move(ibv_wr_opcode opcode, std::uint64_t remote, std::uint32_t remote_key, std::uint32_t length) {
  ibv_sge element{.addr = address(), .length = length, .lkey = region_->lkey()};
  ibv_send_wr request{};
  request.sg_list = &element;
  request.num_sge = 1;
  request.opcode = opcode;
  request.wr.rdma.remote_addr = remote;
  request.wr.rdma.rkey = remote_key;
  post(request);
}

void PeerByHand::bind(verbs::Window& window) {
  window.handle()->rkey = ibv_inc_rkey(window.handle()->rkey);
  ibv_send_wr request{};
  request.opcode = IBV_WR_BIND_MW;
  request.bind_mw.mw = window.handle();
  request.bind_mw.rkey = window.handle()->rkey;
  request.bind_mw.bind_info = {.mr = region_->handle(),
                               .addr = address(),
                               .length = memory.size(),
                               .mw_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ};
  post(request);
}

void PeerByHand::poll() {
  ibv_wc one{};
  while (end_.completions().poll({&one, 1}) == 1) {
    if ((one.wr_id & kReceiveBit) == 0) {
      statuses.push_back(one.status);
      continue;
    }
    if (one.status != IBV_WC_SUCCESS) continue;
    const auto slot = static_cast<std::uint32_t>(one.wr_id);
    const std::byte* bytes = &slots_[std::size_t{slot} * kSlot];
    Message message{.bytes = {bytes, bytes + one.byte_len}, .invalidated = {}};
    if ((one.wc_flags & IBV_WC_WITH_INV) != 0) message.invalidated = one.invalidated_rkey;
    messages.push_back(std::move(message));
    receive(slot);
  }
}

}  // namespace weft::rdma
