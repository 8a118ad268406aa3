#include "raw_peer.hpp"

#include <algorithm>
#include <array>

#include "addresses.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::uint64_t kReceiveMark = std::uint64_t{1} << 32;  // in wr_id
constexpr int kAllAccess =
    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_MW_BIND;
constexpr std::uint32_t kSends = 1024;

}  // namespace

RawPeer::RawPeer(Machine& machine)
    : library_(machine.make_library()), device_(library_->devices().front()), memory_(kDataSize) {
  channel_ = *library_->make_cm_channel();
  completion_channel_ = *device_->make_completion_channel();
  completions_ = *device_->make_completion_queue(4096, *completion_channel_, 0);
  region_ = *device_->register_memory(memory_.data(), memory_.size(), kAllAccess);
  if (device_->attributes().windows) window_ = *device_->make_window();
}

RawPeer::~RawPeer() { leave(); }

void RawPeer::leave() {
  window_.reset();
  pair_.reset();
  id_.reset();
  listener_.reset();
  send_regions_.clear();
  receive_region_.reset();
  region_.reset();
  completions_.reset();
  completion_channel_.reset();
  channel_.reset();
}

// ---- the connection ------------------------------------------------------------------------------------------------

void RawPeer::connect(const std::string& address, std::uint16_t port) {
  id_ = *channel_->make_id();
  static_cast<void>(id_->resolve_address(nullptr, plain(address_of(address, port)), 1000));
}

void RawPeer::listen(const std::string& address, std::uint16_t port) {
  private_data = answer_data(32);
  reads_in = 0, reads_out = 16;
  listener_ = *channel_->make_id();
  static_cast<void>(listener_->bind(plain(address_of(address, port)), true));
  static_cast<void>(listener_->listen(16));
}

std::uint16_t RawPeer::port() const { return port_of(listener_->local()); }

void RawPeer::disconnect() {
  if (id_ != nullptr) static_cast<void>(id_->disconnect());
}

void RawPeer::poll() {
  verbs::CmEvent event;
  while (channel_ != nullptr && channel_->next(event).value_or(false)) take(event);
  std::array<ibv_wc, 16> some;
  int count = 0;
  while (completions_ != nullptr && (count = completions_->poll(some)) > 0) {
    for (int i = 0; i < count; ++i) take(some[static_cast<std::size_t>(i)]);
  }
}

void RawPeer::take(verbs::CmEvent& event) {
  events.push_back(event.type);
  switch (event.type) {
    case RDMA_CM_EVENT_ADDR_RESOLVED:
      static_cast<void>(id_->resolve_route(1000));
      return;
    case RDMA_CM_EVENT_ROUTE_RESOLVED:
      make_pair(*id_);
      static_cast<void>(id_->connect({private_data, reads_in, reads_out, retries, rnr_retries}));
      return;
    case RDMA_CM_EVENT_CONNECT_REQUEST:
      answer(event);
      return;
    case RDMA_CM_EVENT_ESTABLISHED:
      established = true;
      if (listener_ != nullptr) return;
      break;
    case RDMA_CM_EVENT_REJECTED:
    case RDMA_CM_EVENT_UNREACHABLE:
    case RDMA_CM_EVENT_ADDR_ERROR:
    case RDMA_CM_EVENT_ROUTE_ERROR:
    case RDMA_CM_EVENT_CONNECT_ERROR:
      refused = event.status;
      break;
    case RDMA_CM_EVENT_DISCONNECTED:
      disconnected = true;
      if (answers_goodbye) disconnect();
      return;
    default:
      return;
  }
  said.assign(event.said().begin(), event.said().end());
  peer_reads_in = event.reads_in, peer_reads_out = event.reads_out;
}

void RawPeer::answer(verbs::CmEvent& event) {
  asked = true;
  said.assign(event.said().begin(), event.said().end());
  peer_reads_in = event.reads_in, peer_reads_out = event.reads_out;
  pair_.reset();  // of an earlier connection: one at a time
  id_ = std::move(event.fresh);
  if (rejects) {
    static_cast<void>(id_->reject(private_data));
  } else if (accepts) {
    make_pair(*id_);
    static_cast<void>(id_->accept({private_data, reads_in, std::min(reads_out, peer_reads_out), retries, rnr_retries}));
  }
}

