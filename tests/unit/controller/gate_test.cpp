// The gate: who must be alone on blocks always comes to an end, whatever the others hold and whoever goes meanwhile.
#include <unistd.h>

#include <deque>
#include <functional>

#include "bench.hpp"

namespace weft::test {
namespace {

// A backend before another one; a test can keep its maps back.
class HeldMaps final : public Backend {
 public:
  HeldMaps(std::unique_ptr<Backend> inner, const bool& held) : inner_(std::move(inner)), held_(held) {}
  BackendInfo info() const override { return inner_->info(); }
  Result<std::unique_ptr<BackendContext>> open(Reactor& reactor, std::uint64_t memory) override {
    auto context = inner_->open(reactor, memory);
    if (!context) return context.error();
    return std::unique_ptr<BackendContext>(std::make_unique<Context>(std::move(*context), held_));
  }

 private:
  class Context final : public BackendContext {
   public:
    Context(std::unique_ptr<BackendContext> inner, const bool& held) : inner_(std::move(inner)), held_(held) {}
    std::uint32_t segments(std::uint64_t lba, std::uint32_t blocks) const override {
      return inner_->segments(lba, blocks);
    }
    Progress lend(BackendOp& op) override { return inner_->lend(op); }
    Progress commit(BackendOp& op) override { return inner_->commit(op); }
    void discard(BackendOp& op) override { inner_->discard(op); }
    Progress map(BackendOp& op) override {
      if (!held_) return inner_->map(op);
      waiting_.push_back(&op);
      return Progress::kPending;
    }
    void unmap(BackendOp& op) override { inner_->unmap(op); }
    Progress flush(BackendOp& op) override { return inner_->flush(op); }
    Progress write_zeroes(BackendOp& op) override { return inner_->write_zeroes(op); }
    Progress deallocate(BackendOp& op) override { return inner_->deallocate(op); }
    std::uint32_t poll() override {
      std::uint32_t events = inner_->poll();
      for (; !held_ && !waiting_.empty(); ++events) {
        BackendOp& op = *waiting_.front();
        waiting_.pop_front();
        if (inner_->map(op) == Progress::kDone) op.done(op);
      }
      return events;
    }
    void submit() override { inner_->submit(); }
    int arm() override { return waiting_.empty() ? inner_->arm() : -2; }

   private:
    const std::unique_ptr<BackendContext> inner_;
    const bool& held_;
    std::deque<BackendOp*> waiting_;
  };

  const std::unique_ptr<Backend> inner_;
  const bool& held_;
};

class Gates : public Bench {
 protected:
  explicit Gates(TargetOptions options = {})
      : Bench(options), path_(testing::TempDir() + "weft_gate_" + std::to_string(getpid())) {
    unlink(path_.c_str());
  }
  ~Gates() override { unlink(path_.c_str()); }
  // NSID 2.
  void add_held(const std::string& url) {
    auto backend = BackendRegistry::builtin().open(url);
    ASSERT_TRUE(backend) << backend.error().text;
    NamespaceOptions ns;
    ns.nsid = 2;
    ns.backend = std::make_unique<HeldMaps>(std::move(*backend), maps_held_);
    bool added = false;
    server_->add_namespace(kDiskNqn, std::move(ns), [&](const Result<std::uint32_t>& r) { added = r.has_value(); });
    ASSERT_TRUE(run([&] { return added; }));
  }
  using Outcome = std::optional<Status>;
  static controller::Server::Done into(Outcome& outcome) {
    return [&outcome](Status status) { outcome = std::move(status); };
  }

