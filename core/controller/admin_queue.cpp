#include "core/controller/admin_queue.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "core/controller/admin_plan.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kTransferEntries = 260;
constexpr std::uint32_t kClaimsAtOnce = 8;        // of one queue
constexpr std::uint32_t kPieceBytes = 64u << 10;  // of a page that is longer than a chunk
constexpr Answer kAborted{nvme::status::kAbortRequested, kNoLocation, 0};

void load_request(AdminRequest& r, const weft_command& command) {
  r.token = command.token;
  r.sqe = load<nvme::Sqe>(command.sqe);
  r.length = r.moved = r.piece = r.content = 0;
  r.abort = r.dropped = false;
  r.answer = {};
}

}  // namespace

AdminQueue::AdminQueue(Queue& queue) : queue_(queue), worker_(queue.worker()) { connect_.queue = &queue; }

void AdminQueue::make(std::uint32_t depth) {
  depth_ = depth;
  requests_ = std::make_unique<AdminRequest[]>(depth);
  for (std::uint32_t i = 0; i < depth; ++i) requests_[i].queue = &queue_;
}

void AdminQueue::connect(const weft_command& command) {
  assert(!connecting());
  ++busy_;
  load_request(connect_, command);
  connect_.length = sizeof(fabrics::ConnectData);
  connect_.to_host = false;
  connect_data_ = std::make_unique<std::byte[]>(connect_.length);
  connect_.connect_data = connect_data_.get();
  begin_transfer(connect_, RequestState::kReceiving);
}

void AdminQueue::on_command(const weft_command& command) {
  assert(command.token < depth_);
  AdminRequest& r = requests_[command.token];
  assert(r.state == RequestState::kFree);
  ++busy_;
  load_request(r, command);
  queue_.shared().commands.add(1);
  if (command.status != 0) return finish(r, {NvmeStatus(command.status), command.error_offset, 0});
  if (quiesced_) return finish(r, {nvme::status::kControllerPathingError, kNoLocation, 0});
  const AdminPlan plan = plan_admin(r.sqe, command.data_len, queue_.max_transfer());
  if (!plan.answer.ok()) return finish(r, plan.answer);
  r.length = plan.length;
  r.to_host = plan.to_host;
  if (r.length == 0) return ask(r);
  claim(r, kChunkSize);  // how much there is to send is not known yet
}

// SPDK's host completes its event requests by itself when it detaches, and uses their CIDs again.
bool AdminQueue::drop_event_request(std::uint64_t token) {
  assert(token < depth_);
  AdminRequest& r = requests_[token];
  const bool is_event_request = !r.sqe.is_fabrics() && r.sqe.opcode == nvme::admin::kAsyncEventRequest;
  if (r.state != RequestState::kAtControl || !is_event_request) return false;
  r.dropped = true;
  worker_.drop(r);
  return true;
}

// Memory for the next piece.
void AdminQueue::claim(AdminRequest& r, std::uint32_t bytes) {
  r.chunks = static_cast<std::uint16_t>((std::min(bytes, kPieceBytes) + kChunkSize - 1) / kChunkSize);
  if (claims_ == kClaimsAtOnce) {
    r.state = RequestState::kQueued;
    return queued_.push_back(r);
  }
  ++claims_;
  r.resume = [](Claim& claim) {
    auto& request = static_cast<AdminRequest&>(claim);
    request.queue->admin().ask(request);
  };
  r.state = RequestState::kWaiting;
  if (worker_.admin_memory().acquire(r, queue_.shares().admin)) ask(r);
}

void AdminQueue::ask(AdminRequest& r) {
  r.state = RequestState::kAtControl;
  worker_.to_control(r);
}

void AdminQueue::give_back(AdminRequest& r) {
  if (r.chunks == 0) return;
  --claims_;
  worker_.admin_memory().release(r, queue_.shares().admin);
  r.chunks = 0;
}

// What is claimed may end at once: one loop, not a recursion.
void AdminQueue::claim_queued() {
  if (std::exchange(claiming_, true)) return;
  while (!closed_ && claims_ < kClaimsAtOnce && !queued_.empty()) {
    auto& next = static_cast<AdminRequest&>(queued_.pop_front());
    claim(next, std::max(kChunkSize, next.content - std::min(next.content, next.moved)));
  }
  claiming_ = false;
}

void AdminQueue::begin_transfer(AdminRequest& r, RequestState state) {
  r.state = state;
  r.since = worker_.reactor().now();
  queue_.watch_transfers();
  transfer(r);
}

Nanoseconds AdminQueue::waits_since() const {
  Nanoseconds oldest = kForever;
  const auto look = [&](const AdminRequest& r) {
    if (r.state == RequestState::kReceiving || r.state == RequestState::kSending) oldest = std::min(oldest, r.since);
  };
  look(connect_);
  for (std::uint32_t i = 0; i < depth_; ++i) look(requests_[i]);
  return oldest;
}

void AdminQueue::receive(AdminRequest& r) {
  const weft_iov all{connect_data_.get(), r.length, nullptr};
  r.moved = r.asked = r.length;
  const std::int32_t rc = queue_.pair().receive_data(r.token, 0, std::span(&all, 1), cookie(r));
  if (rc != 0) on_data(cookie(r), 0, DataEnd{rc, NvmeStatus()});
}

