// cm_id.cpp - the calls of an id. What it hears, and when, is in cm_events.cpp.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "addresses.hpp"
#include "cm.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::size_t kRequestRoom = 56, kReplyRoom = 196, kRejectRoom = 148;

std::unexpected<plugin::Failure> refuse(int code, const char* call, const std::string& why = {}) {
  return std::unexpected(plugin::Failure{
      .code = code, .text = std::string(call) + ": " + std::strerror(code) + (why.empty() ? "" : ", ") + why});
}

// As mlx5 lays out the entries of a queue pair that may bind windows.
std::uint64_t send_queue_bytes(const verbs::QueuePairSizes& sizes) {
  constexpr std::uint64_t kFixed = 192, kElement = 16, kBlock = 64, kInlineHeader = 4;
  const auto up = [](std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; };
  const std::uint64_t inlined = sizes.inline_bytes == 0 ? 0 : up(kInlineHeader + sizes.inline_bytes, kElement);
  const std::uint64_t entry = up(kFixed + std::max(sizes.send_sge * kElement, inlined), kBlock);
  return std::bit_ceil(entry * sizes.sends);
}

std::vector<std::byte> bytes_of(std::span<const std::byte> data) { return {data.begin(), data.end()}; }

}  // namespace

CmId::CmId(CmChannel& channel, Machine& machine)
    : machine_(machine),
      birth_(machine.record, Kind::kCmId),
      number_(machine.fabric().next_number()),
      channel_(&channel) {
  machine_.fabric().ids[number_] = this;
  machine_.fabric().add(*this);
}

CmId::CmId(CmChannel& channel, Machine& machine, const Message& request) : CmId(channel, machine) {
  state_ = State::kRequested;
  told_of_ = false;
  local_ = request.local;
  peer_ = request.peer;
  device_ = machine.device_at(text_of(local_));
  peer_id_ = request.from;
  peer_queue_pair_ = request.queue_pair;
  rnr_retries_ = request.rnr_retries;
  peer_answers_ = request.reads_out;
}

CmId::~CmId() {
  const auto guard = machine_.fabric().lock();
  if (queue_pair() != nullptr) machine_.record.fault("an id is deleted before its queue pair");
  leave();
  refuse_untaken();
  if (channel_ != nullptr) channel_->forget(*this);
  std::erase(machine_.bound, this);
  machine_.fabric().ids.erase(number_);
  machine_.fabric().remove(*this);
}

// An id that goes without a word is missed all the same: the kernel says it.
void CmId::leave() {
  switch (state_) {
    case State::kConnecting:
      return say({.type = RDMA_CM_EVENT_REJECTED, .status = kRejectTimeout});
    case State::kRequested:
      return say({.type = RDMA_CM_EVENT_REJECTED, .status = kRejectByConsumer});
    case State::kAccepted:
    case State::kConnected:
      return say({.type = RDMA_CM_EVENT_DISCONNECTED});
    case State::kLeft:
      if (!answered_) say({.type = RDMA_CM_EVENT_DISCONNECTED});
      return;
    default:
      return;
  }
}

void CmId::refuse_untaken() {
  for (const Message& message : messages_) {
    if (message.type != RDMA_CM_EVENT_CONNECT_REQUEST) continue;
    const auto asker = machine_.fabric().ids.find(message.from);
    if (asker != machine_.fabric().ids.end())
      asker->second->hear({.type = RDMA_CM_EVENT_REJECTED, .status = kRejectNobodyListens});
  }
}

// ---- addresses -----------------------------------------------------------------------------------------------------

verbs::Made<void> CmId::take_port(sockaddr_storage address) {
  const std::string text = text_of(address);
  if (!is_wildcard(address) && machine_.device_at(text) == nullptr) return refuse(EADDRNOTAVAIL, "bind", text);
  if (port_of(address) == 0) address = address_of(text, machine_.next_port++);
  const bool taken = std::ranges::any_of(machine_.bound, [&](const CmId* other) {
    if (port_of(other->local_) != port_of(address)) return false;
    return other->covers(address) || (is_wildcard(address) && other->local_.ss_family == address.ss_family);
  });
  if (taken) return refuse(EADDRINUSE, "bind", text);
  local_ = address;
  device_ = machine_.device_at(text);
  machine_.bound.push_back(this);
  return {};
}

