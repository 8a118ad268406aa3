#include "core/controller/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/controller/connect_check.hpp"
#include "core/controller/newcomers.hpp"
#include "core/controller/told_sizes.hpp"
#include "core/controller/worker.hpp"
#include "core/util/log.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

// Before Connect: it alone, and one that comes too early.
constexpr std::uint32_t kUnconnectedDepth = 2;

}  // namespace

Queue::Queue(Worker& worker, Origin origin, Tickets tickets)
    : worker_(worker),
      origin_(std::move(origin)),
      tickets_(std::move(tickets)),
      deadline_(
          worker.reactor(),
          [](void* ctx) {
            auto& queue = *static_cast<Queue*>(ctx);
            queue.close(0, queue.worker_.reactor().now());
          },
          this),
      transfers_(
          worker.reactor(), [](void* ctx) { static_cast<Queue*>(ctx)->judge_transfers(); }, this),
      admin_(*this) {
  if (tickets_.newcomer != nullptr) tickets_.newcomer->queue = this;
}

Queue::~Queue() {
  no_newcomer();
  if (shares_ != nullptr) std::erase(shares_->queues, this);
}

void Queue::no_newcomer() {
  if (tickets_.newcomer != nullptr) tickets_.newcomer->queue = nullptr;
  tickets_.newcomer.reset();
}

Status Queue::open(Transport& transport, weft_pending* pending) {
  const Nanoseconds deadline = worker_.reactor().clock_now() + worker_.options().connect_timeout;
  weft_qpair_params params{};
  params.size = sizeof params;
  params.depth = kUnconnectedDepth;
  params.deadline_ns = deadline;
  auto pair = ControllerQueuePair::accept(worker_.reactor(), transport, pending, params, *this);
  if (!pair) return pair.error();
  pair_ = std::move(*pair);
  deadline_.set(deadline);
  return {};
}

void Queue::on_ready(const weft_limits& limits) {
  limits_ = limits;
  if (limits_.max_iov == 0) limits_.max_iov = 1;
  max_transfer_ = max_transfer_size(worker_.options(), limits);
  info_ = std::make_unique<weft_qpair_info>(pair_->info());
  state_ = State::kUnconnected;
}

void Queue::on_command(const weft_command& command) {
  if (state_ == State::kIo) [[likely]]
    return io_->on_command(command);
  if (state_ == State::kAdmin) return admin_.on_command(command);
  before_connect(command);
}

bool Queue::on_cid_reused(std::uint64_t token) { return state_ == State::kAdmin && admin_.drop_event_request(token); }

void Queue::before_connect(const weft_command& command) {
  const auto sqe = load<nvme::Sqe>(command.sqe);
  const bool is_connect = sqe.is_fabrics() && sqe.fctype() == fabrics::fctype::kConnect;
  Answer answer;
  if (command.status != 0) {
    answer = {NvmeStatus(command.status), command.error_offset, 0};
    // A failing Connect never says Invalid Field: it has words of its own for that.
    if (is_connect && answer.status.code() == nvme::status::kInvalidField.code()) {
      answer = connect_invalid({.offset = command.error_offset, .in_data = false});
    }
  } else if (!is_connect || admin_.connecting()) {
    answer = {nvme::status::kCommandSequenceError, kNoLocation, 0};
  } else {
    answer = check_connect_command(fabrics::as<fabrics::ConnectCommand>(sqe), command.data_len,
                                   worker_.options().max_queue_size);
  }
  if (answer.ok()) return admin_.connect(command);
  respond(command.token, sqe, answer, 0);
  release(command.token);
}

void Queue::on_data(std::uint64_t cookie, std::uint64_t moved, std::int32_t error, NvmeStatus status, std::uint32_t) {
  const DataEnd end{error, status};
  if (io_ != nullptr) [[likely]] {
    io_->on_data(cookie, moved, end);
  } else {
    admin_.on_data(cookie, moved, end);
  }
  if (transport_fault_) [[unlikely]]
    close(WEFT_CLOSE_FLUSH, worker_.reactor().now() + kCloseTime);
}

// Nobody knows what the transport has done with this data, nor what it will do with the next: the command fails, if it can
// still be told, and the queue pair ends.
DataEnd Queue::wrong_count(std::uint64_t moved, std::uint64_t asked) {
  if (!transport_fault_) {
    log::error("{} ends: its transport reports {} of {} bytes of a command's data as moved, and no error that says why",
               title(), moved, asked);
  }
  transport_fault_ = true;
  return {-EIO, NvmeStatus()};
}

