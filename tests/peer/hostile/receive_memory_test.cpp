// Memory for received bytes (the transport's option rxmem) that runs out: half a capsule holds none of it, whoever holds all
// of it lets nobody wait.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/peer/hostile/raw_host.hpp"
#include "tests/peer/session/served_target.hpp"
#include "tests/support/memory_backend.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint32_t kCapsule = 65536;  // in-capsule data of one write
constexpr std::size_t kHosts = 32;         // of whom each sends so much: twice what the target has memory for
constexpr char kSentence[] = "the memory for received bytes is in use";

// Reads what is said on standard error, and passes it on.
class Overhearing {
 public:
  Overhearing() : kept_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    from_ = UniqueFd(ends[0]);
    const UniqueFd to(ends[1]);
    ::dup2(to.get(), STDERR_FILENO);
  }
  ~Overhearing() {
    ::dup2(kept_.get(), STDERR_FILENO);
    take();
  }
  Overhearing(const Overhearing&) = delete;
  Overhearing& operator=(const Overhearing&) = delete;

  [[nodiscard]] bool hears(std::string_view words) {
    const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
    while (times(words) == 0 && monotonic_now() < deadline) {
      pollfd one{from_.get(), POLLIN, 0};
      ::poll(&one, 1, 100);
    }
    return times(words) != 0;
  }
  [[nodiscard]] int times(std::string_view words) {
    take();
    int count = 0;
    for (std::size_t at = heard_.find(words); at != std::string::npos; at = heard_.find(words, at + 1)) ++count;
    return count;
  }

 private:
  void take() {
    char bytes[4096];
    for (ssize_t got; (got = ::read(from_.get(), bytes, sizeof bytes)) > 0;) {
      heard_.append(bytes, static_cast<std::size_t>(got));
      EXPECT_EQ(::write(kept_.get(), bytes, static_cast<std::size_t>(got)), got);
    }
  }
  UniqueFd kept_, from_;
  std::string heard_;
};

class ReceiveMemory : public testing::Test {
 protected:
  // The least memory that there can be, on one thread: 1 MiB of it for received bytes, 4 MiB for data under way.
  void serve(Nanoseconds data_timeout, const std::string& listen_options) {
    TargetOptions options;
    options.in_capsule = kCapsule;
    options.data_memory = 4u << 20;
    options.data_timeout = data_timeout;
    served = std::make_unique<ServedTarget>(options, listen_options, std::vector<Option>{{"rxmem", "1M"}});
    nsid = served->add("ram://?size=16M");
    other = served->connect("?kato=0&hostnqn=nqn.2026-01.org.example:good");
    ASSERT_NE(other, nullptr);
    auto described = other->identify_namespace(nsid);
    ASSERT_TRUE(described);
    ns = *described;
    before_ = process_counts(getpid());
  }
  // All that the others held is gone when they are.
  void TearDown() override {
    if (other == nullptr) return;
    const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
    while (!(process_counts(getpid()) == before_) && monotonic_now() < deadline) std::this_thread::yield();
    EXPECT_EQ(process_counts(getpid()), before_);
    other.reset();
    EXPECT_TRUE(served->comes_to_rest());
  }

  [[nodiscard]] std::vector<RawAssociation> associate(std::size_t count) {
    std::vector<RawAssociation> hosts(count);
    for (RawAssociation& host : hosts) EXPECT_TRUE(host.open({.port = served->port}));
    return hosts;
  }
  [[nodiscard]] static RawPdu write_in_capsule(std::uint16_t cid, std::uint32_t nsid) {
    const Sqe write = Sqe(0x01, cid).u32(4, nsid).u16(48, kCapsule / 512 - 1).in_capsule(kCapsule);
    return {write, {}, Bytes(kCapsule)};
  }
  // What the other host writes comes back to it.
  [[nodiscard]] std::future<std::string> other_is_served() {
    return std::async(std::launch::async, [this]() -> std::string {
      const auto data = letters(131072, 5);
      std::vector<std::byte> back(data.size());
      if (const Status written = other->write(ns, 4096, data); !written) return written.error().text;
      if (const Status read = other->read(ns, 4096, back); !read) return read.error().text;
      return back == data ? "" : "it reads something else than it wrote";
    });
  }

