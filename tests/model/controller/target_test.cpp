// A Target with threads of its own: queues on several of them, changes from outside while hosts work, and its end.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "core/wire/sqe.hpp"
#include "support/capsule_host.hpp"
#include "support/loopback_transport.hpp"
#include "support/memory_backend.hpp"
#include "weft/controller.hpp"

namespace weft::test {
namespace {

constexpr char kNqn[] = "nqn.2026-01.org.example:disk";
constexpr Nanoseconds kSecond = 1'000'000'000;

class TargetTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(registry_.add(loopback_transport(), "loopback"));
    reactor_ = std::move(*Reactor::create());
    transport_ = *registry_.find("loop", WEFT_ROLE_CONTROLLER);
    TargetOptions options;
    options.threads = 3;
    target_ = std::move(*Target::start(registry_, options));
    ASSERT_TRUE(target_->add_subsystem(
        {.nqn = kNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
    storage_ = std::make_shared<MemoryStorage>(1024);
    ASSERT_EQ(add(storage_, 1), 0);
    ASSERT_TRUE(target_->listen(*Address::parse("loop://here")));
  }
  void TearDown() override {
    hosts_.clear();
    target_.reset();
    reactor_.reset();
  }
  int add(std::shared_ptr<MemoryStorage> storage, std::uint32_t nsid) {
    NamespaceOptions ns;
    ns.nsid = nsid;
    ns.backend = std::make_unique<MemoryBackend>(std::move(storage));
    const auto added = target_->add_namespace(kNqn, std::move(ns));
    return added ? 0 : added.error().code;
  }
  CapsuleHost& connect(std::uint16_t qid) {
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://here")));
    CapsuleHost& h = *hosts_.back();
    EXPECT_TRUE(h.open(qid, 32));
    const Reply reply = h.connect({.subnqn = kNqn}, qid, 32, qid == 0 ? std::uint16_t{0xFFFF} : cntlid_, 0, qid != 0);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    if (qid != 0) return h;
    cntlid_ = static_cast<std::uint16_t>(reply.result());
    const auto cc = nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4);
    EXPECT_TRUE(h.call(wire::property_set(nvme::property::kCc, cc.value(), false)).ok());
    return h;
  }
  // Until the counts are as wanted; they follow what hosts see.
  void expect_counts(std::uint32_t queue_pairs, std::uint32_t controllers) {
    const Nanoseconds end = monotonic_now() + 5 * kSecond;
    TargetCounts counts;
    do {
      reactor_->run_once(0);
      counts = target_->counts();
    } while ((counts.queue_pairs != queue_pairs || counts.controllers != controllers) && monotonic_now() < end);
    EXPECT_EQ(counts.queue_pairs, queue_pairs);
    EXPECT_EQ(counts.controllers, controllers);
    EXPECT_EQ(counts.commands, 0u);
    EXPECT_EQ(counts.borrowed_buffers, 0u);
  }

  LoopbackGuard loopback_;
  TransportRegistry registry_{SearchPath{}};
  std::unique_ptr<Reactor> reactor_;
  Transport* transport_ = nullptr;
  std::unique_ptr<Target> target_;
  std::shared_ptr<MemoryStorage> storage_;
  std::vector<std::unique_ptr<CapsuleHost>> hosts_;
  std::uint16_t cntlid_ = 0;
};

TEST_F(TargetTest, ServesQueuesOnSeveralThreads) {
  connect(0);
  std::vector<CapsuleHost*> queues;
  for (std::uint16_t qid = 1; qid <= 6; ++qid) queues.push_back(&connect(qid));
  std::vector<std::vector<std::byte>> data;
  for (std::size_t i = 0; i < 6; ++i) data.emplace_back(64 * 512, static_cast<std::byte>(i + 1));
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint16_t> cids;
    for (std::size_t i = 0; i < 6; ++i) cids.push_back(queues[i]->send(wire::write(1, i * 64, 64), data[i]));
    for (std::size_t i = 0; i < 6; ++i) ASSERT_TRUE(queues[i]->wait(cids[i]).ok());
  }
  for (std::size_t i = 0; i < 6; ++i) {
    std::vector<std::byte> back(64 * 512);
    ASSERT_TRUE(queues[(i + 1) % 6]->call(wire::read(1, i * 64, 64), {}, back).ok());
    EXPECT_EQ(back, data[i]);
  }
  EXPECT_EQ(target_->controllers().front().io_queues, 6);
  hosts_.clear();
  expect_counts(0, 0);
}

TEST_F(TargetTest, CompareAndWriteIsAtomicAcrossThreads) {
  connect(0);
  std::vector<CapsuleHost*> queues;
  for (std::uint16_t qid = 1; qid <= 3; ++qid) queues.push_back(&connect(qid));
  std::uint32_t done = 0;
  for (std::uint32_t round = 0; round < 60; ++round) {
    std::vector<std::byte> now(512), next(512);
    std::memcpy(now.data(), &round, sizeof round);
    const std::uint32_t one_more = round + 1;
    std::memcpy(next.data(), &one_more, sizeof one_more);
    std::vector<std::uint16_t> seconds;
    for (CapsuleHost* q : queues) {
      q->send(wire::fused(wire::compare(1, 9, 1), nvme::flags::kFuseFirst), now);
      seconds.push_back(q->send(wire::fused(wire::write(1, 9, 1), nvme::flags::kFuseSecond), next));
    }
    std::uint32_t won = 0;
    for (std::size_t i = 0; i < queues.size(); ++i) won += queues[i]->wait(seconds[i]).ok() ? 1u : 0u;
    ASSERT_EQ(won, 1u) << round;
    done += won;
  }
  std::uint32_t value = 0;
  std::memcpy(&value, storage_->content(9, 1).data(), sizeof value);
  EXPECT_EQ(value, done);
}

TEST_F(TargetTest, MarksAreSeenOnEveryThread) {
  connect(0);
  std::vector<CapsuleHost*> queues;
  for (std::uint16_t qid = 1; qid <= 3; ++qid) queues.push_back(&connect(qid));
  std::vector<std::byte> data(512);
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(queues[0]->call(wire::write_uncorrectable(1, 5, 1)).ok());
    for (CapsuleHost* q : queues) EXPECT_EQ(q->call(wire::read(1, 5, 1), {}, data).code(), 0x281);
    ASSERT_TRUE(queues[1]->call(wire::write(1, 5, 1), data).ok());
    for (CapsuleHost* q : queues) EXPECT_TRUE(q->call(wire::read(1, 5, 1), {}, data).ok());
  }
}