// The control thread knows this queue from here on, whatever becomes of it.
void Queue::connected(const ConnectGrant& grant, Answer& answer) {
  registered_ = true;
  no_newcomer();
  shared_ = grant.shared;
  shares_ = worker_.shares(origin_.machine, grant.hostnqn, grant.listed);
  shares_->queues.push_back(this);
  qid_ = grant.qid;
  cntlid_ = grant.cntlid;
  hostnqn_ = grant.hostnqn;
  if (closed_) return worker_.tell_closed(*this);
  if (const Status configured = configure(grant); !configured) {
    log::warning("{}: {}", title(), configured.error().text);
    answer = {nvme::status::kInternalError, kNoLocation, 0};
    refused_ = true;
    return;
  }
  if (grant.admin) {
    admin_.make(grant.depth);
    state_ = State::kAdmin;
  } else {
    io_ = std::make_unique<IoQueue>(*this, worker_.subsystem(*grant.subsystem), grant.depth);
    state_ = State::kIo;
  }
  if (!draining_) return deadline_.cancel();
  admin_.quiesce();
  if (io_ != nullptr) io_->quiesce();
}

Status Queue::configure(const ConnectGrant& grant) {
  weft_qpair_params params{};
  params.size = sizeof params;
  params.flags = grant.admin ? WEFT_QP_ADMIN : 0;
  params.depth = grant.depth;
  params.qid = grant.qid;
  params.cntlid = grant.cntlid;
  params.in_capsule = grant.in_capsule;
  params.max_descriptors = static_cast<std::uint16_t>(limits_.max_descriptors);
  params.hostnqn = grant.hostnqn.c_str();
  params.subnqn = grant.subnqn.c_str();
  return pair_->configure(params, grant.sq_flow_control);
}

// Fabrics commands on a connected I/O queue.
void Queue::fabrics_on_io_queue(const weft_command& command) {
  const auto sqe = load<nvme::Sqe>(command.sqe);
  Answer answer;
  switch (sqe.fctype()) {
    case fabrics::fctype::kDisconnect:
      return disconnect(command.token, sqe);
    case fabrics::fctype::kConnect:
      answer = {nvme::status::kCommandSequenceError, kNoLocation, 0};
      break;
    default:
      answer = refuse(nvme::status::kInvalidOpcode, at::kNsid);
  }
  respond(command.token, sqe, answer, 0);
  release(command.token);
}

// Its completion is the last that the queue sends: it waits for the others.
void Queue::disconnect(std::uint64_t token, const nvme::Sqe& sqe) {
  Answer answer;
  if (fabrics::as<fabrics::DisconnectCommand>(sqe).recfmt != 0) {
    answer = {fabrics::status::kConnectIncompatibleFormat, at::kCdw10, 0};
  } else if (disconnect_token_ != UINT64_MAX) {
    answer = {nvme::status::kCommandSequenceError, kNoLocation, 0};
  }
  if (!answer.ok()) {
    respond(token, sqe, answer, 0);
    return release(token);
  }
  disconnect_token_ = token;
  disconnect_sqe_ = sqe;
  io_->quiesce();
  maybe_drained();
}

bool Queue::record_error(const nvme::Sqe& sqe, const Answer& answer, std::uint64_t lba) {
  if (!registered_ || (sqe.is_fabrics() && sqe.fctype() == fabrics::fctype::kConnect)) return false;
  if (!answer.logged || !belongs_in_error_log(answer.status)) return false;
  if (answer.status.value() >> 8 == 2) shared_->media_errors.add(1);
  const ErrorRecord record{.sqid = qid_,
                           .cid = sqe.cid,
                           .status_field = static_cast<std::uint16_t>(answer.status.value() << 1),
                           .location = answer.location,
                           .lba = lba,
                           .nsid = sqe.is_fabrics() ? 0U : sqe.nsid.value()};
  if (!shared_->errors.push(record)) return false;
  if (shared_->errors.wants_reader()) worker_.tell_errors(*this);
  return true;
}

void Queue::respond(std::uint64_t token, const nvme::Sqe& sqe, const Answer& answer, std::uint64_t lba) {
  NvmeStatus status = answer.status;
  if (!status.ok() && record_error(sqe, answer, lba)) {
    status = NvmeStatus(static_cast<std::uint16_t>(status.value() | NvmeStatus::kMore));
  }
  // Refused only while closing: then nobody waits for it.
  static_cast<void>(pair_->respond(token, sqe.cid, status, answer.result));
  if (refused_) [[unlikely]]
    close(WEFT_CLOSE_FLUSH, worker_.reactor().now() + kCloseTime);
}

