// A host's and a controller's queue pair against each other: SQ flow control, data both ways, and ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "support/loopback_transport.hpp"
#include "weft/queue_pair.hpp"

namespace weft {
namespace {

using test::CutPoint;
using test::loopback_control;
using test::loopback_transport;

constexpr std::uint16_t kQid = 1;
constexpr std::size_t kDataSize = 512;
constexpr Nanoseconds kPatience = 30'000'000'000;

// Answers Connect, then serves: data out is taken, data in is 0x5a, others are answered; some are held for a while.
class Server final : public ControllerQueuePair::Events {
 public:
  Server(std::uint32_t depth, bool flow_control) : depth_(depth), flow_control_(flow_control) {}

  void on_ready(const weft_limits&) override {}
  void on_command(const weft_command& command) override {
    const auto sqe = load<nvme::Sqe>(command.sqe);
    if (!connected_) {
      connected_ = true;
      weft_qpair_params params{};
      params.size = sizeof params;
      params.qid = kQid;
      params.depth = depth_;
      ASSERT_TRUE(qpair->configure(params, flow_control_));
      end(command.token, qpair->respond(command.token, sqe.cid, NvmeStatus()));
      return;
    }
    ++commands;
    held_.push_back({command.token, sqe.cid, sqe.opcode});
    if (held_.size() > random_() % depth_) serve_some();
  }
  void on_data(std::uint64_t cookie, std::uint64_t moved, std::int32_t error, NvmeStatus,
               std::uint32_t flags) override {
    --transfers;
    const std::uint64_t token = cookie;
    EXPECT_TRUE(error != 0 || moved == kDataSize);
    if (error == 0 && (flags & WEFT_RESPONSE_SENT) == 0) {
      static_cast<void>(qpair->respond(token, cids_[token], NvmeStatus()));
    }
    EXPECT_EQ(qpair->release(token), 0);
  }
  void on_closed(const Error&) override {
    closed = true;
    EXPECT_EQ(transfers, 0);
    for (const Work& work : held_) EXPECT_EQ(qpair->release(work.token), 0);
    held_.clear();
    EXPECT_TRUE(qpair->finished());
  }
  // What is held, in any order, but never all of it for ever.
  void serve_some(bool all = false) {
    std::ranges::shuffle(held_, random_);
    const std::size_t keep = all ? 0 : random_() % (held_.size() + 1);
    while (held_.size() > keep) {
      const Work work = held_.back();
      held_.pop_back();
      serve(work);
    }
  }

  std::unique_ptr<ControllerQueuePair> qpair;
  int commands = 0;
  int transfers = 0;
  bool closed = false;

 private:
  struct Work {
    std::uint64_t token;
    std::uint16_t cid;
    std::uint8_t opcode;
  };
  void end(std::uint64_t token, std::int32_t rc) {
    EXPECT_TRUE(rc == 0 || rc == -ENOTCONN) << rc;
    EXPECT_EQ(qpair->release(token), 0);
  }
  void serve(const Work& given) {
    if (given.opcode == nvme::io::kFlush) return end(given.token, qpair->respond(given.token, given.cid, NvmeStatus()));
    cids_[given.token] = given.cid;
    auto& data = data_[given.token];
    data.fill(0x5a);
    const weft_iov iov{data.data(), data.size(), nullptr};
    const std::int32_t rc = given.opcode == nvme::io::kWrite
                                ? qpair->receive_data(given.token, 0, {&iov, 1}, given.token)
                                : qpair->send_data(given.token, 0, {&iov, 1}, true, given.cid, 0, given.token);
    if (rc != 0) return end(given.token, rc);
    ++transfers;
  }

  const std::uint32_t depth_;
  const bool flow_control_;
  bool connected_ = false;
  std::vector<Work> held_;
  std::array<std::uint16_t, 64> cids_{};  // by token
  std::array<std::array<char, kDataSize>, 64> data_{};
  std::mt19937 random_{11};
};

// Keeps its queue full until `left` commands have been submitted; each of them must end once.
class Client final : public HostQueuePair::Events {
 public:
  struct Slot {
    Client* client;
    std::array<char, kDataSize> data{};
    bool outstanding = false;
    std::uint8_t opcode = 0;
  };
  Client(std::uint32_t depth, int count) : left(count), slots_(depth) {}