verbs::Made<void> CmId::tune(const verbs::ConnectionTuning& tuning) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kTune); !allowed) return allowed;
  machine_.tunings.push_back(tuning);
  return {};
}

verbs::Made<void> CmId::bind(const sockaddr& local, bool one_family) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kBind); !allowed) return allowed;
  one_family_ = one_family || local.sa_family != AF_INET6;
  return take_port(copy_of(local));
}

verbs::Made<void> CmId::listen(int) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kListen); !allowed) return allowed;
  if (port_of(local_) == 0) return refuse(EINVAL, "listen", "no address");
  state_ = State::kListening;
  return {};
}

bool CmId::covers(const sockaddr_storage& address) const {
  if (local_.ss_family != address.ss_family) return !one_family_ && is_wildcard(local_);
  return is_wildcard(local_) || text_of(local_) == text_of(address);
}

bool CmId::listens_at(const sockaddr_storage& address) const {
  return state_ == State::kListening && port_of(local_) == port_of(address) && covers(address);
}

Device* CmId::device_for(const sockaddr* source, const sockaddr& to) const {
  if (source != nullptr && !is_wildcard(copy_of(*source))) return machine_.device_at(text_of(copy_of(*source)));
  for (const auto& device : machine_.devices()) {
    if (device->removed()) continue;
    for (const std::string& address : device->addresses()) {
      if (address_of(address, 0).ss_family == to.sa_family) return device.get();
    }
  }
  return nullptr;
}

verbs::Made<void> CmId::resolve_address(const sockaddr* source, const sockaddr& to, int) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kResolveAddress); !allowed) return allowed;
  if (state_ != State::kFresh) return refuse(EINVAL, "resolve_address");
  device_ = device_for(source, to);
  if (device_ == nullptr) return refuse(source != nullptr ? EADDRNOTAVAIL : ENODEV, "resolve_address");
  state_ = State::kResolving;
  peer_ = copy_of(to);
  for (const std::string& address : device_->addresses()) {
    const sockaddr_storage candidate = address_of(address, machine_.next_port++);
    if (candidate.ss_family == to.sa_family) local_ = candidate;
  }
  if (source != nullptr && !is_wildcard(copy_of(*source)))
    local_ = address_of(text_of(copy_of(*source)), port_of(local_));
  const auto& all = machine_.fabric().machines();
  const bool there = std::ranges::any_of(
      all, [&](const auto& machine) { return machine->device_at(text_of(peer_)) != nullptr && !machine->dead; });
  if (there) {
    hear({.type = RDMA_CM_EVENT_ADDR_RESOLVED});
  } else {
    hear({.type = RDMA_CM_EVENT_ADDR_ERROR, .status = -ETIMEDOUT});
  }
  return {};
}

verbs::Made<void> CmId::resolve_route(int) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kResolveRoute); !allowed) return allowed;
  if (state_ != State::kResolved) return refuse(EINVAL, "resolve_route");
  hear({.type = RDMA_CM_EVENT_ROUTE_RESOLVED});
  return {};
}

// ---- connections ---------------------------------------------------------------------------------------------------

verbs::Made<std::unique_ptr<verbs::QueuePair>> CmId::make_queue_pair(verbs::CompletionQueue& completions,
                                                                     verbs::SharedReceives* shared,
                                                                     const verbs::QueuePairSizes& sizes) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kMakeQueuePair); !allowed) return std::unexpected(allowed.error());
  if (device_ == nullptr || queue_pair() != nullptr) return refuse(EINVAL, "make_queue_pair");
  const auto& can = device_->attributes();
  if (sizes.sends > can.max_work_requests || sizes.receives > can.max_work_requests || sizes.send_sge > can.max_sge ||
      sizes.receive_sge > can.max_sge)
    return refuse(EINVAL, "make_queue_pair", "more than the device has");
  if (send_queue_bytes(sizes) > device_->traits().send_queue_bytes)
    return refuse(EINVAL, "make_queue_pair", "a send queue that is too large");
  auto pair = std::make_unique<QueuePair>(*device_, dynamic_cast<CompletionQueue&>(completions),
                                          dynamic_cast<SharedReceives*>(shared), sizes);
  queue_pair_ = pair->number();
  return pair;
}