  const std::string path_;
  bool maps_held_ = false;
};

TEST_F(Gates, APairInsideEndsWhileThousandsOfWritesWait) {
  serve();
  add_held("file://" + path_ + "?size=4M");
  admin();
  CapsuleHost& pair = io(1);
  std::vector<CapsuleHost*> writers;
  for (std::uint16_t qid = 2; qid <= 4; ++qid) writers.push_back(&io(qid, 1024));
  const std::vector<std::byte> zeroes(4096);
  const auto fresh = pattern(4096);
  maps_held_ = true;
  pair.send(wire::fused(wire::compare(2, 0, 8), nvme::flags::kFuseFirst), zeroes);
  const std::uint16_t second = pair.send(wire::fused(wire::write(2, 0, 8), nvme::flags::kFuseSecond), fresh);
  settle();  // the gate is closed, and the blocks are being mapped
  std::vector<std::pair<CapsuleHost*, std::uint16_t>> writes;
  for (CapsuleHost* const h : writers) {
    for (int i = 0; i < 900; ++i) writes.emplace_back(h, h->send(wire::write(2, 0, 8), fresh));
  }
  settle();
  maps_held_ = false;
  EXPECT_TRUE(pair.wait(second).ok());
  for (const auto& [h, cid] : writes) ASSERT_TRUE(h->wait(cid).ok());
}

TEST_F(Gates, AMarkThatWaitedBehindAShrinkMarksNothing) {
  serve();
  admin();
  CapsuleHost& q = io();
  const auto data = pattern(512);
  storage_->hold(StorageCall::kCommit);
  const std::uint16_t write = q.send(wire::write(1, 1000, 1), data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  Outcome shrunk, grown;
  server_->resize_namespace(kDiskNqn, 1, 500, into(shrunk));
  const std::uint16_t mark = q.send(wire::write_uncorrectable(1, 900, 1));
  settle();
  storage_->let_go();
  EXPECT_TRUE(q.wait(write).ok());
  EXPECT_EQ(q.wait(mark).code(), 0x080);
  server_->resize_namespace(kDiskNqn, 1, 1024, into(grown));
  ASSERT_TRUE(run([&] { return grown.has_value(); }));
  std::vector<std::byte> block(512);
  EXPECT_TRUE(q.call(wire::read(1, 900, 1), {}, block).ok());
}

TEST_F(Gates, MarksHaveABoundThatWritesDoNotPass) {
  ASSERT_TRUE(server_->add_subsystem(
      {.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
  storage_ = std::make_shared<MemoryStorage>(16'384);
  add_namespace(storage_);
  listen();
  admin();
  CapsuleHost& q = io();
  const auto data = pattern(512);
  const auto wide =
      std::uint64_t{2} * controller::RangeSet::kMost;  // a range of three blocks after all the single ones
  ASSERT_TRUE(q.call(wire::write_uncorrectable(1, wide, 3)).ok());
  for (std::uint64_t i = 1; i < controller::RangeSet::kMost; ++i) {
    ASSERT_TRUE(q.call(wire::write_uncorrectable(1, 2 * i, 1)).ok()) << i;
  }
  EXPECT_EQ(q.call(wire::write_uncorrectable(1, 0, 1)).code(), 0x081);
  EXPECT_EQ(q.call(wire::write(1, wide + 1, 1), data).code(), 0x081) << "it would leave two ranges";
  EXPECT_EQ(q.call(wire::write_zeroes(1, wide + 1, 1)).code(), 0x081);
  EXPECT_TRUE(q.call(wire::write_uncorrectable(1, 3, 1)).ok()) << "two become one";
  EXPECT_TRUE(q.call(wire::write(1, wide + 1, 1), data).ok());
  EXPECT_EQ(storage_->content(wide + 1, 1), data);
}

TEST_F(Gates, AFileMayBeServedAgainWhenItsNamespaceHasGone) {
  serve();
  add_held("file://" + path_ + "?size=4M");
  bool opened = false;
  server_->remove_namespace(
      kDiskNqn, 2, [&](const Status&) { opened = BackendRegistry::builtin().open("file://" + path_).has_value(); });
  EXPECT_TRUE(run([&] { return opened; }));
}

// A second worker, whose reactor runs within the first one's turns, unless it is paused.
class GatesOfTwo : public Gates, private Poller {
 protected:
  GatesOfTwo() {
    ReactorOptions options;
    options.clock = &FakeClock::now;
    other_ = std::move(*Reactor::create(options));
    reactor_->add(*this);
    Reactor* const both[] = {reactor_.get(), other_.get()};
    server_ = std::make_unique<controller::Server>(registry_, options_, both);
  }
  ~GatesOfTwo() override {
    hosts_.clear();
    stop();
    server_.reset();
    reactor_->remove(*this);
  }
  std::uint32_t poll() override { return paused_ ? 0 : other_->run_once(0); }

  std::unique_ptr<Reactor> other_;
  bool paused_ = false;
};

TEST_F(GatesOfTwo, ANamespaceMayGoBeforeAWorkerHearsThatItsGateOpens) {
  serve();
  admin();                 // worker 0, the control thread's
  io(1);                   // worker 1
  CapsuleHost& q = io(2);  // worker 0
  const auto data = pattern(512);
  ASSERT_TRUE(q.call(wire::write_uncorrectable(1, 0, 1)).ok());
  storage_->hold(StorageCall::kCommit);
  const std::uint16_t write = q.send(wire::write(1, 0, 1), data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  Outcome removed;
  server_->remove_namespace(kDiskNqn, 1, into(removed));
  settle();
  EXPECT_EQ(storage_->contexts(), 1u) << "worker 1 has left it";
  paused_ = true;
  storage_->let_go();
  EXPECT_TRUE(q.wait(write).ok());
  ASSERT_TRUE(run([&] { return removed.has_value(); }));
  settle();
  paused_ = false;
  settle();
}

}  // namespace
}  // namespace weft::test
