// host_events.hpp - what the tests of host queue pairs share: a reactor, a scripted transport, an open queue pair.
#ifndef WEFT_TESTS_UNIT_QPAIR_HOST_EVENTS_HPP
#define WEFT_TESTS_UNIT_QPAIR_HOST_EVENTS_HPP

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"
#include "weft/queue_pair.hpp"

namespace weft::test {

class HostEvents final : public HostQueuePair::Events {
 public:
  void on_ready(const weft_limits& limits) override {
    ++ready;
    depth = limits.max_depth;
  }
  void on_closed(const Error& error) override {
    ++closed;
    reason = error;
    if (destroys != nullptr) destroys->reset();
  }
  void on_timeout(std::uint16_t cid) override {
    timeouts.push_back(cid);
    if (when_timed_out) when_timed_out(cid);
  }
  int ready = 0, closed = 0;
  std::uint32_t depth = 0;
  Error reason;
  std::vector<std::uint16_t> timeouts;
  std::function<void(std::uint16_t)> when_timed_out;
  std::unique_ptr<HostQueuePair>* destroys = nullptr;
};

// A command's end.
struct Ended {
  static void done(void* self, const Completion& completion) {
    auto& ended = *static_cast<Ended*>(self);
    ++ended.calls;
    ended.completion = completion;
    if (ended.then) ended.then();
  }
  int calls = 0;
  Completion completion;
  std::function<void()> then;
};

class HostQueuePairTest : public ::testing::Test {
 protected:
  explicit HostQueuePairTest() {
    FakeClock::set(1'000'000'000);
    reactor_ = *Reactor::create({.wait = WaitPolicy::kPoll, .clock = &FakeClock::now});
  }
  ~HostQueuePairTest() override {
    if (qpair_ && events_.closed == 0) {
      script_.close_by_itself = true;
      if (script_.closes == 0) {
        qpair_->close();
      } else {
        script_.closed(0);
      }
      run();
      EXPECT_EQ(events_.closed, 1);
    }
    qpair_.reset();
  }
  void run() {
    while (reactor_->run_once() != 0) {
    }
  }
  void open(std::uint32_t depth) {
    HostQueuePairParams params;
    params.depth = depth;
    params.qid = 1;
    params.admin = false;
    auto opened = HostQueuePair::open(*reactor_, script_.transport(), *Address::parse("script://far:1/nqn.2026-01.a:b"),
                                      params, events_);
    ASSERT_TRUE(opened) << opened.error().text;
    qpair_ = std::move(*opened);
  }
  // Connected; sqhd: of the Connect response.
  void open_ready(std::uint32_t depth, std::uint16_t sqhd) {
    open(depth);
    script_.ready();
    run();
    ASSERT_EQ(events_.ready, 1);
    qpair_->start_flow_control(sqhd);
  }
  // Places for ends, which live until the queue pair is closed.
  std::vector<Ended>& fresh(std::size_t count) { return ends_.emplace_back(count); }
  Ended& fresh() { return fresh(1).front(); }
  static HostQueuePair::Command command(Ended& ended) {
    HostQueuePair::Command made;
    made.done = &Ended::done;
    made.ctx = &ended;
    return made;
  }
  std::uint16_t submit(Ended& ended, Nanoseconds deadline = 0) {
    auto made = command(ended);
    made.deadline = deadline;
    const std::int32_t cid = qpair_->submit(made);
    EXPECT_GE(cid, 0);
    return static_cast<std::uint16_t>(cid);
  }

  std::deque<std::vector<Ended>> ends_;
  ScriptedTransport script_;  // outlives the reactor
  std::unique_ptr<Reactor> reactor_;
  HostEvents events_;
  std::unique_ptr<HostQueuePair> qpair_;
};

}  // namespace weft::test

#endif