  std::unique_ptr<ServedTarget> served;
  std::unique_ptr<BlockingHost> other;
  Namespace ns;
  std::uint32_t nsid = 0;

 private:
  ProcessCounts before_;
};

TEST_F(ReceiveMemory, IsNotHeldByHalfACapsuleWhoseRestIsNotWaitedForLong) {
  serve(30'000'000'000, "?pdu_timeout=3s");
  Overhearing ears;
  std::vector<RawAssociation> hosts = associate(kHosts);
  for (RawAssociation& host : hosts) ASSERT_TRUE(host.io.socket.send_part(write_in_capsule(1, nsid), kCapsule - 5000));
  EXPECT_EQ(other_is_served().get(), "");
  EXPECT_EQ(ears.times(kSentence), 0);
  for (RawAssociation& host : hosts) EXPECT_TRUE(host.io.socket.closed_by_peer());
}

TEST_F(ReceiveMemory, IsNotNeededByOthersWhileStorageHoldsIt) {
  serve(30'000'000'000, "");
  const auto slow = std::make_shared<test::MemoryStorage>(4096);
  NamespaceOptions options;
  options.backend = std::make_unique<test::MemoryBackend>(slow);
  const auto slow_nsid = served->target->add_namespace(kNqn, std::move(options));
  ASSERT_TRUE(slow_nsid);
  slow->hold(test::StorageCall::kCommit);

  Overhearing ears;
  std::vector<RawAssociation> hosts = associate(kHosts);
  for (RawAssociation& host : hosts) ASSERT_TRUE(host.io.send(write_in_capsule(1, *slow_nsid)));
  EXPECT_TRUE(ears.hears(kSentence));
  EXPECT_EQ(other_is_served().get(), "");
  RawAssociation late;
  EXPECT_TRUE(late.open({.port = served->port, .hostnqn = "nqn.2026-01.org.example:late"}));
  EXPECT_TRUE(late.io.send(write_in_capsule(1, nsid)));
  const auto written = late.io.answer();
  EXPECT_TRUE(written && written->status == 0);
  slow->let_go();
  for (RawAssociation& host : hosts) {
    const auto answer = host.io.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 0);
  }
  EXPECT_LT(ears.times(kSentence), 3) << "it is said once, and again after a while: not of each connection";
}

// A host begins large writes, as many as there is memory for, and never sends their data: its other writes wait for some, and
// hold what they brought.
TEST_F(ReceiveMemory, ThatAHostKeepsIsTakenFromItInTime) {
  serve(3'000'000'000, "");
  Overhearing ears;
  std::vector<RawAssociation> hosts = associate(kHosts);
  RawHost& hog = hosts[0].io;
  for (std::uint16_t cid = 0; cid < 4; ++cid) {
    hog.send(hog.capsule(Sqe(0x01, cid).u32(4, nsid).u16(48, 2047).transport(1u << 20)));
  }
  ASSERT_TRUE(hosts[0].admin.call(property_get(9, 0, true)));  // the target has seen them
  for (std::size_t i = 1; i < kHosts; ++i) ASSERT_TRUE(hosts[i].io.send(write_in_capsule(1, nsid)));
  EXPECT_TRUE(ears.hears(kSentence));
  EXPECT_EQ(other_is_served().get(), "");
  EXPECT_TRUE(hog.socket.closed_by_peer());
  for (std::size_t i = 1; i < kHosts; ++i) {
    const auto answer = hosts[i].io.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 0);
  }
}

}  // namespace
}  // namespace weft::hostile
