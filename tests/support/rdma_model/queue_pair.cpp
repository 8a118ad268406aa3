// queue_pair.cpp - posting, flushing and completing. What requests do is in queue_pair_effects.cpp.
#include "queue_pair.hpp"

#include <algorithm>
#include <cerrno>

#include "machine.hpp"

namespace weft::rdma::model {
namespace {

// Of a request that failed a device tells little more than that.
constexpr ibv_wc_opcode kNoOpcode = IBV_WC_DRIVER1;

}  // namespace

SharedReceives::SharedReceives(Device& device, std::uint32_t entries, std::uint32_t sge)
    : device_(device),
      machine_(device.machine()),
      birth_(machine_.record, Kind::kSharedReceives),
      entries_(entries),
      sge_(sge) {
  device.shared_receives.push_back(this);
}

SharedReceives::~SharedReceives() {
  const auto guard = machine_.fabric().lock();
  std::erase(device_.shared_receives, this);
  machine_.record.counts.shared_receives -= waiting.size();
  for (const auto& [number, pair] : machine_.fabric().queue_pairs) {
    if (!pair->takes_from(*this)) continue;
    machine_.record.fault("a shared receive queue is deleted before a queue pair on it");
    pair->take_nothing();
  }
}

int SharedReceives::post(ibv_recv_wr& chain) {
  const auto guard = machine_.fabric().lock();
  for (const ibv_recv_wr* request = &chain; request != nullptr; request = request->next) {
    if (const int error = machine_.script.next(Call::kPostReceive); error != 0) return -error;
    if (device_.silent()) return -EIO;
    if (std::ranges::count(waiting, request->wr_id, &Receive::wr_id) != 0)
      machine_.record.fault("a shared receive is posted twice");
    if (waiting.size() == entries_) {
      ++machine_.record.counts.refused;
      return -ENOMEM;
    }
    if (request->num_sge < 0 || static_cast<std::uint32_t>(request->num_sge) > sge_) return -EINVAL;
    waiting.push_back({request->wr_id, {request->sg_list, request->sg_list + request->num_sge}, 0});
    ++machine_.record.counts.shared_receives;
  }
  return 0;
}

Receive SharedReceives::take() {
  Receive first = std::move(waiting.front());
  waiting.pop_front();
  --machine_.record.counts.shared_receives;
  return first;
}

QueuePair::QueuePair(Device& device, CompletionQueue& completions, SharedReceives* shared,
                     const verbs::QueuePairSizes& sizes)
    : device_(device),
      machine_(device.machine()),
      birth_(machine_.record, Kind::kQueuePair),
      completions_(&completions),
      shared_(shared),
      sizes_(sizes),
      number_(machine_.fabric().next_number()) {
  sizes_.inline_bytes = std::min(sizes.inline_bytes, device.traits().max_inline);
  machine_.fabric().queue_pairs[number_] = this;
  machine_.fabric().add(*this);
}

QueuePair::~QueuePair() {
  const auto guard = machine_.fabric().lock();
  if (state_ != State::kFresh) machine_.record.counts.lost += sends_.size() + receives_.size();
  if (!device_.traits().keeps_completions && completions_ != nullptr) completions_->forget(number_);
  if (device_.memory().unbind_all(number_) != 0)
    machine_.record.fault("a window outlives the queue pair that it is bound to");
  machine_.fabric().queue_pairs.erase(number_);
  machine_.fabric().remove(*this);
}

void QueuePair::join(const Joining& joining) {
  if (state_ != State::kFresh) return;
  joining_ = joining;
  state_ = State::kReady;
}

// ---- posting -------------------------------------------------------------------------------------------------------

bool is_local(const ibv_send_wr& request) {
  return request.opcode == IBV_WR_BIND_MW || request.opcode == IBV_WR_LOCAL_INV;
}

int QueuePair::refused(int error) const { return device_.traits().positive_errors ? error : -error; }

int QueuePair::post_sends(ibv_send_wr& chain, ibv_send_wr*& failed) {
  const auto guard = machine_.fabric().lock();
  for (ibv_send_wr* request = &chain; request != nullptr; request = request->next) {
    failed = request;
    if (const int error = machine_.script.next(Call::kPostSend); error != 0) return refused(error);
    if (const int result = take_send(*request); result != 0) return refused(-result);
  }
  failed = nullptr;
  return 0;
}

// What a device or its driver refuses, and no correct program asks for.
std::string QueuePair::why_not_send(const ibv_send_wr& request) const {
  const auto& traits = device_.traits();
  if (state_ == State::kFresh) return "before the queue pair is connected";
  if (request.num_sge < 0 || static_cast<std::uint32_t>(request.num_sge) > sizes_.send_sge)
    return std::to_string(request.num_sge) + " elements";
  const std::span pieces(request.sg_list, static_cast<std::size_t>(request.num_sge));
  if ((request.send_flags & IBV_SEND_INLINE) != 0 && length_of(pieces) > sizes_.inline_bytes)
    return std::to_string(length_of(pieces)) + " bytes inline";
  if (request.opcode == IBV_WR_SEND_WITH_INV && !traits.attributes.invalidates) return "SEND with invalidate";
  if (is_local(request) && !traits.attributes.windows) return "a window";
  if (request.opcode == IBV_WR_RDMA_READ && traits.attributes.max_sge_read != 0 &&
      static_cast<std::uint32_t>(request.num_sge) > traits.attributes.max_sge_read)
    return std::to_string(request.num_sge) + " elements of a READ";
  return {};
}

int QueuePair::take_send(const ibv_send_wr& request) {
  if (device_.silent()) return -EIO;
  if (state_ == State::kError && device_.traits().posts_only_when_ready) return -EINVAL;
  if (const std::string why = why_not_send(request); !why.empty()) {
    machine_.record.fault("post_sends: " + why);
    return -EINVAL;
  }
  if (sends_posted_ - sends_free_ == sizes_.sends) {
    ++machine_.record.counts.refused;
    return -ENOMEM;
  }
  Send send;
  send.request = request;
  send.serial = ++sends_posted_;
  send.pieces.assign(request.sg_list, request.sg_list + request.num_sge);
  send.is_inline = (request.send_flags & IBV_SEND_INLINE) != 0;
  if (send.is_inline) send.bytes = gather(send.pieces);
  sends_.push_back(std::move(send));
  if (request.opcode == IBV_WR_RDMA_READ && state_ == State::kReady && reads_under_way() > joining_.reads_out) {
    machine_.record.fault(std::to_string(reads_under_way()) + " READs are posted, and the peer answers " +
                          std::to_string(joining_.reads_out) + " at a time");
  }
  machine_.record.counts.most_reads = std::max(machine_.record.counts.most_reads, reads_under_way());
  return 0;
}

int QueuePair::post_receives(ibv_recv_wr& chain, ibv_recv_wr*& failed) {
  const auto guard = machine_.fabric().lock();
  for (ibv_recv_wr* request = &chain; request != nullptr; request = request->next) {
    failed = request;
    if (const int error = machine_.script.next(Call::kPostReceive); error != 0) return refused(error);
    if (const int result = take_receive(*request); result != 0) return refused(-result);
  }
  failed = nullptr;
  return 0;
}

int QueuePair::take_receive(const ibv_recv_wr& request) {
  if (device_.silent()) return -EIO;
  if (state_ == State::kError && device_.traits().posts_only_when_ready) return -EINVAL;
  if (shared_ != nullptr || request.num_sge < 0 || static_cast<std::uint32_t>(request.num_sge) > sizes_.receive_sge) {
    machine_.record.fault("post_receives: " + std::to_string(request.num_sge) + " elements");
    return -EINVAL;
  }
  if (receives_posted_ - receives_free_ == sizes_.receives) {
    ++machine_.record.counts.refused;
    return -ENOMEM;
  }
  receives_.push_back({request.wr_id, {request.sg_list, request.sg_list + request.num_sge}, ++receives_posted_});
  return 0;
}

int QueuePair::fail() {
  const auto guard = machine_.fabric().lock();
  if (const int error = machine_.script.next(Call::kFail); error != 0) return -error;
  if (device_.silent()) return -EIO;
  to_error();
  return 0;
}

// ---- completing ----------------------------------------------------------------------------------------------------

void QueuePair::to_error() {
  const bool stops = shared_ != nullptr && state_ == State::kReady;
  if (stops) break_off_shared();
  state_ = State::kError;
  if (stops && device_.traits().tells_last_receive)
    device_.tell({.type = IBV_EVENT_QP_LAST_WQE_REACHED, .queue_pair = number_});
  left_ = 0;
}

// Receives of others are not flushed; the one that was being filled is no longer there.
void QueuePair::break_off_shared() {
  const auto fate = device_.traits().half_filled;
  if (fate == HalfFilled::kNone || shared_->waiting.empty()) return;
  const Receive receive = shared_->take();
  ++machine_.record.counts.half_filled;
  ibv_wc told{};
  told.status = IBV_WC_WR_FLUSH_ERR;
  if (fate == HalfFilled::kFlushed) complete_receive(receive, told);
}

void QueuePair::give_back(const Completion& completion) {
  std::uint64_t& free = completion.of_send ? sends_free_ : receives_free_;
  free = std::max(free, completion.serial);
}

void QueuePair::tell(const Completion& completion) {
  if (completions_ != nullptr) completions_->push(completion);
}

void QueuePair::complete_send(const Send& send, ibv_wc_status status) {
  if (status == IBV_WC_SUCCESS && (send.request.send_flags & IBV_SEND_SIGNALED) == 0) return;
  Completion completion{.serial = send.serial, .of_send = true};
  completion.told.wr_id = send.request.wr_id;
  completion.told.status = status;
  if (status != IBV_WC_SUCCESS) completion.told.vendor_err = device_.traits().vendor_error;
  completion.told.qp_num = number_;
  completion.told.opcode = kNoOpcode;
  if (status == IBV_WC_SUCCESS) {
    switch (send.request.opcode) {
      case IBV_WR_RDMA_WRITE:
        completion.told.opcode = IBV_WC_RDMA_WRITE;
        break;
      case IBV_WR_RDMA_READ:
        completion.told.opcode = IBV_WC_RDMA_READ;
        break;
      case IBV_WR_BIND_MW:
        completion.told.opcode = IBV_WC_BIND_MW;
        break;
      case IBV_WR_LOCAL_INV:
        completion.told.opcode = IBV_WC_LOCAL_INV;
        break;
      default:
        completion.told.opcode = IBV_WC_SEND;
    }
    completion.told.byte_len = static_cast<std::uint32_t>(length_of(send.pieces));
  }
  tell(completion);
}

void QueuePair::complete_receive(const Receive& receive, ibv_wc told) {
  told.wr_id = receive.wr_id;
  told.qp_num = number_;
  if (told.status != IBV_WC_SUCCESS) told.opcode = kNoOpcode, told.vendor_err = device_.traits().vendor_error;
  tell({told, receive.serial, false});
}

void QueuePair::flush_send() {
  const Send send = std::move(sends_.front());
  sends_.pop_front();
  ++machine_.record.counts.flushed;
  complete_send(send, IBV_WC_WR_FLUSH_ERR);
}

void QueuePair::flush_receive() {
  const Receive receive = std::move(receives_.front());
  receives_.pop_front();
  ++machine_.record.counts.flushed;
  ibv_wc told{};
  told.status = IBV_WC_WR_FLUSH_ERR;
  complete_receive(receive, told);
}

}  // namespace weft::rdma::model