  void on_ready(const weft_limits&) override {
    HostQueuePair::Command connect;
    connect.sqe.opcode = nvme::kFabricsOpcode;
    connect.sqe.nsid = 1;
    connect.ctx = this;
    connect.done = [](void* self, const Completion& completion) { static_cast<Client*>(self)->connected(completion); };
    ASSERT_GE(qpair->submit(connect), 0);
  }
  void connected(const Completion& completion) {
    ended_connect = true;
    if (!completion.ok()) return;
    qpair->start_flow_control(completion.sqhd);
    room_at_start = qpair->room();
    fill();
  }
  void on_closed(const Error& error) override {
    closed = true;
    reason = error;
    EXPECT_EQ(qpair->outstanding(), 0u);
  }
  void on_timeout(std::uint16_t) override { ADD_FAILURE() << "no deadline was set"; }
  void fill() {
    for (Slot& slot : slots_) {
      if (left == 0 || qpair->room() == 0) return;
      if (!slot.outstanding) submit(slot);
    }
  }

  std::unique_ptr<HostQueuePair> qpair;
  int left;
  int ended = 0, failed = 0, submitted = 0;
  std::uint32_t room_at_start = 0;
  bool closed = false, ended_connect = false;
  Error reason;

 private:
  void submit(Slot& slot) {
    slot.client = this;
    slot.opcode = std::array{nvme::io::kFlush, nvme::io::kWrite, nvme::io::kRead}[random_() % 3];
    slot.data.fill(0);
    const weft_iov iov{slot.data.data(), slot.data.size(), nullptr};
    HostQueuePair::Command command;
    command.sqe.opcode = slot.opcode;
    if (slot.opcode != nvme::io::kFlush) {
      command.iov = &iov;
      command.iov_count = 1;
      command.direction = slot.opcode == nvme::io::kWrite ? DataDirection::kOut : DataDirection::kIn;
    }
    command.ctx = &slot;
    command.done = [](void* ctx, const Completion& completion) {
      auto& done_slot = *static_cast<Slot*>(ctx);
      done_slot.client->done(done_slot, completion);
    };
    const std::int32_t cid = qpair->submit(command);
    if (cid == -ENOTCONN) {  // cut, and on_closed is yet to come
      left = 0;
      return;
    }
    ASSERT_GE(cid, 0);
    slot.outstanding = true;
    ++submitted;
    --left;
  }
  void done(Slot& slot, const Completion& completion) {
    EXPECT_TRUE(slot.outstanding) << "ended twice";
    slot.outstanding = false;
    ++ended;
    if (!completion.ok()) ++failed;
    EXPECT_TRUE(!completion.ok() || slot.opcode != nvme::io::kRead || slot.data.back() == 0x5a);
    fill();
  }

