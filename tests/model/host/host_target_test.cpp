// Host and Target end to end over the loopback transport, ram:// behind: what one side says, the other understands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/wire/sqe.hpp"
#include "support/loopback_transport.hpp"
#include "weft/backend.hpp"
#include "weft/blocking.hpp"
#include "weft/controller.hpp"

namespace weft::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSubsystem = "nqn.2026-01.org.example:disk";
constexpr Nanoseconds kSecond = 1'000'000'000;

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 13 + seed * 29 + i / 512) & 0xff);
  return bytes;
}

class HostTargetTest : public ::testing::Test {
 protected:
  HostTargetTest() {
    EXPECT_TRUE(registry_.add(loopback_transport(), "loopback").has_value());
    TargetOptions options;
    options.threads = 2;
    options.wait = WaitPolicy::kSleep;
    target_ = *Target::start(registry_, options);
    EXPECT_TRUE(target_
                    ->add_subsystem(
                        {.nqn = kSubsystem, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"})
                    .has_value());
    add("ram://?size=4M");
    const auto bound = target_->listen(*Address::parse("loop://here"));
    EXPECT_TRUE(bound.has_value()) << (bound ? "" : bound.error().text);
  }
  ~HostTargetTest() override {
    target_->stop(monotonic_now() + 5 * kSecond);
    target_.reset();
  }
  std::uint32_t add(const std::string& url) {
    NamespaceOptions options;
    options.backend = *BackendRegistry::builtin().open(url);
    const auto nsid = target_->add_namespace(kSubsystem, std::move(options));
    EXPECT_TRUE(nsid.has_value()) << (nsid ? "" : nsid.error().text);
    return nsid ? *nsid : 0;
  }
  std::unique_ptr<BlockingHost> connect(const std::string& options = "") {
    auto host = BlockingHost::connect(registry_, "loop://here/" + kSubsystem + "?timeout=20s&wait=sleep" + options);
    EXPECT_TRUE(host.has_value()) << (host ? "" : host.error().stage + ": " + host.error().text);
    return host ? std::move(*host) : nullptr;
  }

  LoopbackGuard guard_;
  TransportRegistry registry_{SearchPath{}};
  std::unique_ptr<Target> target_;
};

TEST_F(HostTargetTest, WritesReadBackTheSame) {
  const auto host = connect("&queues=4");
  ASSERT_NE(host, nullptr);
  const auto ns = host->identify_namespace(1);
  ASSERT_TRUE(ns.has_value()) << ns.error().text;
  EXPECT_EQ(ns->bytes(), 4u << 20);
  EXPECT_EQ(ns->block_size, 512u);
  for (const std::size_t size : {512u, 4096u, 8192u, 12288u, 131072u, 1u << 20, 3u << 20}) {
    const std::vector<std::byte> out = pattern(size, static_cast<unsigned>(size));
    std::vector<std::byte> in(size);
    const Status written = host->write(*ns, 5, out);
    ASSERT_TRUE(written.has_value()) << written.error().text;
    ASSERT_TRUE(host->read(*ns, 5, in).has_value());
    EXPECT_EQ(in, out) << size;
  }
}

TEST_F(HostTargetTest, EveryCommandDoesItsJob) {
  const auto host = connect();
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(1);
  const std::vector<std::byte> out = pattern(8192, 1);
  std::vector<std::byte> in(8192);
  ASSERT_TRUE(host->write(ns, 0, out, true).has_value());
  EXPECT_TRUE(host->compare(ns, 0, out).has_value());
  const Status differs = host->compare(ns, 1, out);
  ASSERT_FALSE(differs.has_value());
  EXPECT_THAT(differs.error().text, HasSubstr("Compare Failure"));
  const std::vector<std::byte> first(out.begin(), out.begin() + 512), fresh = pattern(512, 9);
  EXPECT_TRUE(host->compare_and_write(ns, 0, first, fresh).has_value());
  EXPECT_FALSE(host->compare_and_write(ns, 0, first, fresh).has_value()) << "it is not there any more";
  EXPECT_TRUE(host->flush(ns).has_value());
  EXPECT_TRUE(host->write_zeroes(ns, 1, 2).has_value());
  EXPECT_TRUE(host->deallocate(ns, 4, 4).has_value());
  ASSERT_TRUE(host->read(ns, 0, in).has_value());
  EXPECT_TRUE(std::equal(fresh.begin(), fresh.end(), in.begin()));
  EXPECT_EQ(in[512], std::byte{0});
  EXPECT_EQ(in[3 * 512], out[3 * 512]);
  EXPECT_EQ(in[4 * 512], std::byte{0});
  IoRequest verify;
  verify.kind = IoRequest::Kind::kVerify;
  verify.nsid = 1;
  verify.block_size = 512;
  verify.blocks = 8;
  EXPECT_TRUE(host->submit(verify).ok()) << verify.completion.status.describe();
  IoRequest spoil = verify;
  spoil.kind = IoRequest::Kind::kWriteUncorrectable;
  spoil.lba = 2;
  spoil.blocks = 1;
  EXPECT_TRUE(host->submit(spoil).ok()) << spoil.completion.status.describe();
  EXPECT_FALSE(host->read(ns, 0, in).has_value()) << "a block in it was made unreadable";
  ASSERT_TRUE(host->write(ns, 0, out).has_value());
  EXPECT_TRUE(host->read(ns, 0, in).has_value()) << "writing heals it";
}

TEST_F(HostTargetTest, BeyondTheEndIsAnError) {
  const auto host = connect();
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(1);
  std::vector<std::byte> data(1024);
  const Status read = host->read(ns, ns.blocks - 1, data);
  ASSERT_FALSE(read.has_value());
  EXPECT_THAT(read.error().text, HasSubstr("LBA Out of Range"));
  EXPECT_FALSE(host->identify_namespace(7).has_value());
}

TEST_F(HostTargetTest, FourKilobyteBlocks) {
  const std::uint32_t nsid = add("ram://?size=1M&block=4096");
  const auto host = connect();
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(nsid);
  EXPECT_EQ(ns.block_size, 4096u);
  const std::vector<std::byte> out = pattern(65536, 3);
  std::vector<std::byte> in(65536);
  EXPECT_TRUE(host->write(ns, 2, out).has_value());
  EXPECT_TRUE(host->read(ns, 2, in).has_value());
  EXPECT_EQ(in, out);
  EXPECT_THAT(*host->list_namespaces(), ElementsAre(1, nsid));
}

TEST_F(HostTargetTest, SmallQueuesUnderFlowControlCarryMuch) {
  const auto host = connect("&queues=2&qsize=3&sqfc=on");
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(1);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 40; ++i) {
        const std::vector<std::byte> out = pattern(4096, t * 1000 + i);
        std::vector<std::byte> in(4096);
        if (!host->write(ns, t * 8, out) || !host->read(ns, t * 8, in) || in != out) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HostTargetTest, SeveralHostsSeeTheSameBlocks) {
  const auto one = connect("&hostnqn=nqn.2026-01.org.example:one");
  const auto two = connect("&hostnqn=nqn.2026-01.org.example:two&queues=2");
  ASSERT_TRUE(one != nullptr && two != nullptr);
  EXPECT_NE(one->host().cntlid(), two->host().cntlid());
  const Namespace ns = *one->identify_namespace(1);
  const std::vector<std::byte> out = pattern(16384, 8);
  std::vector<std::byte> in(16384);
  ASSERT_TRUE(one->write(ns, 100, out).has_value());
  ASSERT_TRUE(two->read(ns, 100, in).has_value());
  EXPECT_EQ(in, out);
  EXPECT_EQ(target_->controllers().size(), 2u);
  EXPECT_TRUE(one->close());
  ASSERT_TRUE(two->read(ns, 100, in).has_value()) << "the one does not depend on the other";
}

TEST_F(HostTargetTest, AResetLeavesTheDataAndTheQueues) {
  const auto host = connect("&queues=2");
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(1);
  const std::vector<std::byte> out = pattern(4096, 8);
  std::vector<std::byte> in(4096);
  ASSERT_TRUE(host->write(ns, 0, out).has_value());
  std::mutex mutex;
  std::condition_variable said;
  std::optional<bool> done;
  host->reactor().post([&] {
    host->host().reset([&](Result<bool> result) {
      const std::lock_guard lock(mutex);
      done = result.has_value();
      said.notify_one();
    });
  });
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(said.wait_for(lock, std::chrono::seconds(20), [&] { return done.has_value(); }));
  }
  EXPECT_TRUE(*done);
  ASSERT_TRUE(host->read(ns, 0, in).has_value());
  EXPECT_EQ(in, out);
}

TEST_F(HostTargetTest, AHostHearsThatNamespacesComeChangeAndGo) {
  const auto host = connect();
  ASSERT_NE(host, nullptr);
  std::mutex mutex;
  std::condition_variable came;
  int events = 0;
  std::atomic<bool> listening = false;
  host->reactor().post([&] {
    host->host().set_events({.on_event =
                                 [&](const AsyncEvent& event) {
                                   EXPECT_EQ(event.log_page, nvme::log_page::kChangedNamespaces);
                                   const std::lock_guard lock(mutex);
                                   ++events;
                                   came.notify_one();
                                 },
                             .on_lost = nullptr,
                             .on_reset = nullptr});
    listening = true;
  });
  ASSERT_TRUE(host->list_namespaces().has_value());
  ASSERT_TRUE(listening);
  const auto next_event = [&](int count) {
    std::unique_lock lock(mutex);
    return came.wait_for(lock, std::chrono::seconds(20), [&] { return events >= count; });
  };
  const std::uint32_t nsid = add("ram://?size=1M");
  ASSERT_TRUE(next_event(1));
  EXPECT_THAT(*host->list_namespaces(), ElementsAre(1, nsid));
  ASSERT_TRUE(target_->resize_namespace(kSubsystem, nsid, 8192).has_value());
  ASSERT_TRUE(next_event(2));
  EXPECT_EQ(host->identify_namespace(nsid)->blocks, 8192u);
  ASSERT_TRUE(target_->remove_namespace(kSubsystem, nsid).has_value());
  ASSERT_TRUE(next_event(3));
  EXPECT_THAT(*host->list_namespaces(), ElementsAre(1));
}

TEST_F(HostTargetTest, DiscoveryNamesTheSubsystem) {
  auto host = BlockingHost::connect(registry_, "loop://here?kato=0");
  ASSERT_TRUE(host.has_value()) << host.error().stage << ": " << host.error().text;
  const auto entries = (*host)->discover();
  ASSERT_TRUE(entries.has_value()) << entries.error().text;
  bool named = false;
  for (const auto& entry : *entries)
    named = named || std::string(reinterpret_cast<const char*>(&entry.subnqn)) == kSubsystem;
  EXPECT_TRUE(named);
}

TEST_F(HostTargetTest, ATargetThatStopsEndsTheAssociation) {
  const auto host = connect();
  ASSERT_NE(host, nullptr);
  const Namespace ns = *host->identify_namespace(1);
  target_->stop(monotonic_now() + 5 * kSecond);
  std::vector<std::byte> data(512);
  EXPECT_FALSE(host->read(ns, 0, data).has_value());
}

TEST_F(HostTargetTest, AnUnknownSubsystemIsRefusedByName) {
  const auto host = BlockingHost::connect(registry_, "loop://here/nqn.2026-01.org.example:other");
  ASSERT_FALSE(host.has_value());
  EXPECT_EQ(host.error().stage, "Connect command");
  EXPECT_THAT(host.error().text, HasSubstr("the subsystem NQN"));
}

}  // namespace
}  // namespace weft::test
