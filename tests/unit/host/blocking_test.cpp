// The blocking forms: several threads at once, each call ends, also when the association does.
#include "weft/blocking.hpp"

#include <atomic>
#include <thread>

#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using testing::HasSubstr;

class BlockingTest : public ::testing::Test {
 protected:
  BlockingTest() {
    EXPECT_TRUE(registry_.add(loopback_transport(), "loopback").has_value());
    thread_ = *ReactorThread::start({.wait = WaitPolicy::kSleep}, "controller");
    thread_->call([this] { controller_ = std::make_unique<ScriptedController>(thread_->reactor(), registry_); });
  }
  ~BlockingTest() override {
    host_.reset();
    thread_->call([this] { controller_->close(); });
    bool closed = false;
    const Nanoseconds deadline = monotonic_now() + 10 * kSecond;
    while (!closed && monotonic_now() < deadline) thread_->call([&] { closed = controller_->closed(); });
    thread_->call([this] { controller_.reset(); });
    thread_.reset();
  }
  void connect(const std::string& options = "") {
    auto host = BlockingHost::connect(registry_, "loop://here/" + kSubsystem + "?kato=0" + options);
    ASSERT_TRUE(host.has_value()) << host.error().text;
    host_ = std::move(*host);
  }
  void script(std::function<Verdict(const Received&)> what) {
    thread_->call([&] { controller_->script = std::move(what); });
  }

  LoopbackGuard guard_;
  TransportRegistry registry_{SearchPath{}};
  std::unique_ptr<ReactorThread> thread_;
  std::unique_ptr<ScriptedController> controller_;
  std::unique_ptr<BlockingHost> host_;
};

TEST_F(BlockingTest, EveryCallBothWays) {
  connect();
  EXPECT_EQ(host_->list_namespaces()->size(), 1u);
  const auto ns = host_->identify_namespace(1);
  ASSERT_TRUE(ns.has_value());
  const std::vector<std::byte> out = pattern(8192);
  std::vector<std::byte> in(8192);
  EXPECT_TRUE(host_->write(*ns, 4, out).has_value());
  EXPECT_TRUE(host_->read(*ns, 4, in).has_value());
  EXPECT_EQ(in, out);
  EXPECT_TRUE(host_->compare(*ns, 4, out).has_value());
  const auto differs = host_->compare(*ns, 5, out);
  ASSERT_FALSE(differs.has_value());
  EXPECT_EQ(differs.error().code, EIO);
  EXPECT_THAT(differs.error().text, HasSubstr("Compare Failure"));
  const std::vector<std::byte> old(out.begin(), out.begin() + 512);
  EXPECT_TRUE(host_->compare_and_write(*ns, 4, old, std::vector<std::byte>(512)).has_value());
  EXPECT_TRUE(host_->flush(*ns).has_value());
  EXPECT_TRUE(host_->write_zeroes(*ns, 0, 8).has_value());
  EXPECT_TRUE(host_->deallocate(*ns, 0, 8).has_value());
  EXPECT_EQ(host_->get_log_page(2, nvme::kNsidAll, 0, 512)->size(), 512u);
  EXPECT_EQ(*host_->get_property(nvme::property::kVs, false), 0x20000u);
  PassthroughRequest flush;
  flush.sqe = wire::flush(1);
  flush.queue = 1;
  EXPECT_TRUE(host_->passthrough(flush).ok());
}

TEST_F(BlockingTest, RefusesSpansThatAreNoBlocks) {
  connect();
  const auto ns = host_->identify_namespace(1);
  std::vector<std::byte> odd(100);
  EXPECT_EQ(host_->read(*ns, 0, odd).error().code, EINVAL);
  EXPECT_EQ(host_->write(*ns, 0, std::span<const std::byte>()).error().code, EINVAL);
  EXPECT_EQ(host_->compare_and_write(*ns, 0, odd, std::vector<std::byte>(512)).error().code, EINVAL);
  EXPECT_EQ(host_->read(Namespace{.nsid = 1, .blocks = 1, .block_size = 0}, 0, odd).error().code, EINVAL);
}

