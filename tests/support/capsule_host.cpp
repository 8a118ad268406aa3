#include "support/capsule_host.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/plugin/transport_address.hpp"
#include "core/wire/sqe.hpp"
#include "core/wire/text_field.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kPatience = 5'000'000'000;

CapsuleHost& of(void* ctx) { return *static_cast<CapsuleHost*>(ctx); }

}  // namespace

const weft_qpair_events CapsuleHost::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = [](void* ctx, const weft_limits*) { of(ctx).ready_ = true; },
    .on_command = nullptr,
    .on_response =
        [](void* ctx, const weft_response* response) {
          CapsuleHost& self = of(ctx);
          Reply reply;
          reply.arrived = true;
          reply.error = response->error;
          reply.has_cqe = response->cqe != nullptr;
          if (reply.has_cqe) reply.cqe = load<nvme::Cqe>(response->cqe);
          reply.sqhd_valid = (response->flags & WEFT_SQHD_VALID) != 0;
          reply.moved = response->moved;
          EXPECT_EQ(self.outstanding_.erase(response->cid), 1u)
              << "a response to CID " << response->cid << ", which has none out";
          self.replies_[response->cid] = reply;
          self.order_.push_back(response->cid);
        },
    .on_data = nullptr,
    .on_closed =
        [](void* ctx, const weft_error* error) {
          CapsuleHost& self = of(ctx);
          self.closed_ = true;
          if (error != nullptr) self.closed_error_ = *error;
          self.handle_ = nullptr;
        },
};

CapsuleHost::CapsuleHost(Reactor& reactor, Transport& transport, Address address)
    : reactor_(reactor), transport_(transport), address_(std::move(address)) {}

CapsuleHost::~CapsuleHost() {
  close();
  EXPECT_TRUE(handle_ == nullptr || wait_closed()) << "the connection does not end";
}

bool CapsuleHost::open(std::uint16_t qid, std::uint32_t depth, std::uint32_t in_capsule) {
  const auto group = reactor_.group(transport_);
  TransportAddress where;
  if (!group || !where.set(address_, transport_)) return false;
  weft_qpair_params params{};
  params.size = sizeof params;
  params.flags = qid == 0 ? WEFT_QP_ADMIN : 0;
  params.depth = depth_ = depth;
  params.qid = qid;
  params.in_capsule = in_capsule;
  params.max_descriptors = 1;
  weft_error error = empty_error();
  ready_ = closed_ = false;
  const int rc = transport_.table().connect(*group, where.get(), &params, &kEvents, this, &handle_, &error);
  if (rc != 0) {
    handle_ = nullptr;
    closed_error_ = error;
    return false;
  }
  return run([this] { return ready_ || closed_; }) && ready_;
}

std::uint16_t CapsuleHost::send(nvme::Sqe sqe, std::span<const std::byte> out, std::span<std::byte> in) {
  while (outstanding_.contains(next_cid_)) next_cid_ = static_cast<std::uint16_t>((next_cid_ + 1) % depth_);
  const std::uint16_t cid = next_cid_;
  next_cid_ = static_cast<std::uint16_t>((next_cid_ + 1) % depth_);
  sqe.cid = cid;
  replies_.erase(cid);
  std::vector<std::byte>& kept = outstanding_[cid];
  kept.assign(out.begin(), out.end());
  weft_iov iov{kept.data(), kept.size(), nullptr};
  std::uint32_t flags = out.empty() ? 0 : WEFT_DIR_OUT;
  if (!in.empty()) {
    iov = {in.data(), in.size(), nullptr};
    flags = WEFT_DIR_IN;
  }
  const int rc = handle_ == nullptr ? -ENOTCONN
                                    : transport_.table().send_command(handle_, &sqe, flags == 0 ? nullptr : &iov,
                                                                      flags == 0 ? 0 : 1, flags);
  if (rc != 0) {
    outstanding_.erase(cid);
    replies_[cid] = Reply{.arrived = true, .error = rc, .cqe = {}};
  }
  return cid;
}

Reply CapsuleHost::wait(std::uint16_t cid) {
  const bool there = run([&] { return replies_.contains(cid) || closed_; });
  EXPECT_TRUE(there) << "no answer to CID " << cid;
  const auto it = replies_.find(cid);
  return it == replies_.end() ? Reply{} : it->second;
}

std::optional<Reply> CapsuleHost::reply(std::uint16_t cid) const {
  const auto it = replies_.find(cid);
  return it == replies_.end() ? std::nullopt : std::optional(it->second);
}

bool CapsuleHost::wait_closed() {
  return run([this] { return closed_; });
}

void CapsuleHost::close(std::uint32_t flags) {
  if (handle_ != nullptr) transport_.table().close(handle_, flags, monotonic_now() + kPatience);
}

bool CapsuleHost::run(const std::function<bool()>& done) {
  const Nanoseconds end = monotonic_now() + kPatience;
  while (!done()) {
    if (monotonic_now() > end) return false;
    reactor_.run_once(0);
  }
  return true;
}

fabrics::ConnectData CapsuleHost::connect_data(const Names& names, std::uint16_t cntlid) {
  fabrics::ConnectData data;
  data.hostid = names.hostid;
  data.cntlid = cntlid;
  wire::write_text(data.subnqn, names.subnqn, '\0');
  wire::write_text(data.hostnqn, names.hostnqn, '\0');
  return data;
}

Reply CapsuleHost::connect(const Names& names, std::uint16_t qid, std::uint32_t entries, std::uint16_t cntlid,
                           std::uint32_t kato_ms, bool no_flow_control) {
  const fabrics::ConnectData data = connect_data(names, cntlid);
  const nvme::Sqe sqe =
      wire::connect({.qid = qid, .entries = entries, .disable_sq_flow_control = no_flow_control, .kato_ms = kato_ms});
  return call(sqe, std::as_bytes(std::span(&data, 1)));
}

}  // namespace weft::test