QueuePair* CmId::queue_pair() const {
  const auto found = machine_.fabric().queue_pairs.find(queue_pair_);
  return found == machine_.fabric().queue_pairs.end() ? nullptr : found->second;
}

CmId* CmId::listener_of_peer() const {
  for (const auto& machine : machine_.fabric().machines()) {
    if (machine->dead || machine->device_at(text_of(peer_)) == nullptr) continue;
    for (CmId* id : machine->bound) {
      if (id->listens_at(peer_)) return id;
    }
  }
  return nullptr;
}

verbs::Made<void> CmId::connect(const verbs::ConnectionParameters& parameters) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kConnect); !allowed) return allowed;
  if (state_ != State::kResolved || queue_pair() == nullptr) return refuse(EINVAL, "connect");
  if (parameters.private_data.size() > kRequestRoom || parameters.reads_in > device_->attributes().max_reads_in)
    return refuse(EINVAL, "connect", "parameters");
  state_ = State::kConnecting;
  given_ = parameters;
  CmId* listener = listener_of_peer();
  const bool there = std::ranges::any_of(machine_.fabric().machines(), [&](const auto& machine) {
    return !machine->dead && machine->device_at(text_of(peer_)) != nullptr;
  });
  if (listener == nullptr && there && !machine_.fabric().cut)
    hear({.type = RDMA_CM_EVENT_REJECTED, .status = kRejectNobodyListens});
  if (listener == nullptr || machine_.fabric().cut) return {};  // else only time will tell
  listener->hear({.type = RDMA_CM_EVENT_CONNECT_REQUEST,
                  .reads_in = parameters.reads_out,
                  .reads_out = parameters.reads_in,
                  .rnr_retries = parameters.rnr_retries,
                  .from = number_,
                  .queue_pair = queue_pair_,
                  .local = peer_,
                  .peer = local_,
                  .data = bytes_of(parameters.private_data)});
  return {};
}

verbs::Made<void> CmId::accept(const verbs::ConnectionParameters& parameters) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kAccept); !allowed) return allowed;
  if (state_ != State::kRequested || queue_pair() == nullptr) return refuse(EINVAL, "accept");
  if (parameters.private_data.size() > kReplyRoom || parameters.reads_out > device_->attributes().max_reads_out)
    return refuse(EINVAL, "accept", "parameters");
  if (parameters.reads_out > peer_answers_) machine_.record.fault("accept: more READs than the peer answers");
  state_ = State::kAccepted;
  given_ = parameters;
  queue_pair()->join({peer_queue_pair_, parameters.reads_out, rnr_retries_});
  say({.type = RDMA_CM_EVENT_ESTABLISHED,
       .reads_in = parameters.reads_out,
       .reads_out = parameters.reads_in,
       .rnr_retries = parameters.rnr_retries,
       .from = number_,
       .queue_pair = queue_pair_,
       .data = bytes_of(parameters.private_data)});
  return {};
}

verbs::Made<void> CmId::reject(std::span<const std::byte> private_data) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kReject); !allowed) return allowed;
  if (state_ != State::kRequested || private_data.size() > kRejectRoom) return refuse(EINVAL, "reject");
  say({.type = RDMA_CM_EVENT_REJECTED, .status = kRejectByConsumer, .data = bytes_of(private_data)});
  state_ = State::kOver;
  return {};
}

verbs::Made<void> CmId::disconnect() {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kDisconnect); !allowed) return allowed;
  if (QueuePair* pair = queue_pair()) pair->to_error();
  switch (state_) {
    case State::kAccepted:
    case State::kConnected:
      state_ = State::kLeaving;
      say({.type = RDMA_CM_EVENT_DISCONNECTED});
      return {};
    case State::kLeaving:
      return {};
    case State::kLeft:  // the peer went first: this is the answer
      if (!std::exchange(answered_, true)) say({.type = RDMA_CM_EVENT_DISCONNECTED});
      return {};
    default:
      return refuse(EINVAL, "disconnect");
  }
}

verbs::Made<void> CmId::migrate(verbs::CmChannel& channel) {
  const auto guard = machine_.fabric().lock();
  if (auto allowed = machine_.script.allow(Call::kMigrate); !allowed) return allowed;
  auto& to = dynamic_cast<CmChannel&>(channel);
  channel_->move(*this, to);
  channel_ = &to;
  return {};
}

}  // namespace weft::rdma::model