TEST_F(BlockingTest, SeveralThreadsAtOnce) {
  connect("&queues=2&qsize=4");
  const auto ns = host_->identify_namespace(1);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 25; ++i) {
        const std::vector<std::byte> out = pattern(4096, t * 100 + i);
        std::vector<std::byte> in(4096);
        if (!host_->write(*ns, t * 64, out) || !host_->read(*ns, t * 64, in) || in != out) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(BlockingTest, SaysWhyItDidNotConnect) {
  script([](const Received&) { return Verdict::refuse(fabrics::status::kConnectInvalidHost); });
  const auto host = BlockingHost::connect(registry_, "loop://here/" + kSubsystem);
  ASSERT_FALSE(host.has_value());
  EXPECT_EQ(host.error().stage, "Connect command");
  EXPECT_FALSE(BlockingHost::connect(registry_, "loop://here/" + kSubsystem + "?qsize=1").has_value());
  EXPECT_FALSE(BlockingHost::connect(registry_, "nonsense").has_value());
}

TEST_F(BlockingTest, CallsEndWhenTheAssociationIsLost) {
  connect();
  const auto ns = host_->identify_namespace(1);
  script([](const Received& command) { return command.is_io(nvme::io::kRead) ? Verdict::cut() : Verdict::model(); });
  std::vector<std::byte> data(512);
  EXPECT_FALSE(host_->read(*ns, 0, data).has_value());
  EXPECT_FALSE(host_->read(*ns, 0, data).has_value());
  EXPECT_FALSE(host_->list_namespaces().has_value());
  EXPECT_TRUE(host_->close().has_value());
}

TEST_F(BlockingTest, CallsEndWithTheirTimeOut) {
  connect("&timeout=100ms");
  const auto ns = host_->identify_namespace(1);
  script([](const Received& command) { return command.is_io(nvme::io::kRead) ? Verdict::hold() : Verdict::model(); });
  std::vector<std::byte> data(512);
  EXPECT_EQ(host_->read(*ns, 0, data).error().code, ETIMEDOUT);
  script(nullptr);
  EXPECT_TRUE(host_->read(*ns, 0, data).has_value()) << "the controller was reset and works again";
}

TEST_F(BlockingTest, ClosingTwiceAndCallingAfterwardsIsNoHarm) {
  connect();
  const auto ns = host_->identify_namespace(1);
  EXPECT_TRUE(host_->close().has_value());
  EXPECT_TRUE(host_->close().has_value()) << "again";
  std::vector<std::byte> data(512);
  EXPECT_EQ(host_->read(*ns, 0, data).error().code, ENOTCONN);
  EXPECT_EQ(host_->list_namespaces().error().code, ENOTCONN);
  IoRequest flush;
  flush.kind = IoRequest::Kind::kFlush;
  EXPECT_EQ(host_->submit(flush).error, -ENOTCONN);
}

TEST_F(BlockingTest, FromItsOwnThreadACallFailsAndDoesNotHang) {
  connect();
  std::atomic<int> code = 0;
  std::atomic<bool> done = false;
  host_->reactor().post([&] {
    code = host_->list_namespaces().error().code;
    IoRequest flush;
    flush.kind = IoRequest::Kind::kFlush;
    EXPECT_EQ(host_->submit(flush).error, -EDEADLK);
    done = true;
  });
  EXPECT_TRUE(host_->list_namespaces().has_value());
  EXPECT_TRUE(done);
  EXPECT_EQ(code, EDEADLK);
}

TEST_F(BlockingTest, FromItsOwnThreadClosingFailsAndDoesNotHang) {
  connect();
  std::atomic<int> code = 0;
  host_->reactor().post([&] {
    const Status closed = host_->close();
    code = closed ? 0 : closed.error().code;
  });
  EXPECT_TRUE(host_->list_namespaces().has_value()) << "not closed";
  EXPECT_EQ(code, EDEADLK);
  EXPECT_TRUE(host_->close().has_value());
}

TEST(BlockingDeathTest, DestroyedOnItsOwnThreadItAbortsWithASentence) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        LoopbackGuard guard;
        TransportRegistry registry{SearchPath{}};
        (void)registry.add(loopback_transport(), "loopback");
        auto thread = *ReactorThread::start({.wait = WaitPolicy::kSleep}, "controller");
        std::unique_ptr<ScriptedController> controller;
        thread->call([&] { controller = std::make_unique<ScriptedController>(thread->reactor(), registry); });
        auto host = *BlockingHost::connect(registry, "loop://here/" + kSubsystem + "?kato=0");
        Reactor& reactor = host->reactor();
        std::atomic<bool> forever = false;
        reactor.post([&] { host.reset(); });
        forever.wait(false);
      },
      "destroyed on its own thread");
}

TEST_F(BlockingTest, DestroyedWithACallOfItsReactorUnderWay) {
  connect();
  script([](const Received& command) { return command.is_io(nvme::io::kVerify) ? Verdict::hold() : Verdict::model(); });
  Io io(IoRequest::Kind::kVerify, 0, 1);
  std::atomic<bool> submitted = false;
  host_->reactor().post([&, host = host_.get()] {
    host->host().submit(static_cast<IoRequest&>(io));
    submitted = true;
  });
  host_.reset();
  EXPECT_TRUE(submitted);
  EXPECT_EQ(io.ends, 1);
}

}  // namespace
}  // namespace weft::test
