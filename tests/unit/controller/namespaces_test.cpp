// Namespaces and subsystems that come, go and change while hosts use them.
#include "bench.hpp"

namespace weft::test {
namespace {

class Namespaces : public Bench {
 protected:
  using Outcome = std::optional<Status>;
  void SetUp() override {
    serve();
    a_ = &admin();
    q_ = &io();
  }
  static controller::Server::Done into(Outcome& outcome) {
    return [&outcome](Status status) { outcome = std::move(status); };
  }
  Status remove(std::uint32_t nsid) {
    Outcome outcome;
    server_->remove_namespace(kDiskNqn, nsid, into(outcome));
    EXPECT_TRUE(run([&] { return outcome.has_value(); }));
    return *outcome;
  }
  Status resize(std::uint64_t blocks) {
    Outcome outcome;
    server_->resize_namespace(kDiskNqn, 1, blocks, into(outcome));
    EXPECT_TRUE(run([&] { return outcome.has_value(); }));
    return *outcome;
  }
  std::uint64_t size() {
    nvme::IdentifyNamespace id;
    EXPECT_TRUE(a_->call(wire::identify({.cns = 0, .nsid = 1}), {}, bytes_of(id)).ok());
    return id.nsze;
  }
  CapsuleHost* a_ = nullptr;
  CapsuleHost* q_ = nullptr;
  std::vector<std::byte> block_ = std::vector<std::byte>(512);
};

TEST_F(Namespaces, ARemovedOneIsUnknown) {
  ASSERT_TRUE(remove(1));
  EXPECT_EQ(q_->call(wire::read(1, 0, 1), {}, block_).code(), 0x00B);
  EXPECT_EQ(storage_->contexts(), 0u);
  EXPECT_FALSE(remove(1));
  add_namespace(std::make_shared<MemoryStorage>(8), 1);
  EXPECT_TRUE(q_->call(wire::read(1, 0, 1), {}, block_).ok());
}

TEST_F(Namespaces, RemovalWaitsForItsCommands) {
  storage_->hold(StorageCall::kMap);
  const std::uint16_t read = q_->send(wire::read(1, 0, 1), {}, block_);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  Outcome outcome;
  server_->remove_namespace(kDiskNqn, 1, into(outcome));
  settle();
  EXPECT_FALSE(outcome);
  std::vector<std::byte> other(512);
  EXPECT_EQ(q_->call(wire::read(1, 0, 1), {}, other).code(), 0x00B) << "no new one";
  storage_->let_go();
  EXPECT_TRUE(q_->wait(read).ok());
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
  EXPECT_EQ(storage_->contexts(), 0u);
}

TEST_F(Namespaces, RemovalWaitsForAFusedPair) {
  storage_->hold(StorageCall::kMap);
  const auto zeroes = std::vector<std::byte>(512);
  q_->send(wire::fused(wire::compare(1, 0, 1), 1), zeroes);
  const std::uint16_t second = q_->send(wire::fused(wire::write(1, 0, 1), 2), zeroes);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  Outcome outcome;
  server_->remove_namespace(kDiskNqn, 1, into(outcome));
  settle();
  EXPECT_FALSE(outcome);
  storage_->let_go();
  EXPECT_TRUE(q_->wait(second).ok());
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
}

TEST_F(Namespaces, GrowsAndShrinksAtRunTime) {
  EXPECT_EQ(q_->call(wire::read(1, 1024, 1), {}, block_).code(), 0x080);
  ASSERT_TRUE(resize(2048));
  EXPECT_EQ(size(), 2048u);
  EXPECT_TRUE(q_->call(wire::read(1, 2047, 1), {}, block_).ok());
  ASSERT_TRUE(resize(100));
  EXPECT_EQ(size(), 100u);
  EXPECT_EQ(q_->call(wire::read(1, 100, 1), {}, block_).code(), 0x080);
  EXPECT_TRUE(q_->call(wire::read(1, 99, 1), {}, block_).ok());
}

TEST_F(Namespaces, AResizeThatFailsChangesNothing) {
  storage_->can_resize = false;
  EXPECT_EQ(resize(2048).error().code, ENOTSUP);
  EXPECT_EQ(resize(10).error().code, ENOTSUP);
  EXPECT_EQ(resize(0).error().code, EINVAL);
  EXPECT_EQ(size(), 1024u);
  EXPECT_TRUE(q_->call(wire::read(1, 1023, 1), {}, block_).ok());
}

TEST_F(Namespaces, ShrinkingWaitsForIoBeyondTheNewEnd) {
  storage_->hold(StorageCall::kCommit);
  const auto data = pattern(512);
  const std::uint16_t write = q_->send(wire::write(1, 1000, 1), data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  Outcome outcome;
  server_->resize_namespace(kDiskNqn, 1, 500, into(outcome));
  settle();
  EXPECT_FALSE(outcome);
  const std::uint16_t late = q_->send(wire::read(1, 900, 1), {}, block_);
  settle();
  EXPECT_FALSE(q_->reply(late)) << "it waits at the gate";
  storage_->let_go();
  EXPECT_TRUE(q_->wait(write).ok());
  EXPECT_EQ(q_->wait(late).code(), 0x080);
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
}

TEST_F(Namespaces, AWriteThatWasOnItsWayWhenItShrankIsRefused) {
  loopback_control().set_hold_data(true);
  const auto data = pattern(64 * 512);
  const std::uint16_t write = q_->send(wire::write(1, 900, 64), data);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  ASSERT_TRUE(resize(500));
  loopback_control().set_hold_data(false);
  loopback_control().release_data();
  EXPECT_EQ(q_->wait(write).code(), 0x080);
  EXPECT_EQ(storage_->borrowed(), 0u);
}

TEST_F(Namespaces, RefusesWhatCannotBe) {
  const auto add = [&](const char* nqn, std::uint32_t nsid, std::shared_ptr<MemoryStorage> storage) {
    NamespaceOptions ns;
    ns.nsid = nsid;
    if (storage) ns.backend = std::make_unique<MemoryBackend>(storage);
    std::optional<Result<std::uint32_t>> outcome;
    server_->add_namespace(nqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
    EXPECT_TRUE(run([&] { return outcome.has_value(); }));
    return outcome->has_value() ? 0 : outcome->error().code;
  };
  EXPECT_EQ(add(kDiskNqn, 1, std::make_shared<MemoryStorage>(8)), EEXIST);
  EXPECT_EQ(add(kDiskNqn, 65537, std::make_shared<MemoryStorage>(8)), EINVAL);
  EXPECT_EQ(add("nqn.2026-01.org.example:none", 1, std::make_shared<MemoryStorage>(8)), ENOENT);
  EXPECT_EQ(add(kDiskNqn, 2, nullptr), EINVAL);
  EXPECT_EQ(add(kDiskNqn, 2, std::make_shared<MemoryStorage>(8, 520)), EINVAL);
  auto broken = std::make_shared<MemoryStorage>(8);
  broken->fail_opening(0);
  EXPECT_EQ(add(kDiskNqn, 2, broken), EIO);
  EXPECT_EQ(q_->call(wire::read(2, 0, 1), {}, block_).code(), 0x00B);
}

TEST_F(Namespaces, ARemovedSubsystemTakesItsControllersAlong) {
  Outcome outcome;
  server_->remove_subsystem(kDiskNqn, into(outcome));
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
  EXPECT_TRUE(*outcome);
  EXPECT_TRUE(a_->wait_closed());
  EXPECT_TRUE(q_->wait_closed());
  EXPECT_EQ(storage_->contexts(), 0u);
  EXPECT_EQ(counts().controllers, 0u);
  EXPECT_EQ(host().connect(names(), 0, 32).code(), 0x182);
}

TEST_F(Namespaces, SubsystemsKeepApart) {
  const char* const other = "nqn.2026-01.org.example:other";
  ASSERT_TRUE(
      server_->add_subsystem({.nqn = other, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
  auto storage = std::make_shared<MemoryStorage>(8);
  add_namespace(storage, 1, other);
  storage->fill(0, 8, std::byte{0x42});
  EXPECT_EQ(host(1).connect(names(other), 2, 32, cntlid_).code(), 0x182) << "a controller of the first subsystem";
  admin(names(other));
  CapsuleHost& q = io(1, 32, names(other));
  ASSERT_TRUE(q.call(wire::read(1, 0, 1), {}, block_).ok());
  EXPECT_EQ(block_[0], std::byte{0x42});
  EXPECT_FALSE(
      server_->add_subsystem({.nqn = other, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
  EXPECT_FALSE(server_->add_subsystem(
      {.nqn = fabrics::kDiscoveryNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
  EXPECT_FALSE(
      server_->add_subsystem({.nqn = "", .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
}

TEST_F(Namespaces, AListenerThatGoesLeavesItsConnections) {
  Outcome outcome;
  server_->unlisten(*Address::parse("loop://here"), into(outcome));
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
  EXPECT_TRUE(*outcome) << outcome->error().text;
  EXPECT_TRUE(q_->call(wire::read(1, 0, 1), {}, block_).ok());
  EXPECT_EQ(counts().listeners, 0u);
  CapsuleHost h(*reactor_, *transport_, *Address::parse("loop://here"));
  EXPECT_FALSE(h.open(0, 32));
}

}  // namespace
}  // namespace weft::test