TEST_F(TargetTest, NamespacesComeAndGoUnderLoad) {
  connect(0);
  std::vector<CapsuleHost*> queues;
  for (std::uint16_t qid = 1; qid <= 3; ++qid) queues.push_back(&connect(qid));
  std::atomic<bool> over = false;
  std::atomic<int> changes = 0;
  std::jthread changer([&] {
    while (!over) {
      auto storage = std::make_shared<MemoryStorage>(64);
      EXPECT_EQ(add(storage, 2), 0);
      EXPECT_TRUE(target_->resize_namespace(kNqn, 2, 32));
      EXPECT_TRUE(target_->resize_namespace(kNqn, 2, 64));
      EXPECT_TRUE(target_->remove_namespace(kNqn, 2));
      EXPECT_EQ(storage->contexts(), 0u);
      ++changes;
    }
  });
  std::vector<std::byte> data(8 * 512);
  int answered = 0;
  for (; changes < 10; ++answered) {
    for (CapsuleHost* q : queues) {
      const int code = q->call(wire::write(2, static_cast<std::uint64_t>(answered % 8) * 8, 8), data).code();
      EXPECT_TRUE(code == 0 || code == 0x00B || code == 0x080) << std::hex << code;
    }
  }
  over = true;
}

TEST_F(TargetTest, ManyHostsComeAndGo) {
  for (int round = 0; round < 20; ++round) {
    connect(0);
    connect(1);
    connect(2);
    std::vector<std::byte> data(512);
    hosts_.back()->send(wire::read(1, 0, 1), {}, data);
    loopback_control().cut_now();
    for (auto& h : hosts_) EXPECT_TRUE(h->wait_closed());
    hosts_.clear();
  }
  expect_counts(0, 0);
}

TEST_F(TargetTest, StopAnswersWhatIsInFlight) {
  CapsuleHost& a = connect(0);
  CapsuleHost& q = connect(1);
  storage_->hold(StorageCall::kMap);
  std::vector<std::byte> data(512);
  const std::uint16_t read = q.send(wire::read(1, 0, 1), {}, data);
  ASSERT_TRUE(q.run([&] { return storage_->held() == 1; }));
  std::jthread stopper([&] { target_->stop(monotonic_now() + 5 * kSecond); });
  EXPECT_TRUE(q.run([&] { return q.call(wire::flush(1)).code() == 0x360; })) << "it has begun";
  EXPECT_FALSE(a.closed());
  storage_->let_go();
  EXPECT_TRUE(q.wait(read).ok());
  EXPECT_TRUE(q.wait_closed());
  EXPECT_TRUE(a.wait_closed());
}

TEST_F(TargetTest, StopsTheHardWayAtItsDeadline) {
  connect(0);
  CapsuleHost& q = connect(1);
  loopback_control().set_hold_data(true);
  std::vector<std::byte> data(64 * 512);
  q.send(wire::write(1, 0, 64), data);
  ASSERT_TRUE(q.run([&] { return loopback_control().held_data() == 1; }));
  std::jthread stopper([&] { target_->stop(monotonic_now() + kSecond / 5); });
  EXPECT_TRUE(q.wait_closed());
}

TEST_F(TargetTest, RefusesListenersThatItCannotOpen) {
  loopback_control().fail_next_listen(-EADDRINUSE);
  EXPECT_EQ(target_->listen(*Address::parse("loop://there")).error().code, EADDRINUSE);
  EXPECT_EQ(target_->listen(*Address::parse("loop://there/nqn.2026-01.org.example:disk")).error().code, EINVAL);
  EXPECT_FALSE(target_->listen(*Address::parse("nosuch://there")));
  EXPECT_FALSE(target_->unlisten(*Address::parse("loop://there")));
  EXPECT_EQ(target_->counts().listeners, 1u);
}

TEST(TargetOptionsTest, RefusesWhatCannotWork) {
  TransportRegistry registry{SearchPath{}};
  for (const TargetOptions& options :
       {TargetOptions{.threads = 0}, TargetOptions{.max_queue_size = 8}, TargetOptions{.max_io_queues = 129},
        TargetOptions{.max_transfer = 5000}, TargetOptions{.data_memory = 4096},
        TargetOptions{.data_memory = std::uint64_t{1} << 45}}) {
    const auto target = Target::start(registry, options);
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().code, EINVAL);
    EXPECT_FALSE(target.error().text.empty());
  }
}

}  // namespace
}  // namespace weft::test