// What is left of the piece, and behind the last one zeroes.
void AdminQueue::transfer(AdminRequest& r) {
  if (r.state == RequestState::kReceiving) return receive(r);
  std::array<weft_iov, kTransferEntries> some;
  const std::size_t most = std::min<std::size_t>(queue_.max_iov(), some.size());
  const std::uint32_t offset = r.moved;
  const std::uint32_t end = std::min<std::uint32_t>(r.content, r.piece + r.chunks * kChunkSize);
  std::uint32_t count = 0;
  if (offset < end) {
    count = worker_.admin_memory().describe(r, offset - r.piece, end - offset, std::span(some).first(most));
    for (std::uint32_t i = 0; i < count; ++i) r.moved += static_cast<std::uint32_t>(some[i].len);
  }
  if (r.moved >= r.content) {
    // Of many requests the last pieces may go in one turn: more than a page of zeroes waits for turns of its own.
    const std::uint32_t at_once = r.moved > offset ? kChunkSize : AdminTurns::kMostZeroes;
    std::uint32_t zeroes = 0;
    count +=
        AdminTurns::zeroes(std::min(r.length - r.moved, at_once), std::span(some).first(most).subspan(count), zeroes);
    r.moved += zeroes;
  }
  const auto iov = std::span<const weft_iov>(some).first(count);
  r.asked = r.moved - offset;
  const std::int32_t rc =
      queue_.pair().send_data(r.token, offset, iov, r.moved == r.length, r.sqe.cid, r.answer.result, cookie(r));
  if (rc != 0) on_data(cookie(r), 0, DataEnd{rc, NvmeStatus()});
}

void AdminQueue::on_data(std::uint64_t cookie, std::uint64_t moved, DataEnd end) {
  AdminRequest& r = cookie == kConnectCookie ? connect_ : requests_[cookie];
  if (!moved_rightly(moved, r.asked, end)) [[unlikely]]
    end = queue_.wrong_count(moved, r.asked);
  if (!end.ok()) return finish(r, end.answer());
  if (r.state == RequestState::kReceiving) return ask(r);
  sent(r);
}

void AdminQueue::sent(AdminRequest& r) {
  if (r.moved == r.length) return done(r);
  if (r.abort) return finish(r, kAborted);
  if (r.moved >= r.content) {  // only zeroes are left
    give_back(r);
    r.state = RequestState::kFilling;
    worker_.admin_turns().fill(r);
    return claim_queued();
  }
  if (r.moved < r.piece + r.chunks * kChunkSize) return transfer(r);
  give_back(r);  // it waits for the next piece without holding this one
  if (quiesced_) return finish(r, {nvme::status::kControllerPathingError, kNoLocation, 0});
  r.piece = r.moved;
  claim(r, r.content - r.moved);
  claim_queued();
}

void AdminQueue::fill(AdminRequest& r) { begin_transfer(r, RequestState::kSending); }

void AdminQueue::answered(AdminRequest& r) {
  if (&r == &connect_ && r.grant != nullptr) {
    const auto grant = std::move(r.grant);
    queue_.connected(*grant, r.answer);  // may turn the answer into a failure
  }
  if (closed_ || r.dropped) return done(r);
  if (r.abort) return finish(r, kAborted);
  if (!r.answer.ok() || !r.to_host) return finish(r, r.answer);
  begin_transfer(r, RequestState::kSending);
}

void AdminQueue::finish(AdminRequest& r, const Answer& answer) {
  const bool gone = r.state == RequestState::kSending && r.moved == r.length;  // a completion went with the data
  if (!closed_ && !gone) queue_.respond(r.token, r.sqe, answer, 0);
  done(r);
}

void AdminQueue::done(AdminRequest& r) {
  r.state = RequestState::kFree;
  --busy_;
  give_back(r);
  if (&r == &connect_) connect_data_.reset();
  queue_.release(r.token);
  claim_queued();
}

// Out of what it waits in; false: it waits in nothing of this queue.
bool AdminQueue::take_out(AdminRequest& r) {
  switch (r.state) {
    case RequestState::kQueued:
      r.unlink();
      r.chunks = 0;  // not claimed
      return true;
    case RequestState::kFilling:
      r.unlink();
      return true;
    case RequestState::kWaiting:
      worker_.admin_memory().withdraw(r, queue_.shares().admin);
      return true;
    default:
      return false;
  }
}

bool AdminQueue::abort(std::uint16_t cid) {
  const auto all = std::span(requests_.get(), depth_);
  const auto found = std::ranges::find_if(
      all, [&](const AdminRequest& r) { return r.state != RequestState::kFree && !r.dropped && r.sqe.cid == cid; });
  if (closed_ || found == all.end() || !found->to_host) return false;
  if (found->state == RequestState::kSending && found->moved == found->length) return false;
  if (take_out(*found)) {
    finish(*found, kAborted);
  } else {
    found->abort = true;
  }
  return true;
}

void AdminQueue::on_closed() {
  closed_ = true;
  for (std::uint32_t i = 0; i < depth_; ++i) {
    if (take_out(requests_[i])) done(requests_[i]);
  }
}

}  // namespace weft::controller