void RawPeer::make_pair(verbs::CmId& id) {
  const verbs::QueuePairSizes sizes{
      .sends = kSends, .receives = std::max(receives, 1u), .send_sge = 4, .receive_sge = 1, .inline_bytes = 0};
  pair_ = *id.make_queue_pair(*completions_, nullptr, sizes);
  if (receives == 0) return;
  receive_memory_.resize(std::size_t{receives} * receive_bytes);
  receive_region_ = *device_->register_memory(receive_memory_.data(), receive_memory_.size(), IBV_ACCESS_LOCAL_WRITE);
  for (std::uint32_t i = 0; i < receives; ++i) post_receive();
}

// ---- the data path -------------------------------------------------------------------------------------------------

void RawPeer::post_receive() {
  const std::uint32_t slot = next_receive_++ % receives;
  std::byte* at = receive_memory_.data() + std::size_t{slot} * receive_bytes;
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(at), receive_bytes, receive_region_->lkey()};
  ibv_recv_wr request{};
  request.wr_id = kReceiveMark | slot;
  request.sg_list = &piece;
  request.num_sge = 1;
  ibv_recv_wr* not_taken = nullptr;
  static_cast<void>(pair_->post_receives(request, not_taken));
}

void RawPeer::take(const ibv_wc& completion) {
  if (completion.status != IBV_WC_SUCCESS) ++failed;
  if ((completion.wr_id & kReceiveMark) == 0) {
    done.push_back(completion);
    return;
  }
  if (completion.status != IBV_WC_SUCCESS) return;
  const std::byte* at = receive_memory_.data() + (completion.wr_id & ~kReceiveMark) * receive_bytes;
  Message message{{at, at + completion.byte_len}, std::nullopt};
  if ((completion.wc_flags & IBV_WC_WITH_INV) != 0) message.invalidated = completion.invalidated_rkey;
  received.push_back(std::move(message));
  if (posts_again) post_receive();
}

int RawPeer::post(ibv_send_wr& request, const Bytes& bytes) {
  ibv_sge piece{};
  if (!bytes.empty()) {
    Bytes& kept = send_memory_.emplace_back(bytes);
    send_regions_.push_back(*device_->register_memory(kept.data(), kept.size(), IBV_ACCESS_LOCAL_WRITE));
    piece = {reinterpret_cast<std::uintptr_t>(kept.data()), static_cast<std::uint32_t>(kept.size()),
             send_regions_.back()->lkey()};
    request.sg_list = &piece;
    request.num_sge = 1;
  }
  request.wr_id = next_send_++;
  request.send_flags = IBV_SEND_SIGNALED;
  ibv_send_wr* not_taken = nullptr;
  return pair_->post_sends(request, not_taken);
}

int RawPeer::send(const Bytes& bytes, std::optional<std::uint32_t> key) {
  ibv_send_wr request{};
  request.opcode = key ? IBV_WR_SEND_WITH_INV : IBV_WR_SEND;
  request.invalidate_rkey = key.value_or(0);
  return post(request, bytes);
}

int RawPeer::write(const Bytes& bytes, std::uint64_t remote, std::uint32_t key) {
  ibv_send_wr request{};
  request.opcode = IBV_WR_RDMA_WRITE;
  request.wr.rdma.remote_addr = remote;
  request.wr.rdma.rkey = key;
  return post(request, bytes);
}

int RawPeer::read(std::uint32_t length, std::uint64_t remote, std::uint32_t key) {
  ibv_sge piece{address(), length, region_->lkey()};
  ibv_send_wr request{};
  request.opcode = IBV_WR_RDMA_READ;
  request.wr.rdma.remote_addr = remote;
  request.wr.rdma.rkey = key;
  request.sg_list = &piece;
  request.num_sge = 1;
  return post(request, {});
}

int RawPeer::bind(std::uint64_t offset, std::uint64_t length, unsigned access) {
  ibv_send_wr request{};
  request.opcode = IBV_WR_BIND_MW;
  request.bind_mw.mw = window_->handle();
  request.bind_mw.rkey = ibv_inc_rkey(window_->handle()->rkey);
  request.bind_mw.bind_info = {region_->handle(), address() + offset, length, access};
  const int result = post(request, {});
  if (result == 0) window_->handle()->rkey = request.bind_mw.rkey;
  return result;
}

int RawPeer::invalidate(std::uint32_t key) {
  ibv_send_wr request{};
  request.opcode = IBV_WR_LOCAL_INV;
  request.invalidate_rkey = key;
  return post(request, {});
}

}  // namespace weft::rdma::model
