#include "core/controller/admin_queue.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "core/controller/admin_plan.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kTransferEntries = 260;

void load_request(AdminRequest& r, const weft_command& command) {
  r.token = command.token;
  r.sqe = load<nvme::Sqe>(command.sqe);
  r.length = r.moved = 0;
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
  begin(connect_);
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
  begin(r);
}

void AdminQueue::begin(AdminRequest& r) {
  r.chunks = static_cast<std::uint16_t>((r.length + kChunkSize - 1) / kChunkSize);
  r.resume = [](Claim& claim) {
    auto& request = static_cast<AdminRequest&>(claim);
    request.queue->admin().start(request);
  };
  r.state = RequestState::kWaiting;
  if (worker_.resources().acquire(r, share(r))) start(r);
}

void AdminQueue::start(AdminRequest& r) {
  if (r.length != 0 && !r.to_host) {
    return begin_transfer(r, RequestState::kReceiving);
  }
  r.state = RequestState::kAtControl;
  worker_.to_control(r);
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

Share& AdminQueue::share(const AdminRequest& r) { return &r == &connect_ ? worker_.newcomers() : queue_.share(); }

void AdminQueue::transfer(AdminRequest& r) {
  std::array<weft_iov, kTransferEntries> some;
  const std::size_t most = std::min<std::size_t>(queue_.max_iov(), some.size());
  const std::uint32_t count = worker_.resources().describe(r, r.moved, r.length - r.moved, std::span(some).first(most));
  const auto iov = std::span<const weft_iov>(some).first(count);
  const std::uint32_t offset = r.moved;
  for (const weft_iov& entry : iov) r.moved += static_cast<std::uint32_t>(entry.len);
  const std::int32_t rc =
      r.state == RequestState::kReceiving
          ? queue_.pair().receive_data(r.token, offset, iov, cookie(r))
          : queue_.pair().send_data(r.token, offset, iov, r.moved == r.length, r.sqe.cid, r.answer.result, cookie(r));
  if (rc != 0) on_data(cookie(r), DataEnd{rc, NvmeStatus()});
}

void AdminQueue::on_data(std::uint64_t cookie, const DataEnd& end) {
  AdminRequest& r = cookie == kConnectCookie ? connect_ : requests_[cookie];
  if (!end.ok()) return finish(r, end.answer());
  if (r.moved < r.length) return transfer(r);
  if (r.state == RequestState::kSending) return done(r);
  r.state = RequestState::kAtControl;
  worker_.to_control(r);
}

void AdminQueue::answered(AdminRequest& r) {
  if (&r == &connect_ && r.grant != nullptr) {
    const auto grant = std::move(r.grant);
    queue_.connected(*grant, r.answer);  // may turn the answer into a failure
  }
  if (closed_) return done(r);
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
  worker_.resources().release(r, share(r));
  r.chunks = 0;
  queue_.release(r.token);
}

void AdminQueue::on_closed() {
  closed_ = true;
  const auto end = [this](AdminRequest& r) {
    if (r.state != RequestState::kWaiting) return;
    worker_.resources().withdraw(r, share(r));
    done(r);
  };
  end(connect_);
  for (std::uint32_t i = 0; i < depth_; ++i) end(requests_[i]);
}

}  // namespace weft::controller