  std::vector<Slot> slots_;
  std::mt19937 random_{5};
};

class LoopbackPair : public ::testing::Test {
 protected:
  LoopbackPair()
      : transport_(*loopback_transport(), "loopback"),
        reactor_(*Reactor::create({.wait = WaitPolicy::kPoll})) {
  }  // the server holds commands back, which wakes nobody
  ~LoopbackPair() override {
    if (listener_ != nullptr) transport_.table().unlisten(listener_);
    pump([&] { return listener_closed_; });
    client_.reset();
    server_.reset();
    reactor_.reset();
  }
  void start(std::uint32_t depth, bool flow_control, int count) {
    server_ = std::make_unique<Server>(depth, flow_control);
    client_ = std::make_unique<Client>(depth, count);
    const auto group = reactor_->group(transport_);
    ASSERT_TRUE(group);
    static const weft_listener_events events = {
        sizeof events, 0,
        [](void* self, weft_pending* pending, const weft_connect_info*) {
          static_cast<LoopbackPair*>(self)->accept(pending);
        },
        [](void* self, const weft_error*) { static_cast<LoopbackPair*>(self)->listener_closed_ = true; }};
    weft_address address{};
    address.size = sizeof address;
    address.fd = -1;
    address.traddr = "here";
    weft_error error = empty_error();
    ASSERT_EQ(transport_.table().listen(*group, &address, &events, this, &listener_, &error), 0) << error.text;
    listener_closed_ = false;
    HostQueuePairParams params;
    params.qid = kQid;
    params.admin = false;
    params.depth = depth;
    auto opened =
        HostQueuePair::open(*reactor_, transport_, *Address::parse("loop://here/nqn.2026-01.a:b"), params, *client_);
    ASSERT_TRUE(opened) << opened.error().text;
    client_->qpair = std::move(*opened);
  }
  void accept(weft_pending* pending) {
    weft_qpair_params params{};
    params.size = sizeof params;
    params.depth = 32;
    auto accepted = ControllerQueuePair::accept(*reactor_, transport_, pending, params, *server_);
    ASSERT_TRUE(accepted) << accepted.error().text;
    server_->qpair = std::move(*accepted);
  }
  template <class Condition>
  void pump(Condition condition) {
    EXPECT_TRUE(reactor_->run_until(
        [&] {
          if (server_ && server_->qpair && !server_->closed) server_->serve_some();
          return condition();
        },
        monotonic_now() + kPatience));
  }
  void close_both() {
    client_->qpair->close();
    pump([&] { return client_->closed && (server_->closed || !server_->qpair); });
  }

  test::LoopbackGuard guard_;
  Transport transport_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
  weft_listener* listener_ = nullptr;
  bool listener_closed_ = true;
};

TEST_F(LoopbackPair, EveryCommandEndsWellUnderFlowControl) {
  for (const std::uint32_t depth : {2u, 3u, 32u}) {
    start(depth, true, 3'000);
    pump([&] { return client_->ended == 3'000; });
    EXPECT_EQ(client_->room_at_start, depth - 1);
    EXPECT_EQ(client_->failed, 0);
    EXPECT_EQ(client_->qpair->room(), depth - 1);
    close_both();
    EXPECT_EQ(client_->reason.code, 0);
    transport_.table().unlisten(listener_);
    pump([&] { return listener_closed_; });
    listener_ = nullptr;
  }
}

TEST_F(LoopbackPair, EveryCommandEndsWellWithoutFlowControlAndWithImpliedSuccess) {
  test::LoopbackLimits limits;
  limits.caps |= WEFT_CAP_IMPLIED_SUCCESS;
  loopback_control().set_limits(limits);
  start(16, false, 3'000);
  pump([&] { return client_->ended == 3'000; });
  EXPECT_EQ(client_->room_at_start, 16u);
  EXPECT_EQ(client_->failed, 0);
  close_both();
}

TEST_F(LoopbackPair, CloseEndsWhatIsOutstandingOnBothSides) {
  start(16, true, 1'000'000);
  pump([&] { return client_->ended > 100; });
  close_both();
  EXPECT_EQ(client_->ended, client_->submitted);
}

TEST_F(LoopbackPair, ACutAnywhereEndsEachCommandOnce) {
  for (const CutPoint point :
       {CutPoint::kAccept, CutPoint::kCommand, CutPoint::kResponse, CutPoint::kReceiveData, CutPoint::kSendData}) {
    loopback_control().cut_at(point, kQid, point == CutPoint::kAccept ? 0 : 37);
    start(16, true, 1'000'000);
    pump([&] { return client_->closed && (server_->closed || !server_->qpair); });
    EXPECT_EQ(client_->ended, client_->submitted);
    EXPECT_EQ(client_->reason.code, ECONNRESET);
    transport_.table().unlisten(listener_);
    pump([&] { return listener_closed_; });
    listener_ = nullptr;
  }
}

}  // namespace
}  // namespace weft