void Queue::release(std::uint64_t token) {
  [[maybe_unused]] const std::int32_t rc = pair_->release(token);
  assert(rc == 0);
  if (draining_ || disconnect_token_ != UINT64_MAX) [[unlikely]]
    maybe_drained();
  if (closed_) [[unlikely]]
    maybe_gone();
}

void Queue::begin_watch() { watch_until(worker_.reactor().now() + worker_.options().data_timeout); }

void Queue::watch_until(Nanoseconds deadline) {
  watching_ = true;
  transfers_.set(deadline);
}

// Commands come and go while the timer runs; it looks at those that are there when it fires.
void Queue::judge_transfers() {
  watching_ = false;
  if (closing_ || closed_) return;
  const Nanoseconds since = std::min(admin_.waits_since(), io_ != nullptr ? io_->waits_since() : kForever);
  if (since == kForever) return;
  const Nanoseconds due = since + worker_.options().data_timeout;
  if (due > worker_.reactor().now()) return watch_until(due);
  log::warning("{} ends: the data of a command did not move to its end within {} ms", title(),
               worker_.options().data_timeout / 1'000'000);
  close(0, worker_.reactor().now());
}

void Queue::end_for_memory(std::uint32_t told) {
  if (told != 0) {
    log::warning("{} ends: others wait for memory, it holds more than its share, and its data does not move ({} such)",
                 title(), told);
  }
  close(0, worker_.reactor().now());
}

std::string Queue::title() const {
  if (cntlid_ == 0) return fmt::format("a queue pair of {} that has not connected", origin_.peer);
  return fmt::format("queue {} of controller {} of {} at {}", qid_, cntlid_, host_words(hostnqn_), origin_.peer);
}

void Queue::close(std::uint32_t flags, Nanoseconds deadline) {
  deadline_.cancel();
  closing_ = true;
  pair_->close(flags, deadline);
}

void Queue::make_room() {
  if (is_open()) close(0, worker_.reactor().now());
}

void Queue::drain(Nanoseconds deadline) {
  if (draining_ || closed_) return;
  if (state_ == State::kAdmin) {
    if (!closing_) deadline_.set(deadline);
    return;
  }
  begin_drain(deadline);
  if (state_ == State::kOpening || (state_ == State::kUnconnected && !admin_.connecting())) {
    return close(0, worker_.reactor().now());
  }
  maybe_drained();
}

void Queue::drain_admin(Nanoseconds deadline) {
  if (draining_ || closed_) return;
  begin_drain(deadline);
  maybe_drained();
}

void Queue::begin_drain(Nanoseconds deadline) {
  draining_ = true;
  drain_deadline_ = deadline;
  if (!closing_) deadline_.set(deadline);
  admin_.quiesce();
  if (io_ != nullptr) io_->quiesce();
}

void Queue::maybe_drained() {
  if (closed_ || closing_ || (io_ != nullptr && io_->busy() != 0) || admin_.busy() != 0) return;
  if (disconnect_token_ != UINT64_MAX) {
    const std::uint64_t token = std::exchange(disconnect_token_, UINT64_MAX);
    respond(token, disconnect_sqe_, success(), 0);
    static_cast<void>(pair_->release(token));
    return close(WEFT_CLOSE_FLUSH, worker_.reactor().now() + kCloseTime);
  }
  if (draining_) close(WEFT_CLOSE_FLUSH, drain_deadline_);
}

void Queue::on_closed(const Error& reason) {
  closed_ = true;
  deadline_.cancel();
  transfers_.cancel();
  if (reason.code != 0 && log::enabled(LogLevel::kDebug)) log::debug("{} ended: {}", title(), reason.text);
  if (disconnect_token_ != UINT64_MAX) static_cast<void>(pair_->release(std::exchange(disconnect_token_, UINT64_MAX)));
  admin_.on_closed();
  if (io_ != nullptr) io_->on_closed();
  if (registered_) worker_.tell_closed(*this);
  maybe_gone();
}

void Queue::forget() {
  registered_ = false;
  maybe_gone();
}

void Queue::maybe_gone() {
  if (!closed_ || registered_ || retired_ || !pair_->finished()) return;
  retired_ = true;
  worker_.retire(*this);
}

}  // namespace weft::controller
