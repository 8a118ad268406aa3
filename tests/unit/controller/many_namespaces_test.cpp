// Thousands of namespaces: what one that rests costs, that starting them is not quadratic, and what hosts are told.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "bench.hpp"

namespace weft::test {
namespace {

constexpr std::uint32_t kFew = 2048, kMany = 16384;
constexpr std::uint64_t kMostOfOne = 16u << 10;  // bytes of resident memory

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountsMemory = false;  // what a sanitizer adds would be counted
#else
constexpr bool kCountsMemory = true;
#endif

std::uint64_t resident_bytes() {
  std::uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::size_t descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

class ManyNamespaces : public Bench {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
    listen();
  }
  // How long it took, in processor time of this thread: the machine may do something else meanwhile.
  Nanoseconds add(std::uint32_t count, const std::function<std::string(std::uint32_t)>& url) {
    const Nanoseconds began = thread_time();
    for (std::uint32_t i = 0; i < count; ++i) {
      auto backend = backends_.open(url(i));
      EXPECT_TRUE(backend) << backend.error().text;
      if (!backend) break;
      NamespaceOptions ns;
      ns.backend = std::move(*backend);
      std::optional<Result<std::uint32_t>> outcome;
      server_->add_namespace(kDiskNqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
      EXPECT_TRUE(run([&] { return outcome.has_value(); }));
      EXPECT_TRUE(outcome->has_value()) << outcome->error().text;
    }
    return thread_time() - began;
  }
  static Nanoseconds thread_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<Nanoseconds>(now.tv_sec) * 1'000'000'000 + static_cast<Nanoseconds>(now.tv_nsec);
  }
  static void expect_small(std::uint64_t before, std::uint32_t count) {
    if (!kCountsMemory) return;
    const std::uint64_t now = resident_bytes();
    EXPECT_LE((now > before ? now - before : 0) / count, kMostOfOne);
  }

  const BackendRegistry backends_ = BackendRegistry::builtin();
};

TEST_F(ManyNamespaces, OfNullCostLittleAndStartInLinearTime) {
  const auto null = [](std::uint32_t) { return std::string("null://?size=1T"); };
  add(1, null);  // what all share
  const std::uint64_t before = resident_bytes();
  const Nanoseconds few = add(kFew, null);
  const Nanoseconds rest = add(kMany - kFew, null);
  expect_small(before, kMany);
  // Seven times as many: quadratic would be some sixty times as long.
  EXPECT_LT(rest, 7 * 4 * few);
}

TEST_F(ManyNamespaces, AreAllListedAndServed) {
  add(kFew, [](std::uint32_t) { return std::string("null://?size=1G"); });
  CapsuleHost& a = admin();
  nvme::IdentifyController id;
  ASSERT_TRUE(a.call(wire::identify({.cns = nvme::cns::kController}), {}, bytes_of(id)).ok());
  EXPECT_EQ(id.nn, 65536u);
  EXPECT_EQ(id.mnan, 65536u);
  std::uint32_t last = 0, found = 0;
  for (bool full = true; full;) {
    nvme::NamespaceList list;
    ASSERT_TRUE(a.call(wire::identify({.cns = nvme::cns::kActiveNamespaces, .nsid = last}), {}, bytes_of(list)).ok());
    full = list.nsid.back() != 0;
    for (const std::uint32_t nsid : list.nsid) {
      if (nsid == 0) break;
      EXPECT_EQ(nsid, ++found);
      last = nsid;
    }
  }
  EXPECT_EQ(found, kFew);
  CapsuleHost& q = io();
  std::vector<std::byte> block(512);
  EXPECT_TRUE(q.call(wire::read(kFew, 0, 1), {}, block).ok());
  EXPECT_EQ(q.call(wire::read(kFew + 1, 0, 1), {}, block).code(), 0x00B);
  EXPECT_EQ(q.call(wire::read(65536, 0, 1), {}, block).code(), 0x00B);
}

TEST_F(ManyNamespaces, TheGreatestNsidIs65536) {
  NamespaceOptions ns;
  ns.nsid = 65536;
  ns.backend = std::move(*backends_.open("null://?size=1G"));
  std::optional<Result<std::uint32_t>> outcome;
  server_->add_namespace(kDiskNqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
  ASSERT_TRUE(*outcome);
  admin();
  std::vector<std::byte> block(512);
  EXPECT_TRUE(io().call(wire::read(65536, 0, 1), {}, block).ok());
}

TEST_F(ManyNamespaces, TheLowestFreeNsidIsFoundAgainAfterOneWent) {
  const auto null = [](std::uint32_t) { return std::string("null://?size=1G"); };
  add(10, null);
  for (const std::uint32_t nsid : {7u, 3u}) {
    std::optional<Status> removed;
    server_->remove_namespace(kDiskNqn, nsid, [&](Status status) { removed = std::move(status); });
    ASSERT_TRUE(run([&] { return removed.has_value(); }));
  }
  for (const std::uint32_t expected : {3u, 7u, 11u}) {
    NamespaceOptions ns;
    ns.backend = std::move(*backends_.open("null://?size=1G"));
    std::optional<Result<std::uint32_t>> outcome;
    server_->add_namespace(kDiskNqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
    ASSERT_TRUE(run([&] { return outcome.has_value(); }));
    EXPECT_EQ(outcome->value_or(0), expected);
  }
}

TEST_F(ManyNamespaces, OfFilesCostLittleAndADescriptorEach) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  constexpr std::uint32_t kFiles = 400;
  if (limit.rlim_max < kFiles + 200) GTEST_SKIP() << "the limit of open files is " << limit.rlim_max;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &raised), 0);
  const std::string folder = testing::TempDir() + "weft_many_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const auto file = [&](std::uint32_t i) { return "file://" + folder + "/" + std::to_string(i) + "?size=1M"; };
  add(1, [&](std::uint32_t) { return "file://" + folder + "/first?size=1M"; });
  const std::uint64_t before = resident_bytes();
  const std::size_t open = descriptors();
  add(kFiles, file);
  expect_small(before, kFiles);
  EXPECT_EQ(descriptors(), open + kFiles);
  admin();
  CapsuleHost& q = io();
  const auto data = pattern(4096);
  for (const std::uint32_t nsid : {1u, 2u, kFiles}) {
    ASSERT_TRUE(q.call(wire::write(nsid, 8, 8), data).ok());
    std::vector<std::byte> read(4096);
    ASSERT_TRUE(q.call(wire::read(nsid, 8, 8), {}, read).ok());
    EXPECT_EQ(read, data);
  }
  // As a host reads each when it finds it.
  std::vector<std::byte> read(4096);
  for (std::uint32_t nsid = 1; nsid <= kFiles; ++nsid) ASSERT_TRUE(q.call(wire::read(nsid, 0, 8), {}, read).ok());
  expect_small(before, kFiles);
  std::filesystem::remove_all(folder);
  setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(ManyNamespaces, ThatChangeAtOnceAreOneEventAndOneEntryForAll) {
  CapsuleHost& a = admin();
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kAsyncEventConfiguration, 0x100)).ok());
  const std::uint16_t event = a.send(wire::async_event_request());
  const std::uint16_t next = a.send(wire::async_event_request());
  add(1500, [](std::uint32_t) { return std::string("null://?size=1G"); });
  EXPECT_TRUE(a.wait(event).ok());
  settle();
  EXPECT_FALSE(a.reply(next)) << "until the list was read";
  nvme::ChangedNamespaceList list;
  ASSERT_TRUE(a.call(wire::get_log_page(
                         {.lid = nvme::log_page::kChangedNamespaces, .nsid = nvme::kNsidAll, .length = sizeof list}),
                     {}, bytes_of(list))
                  .ok());
  EXPECT_EQ(list.nsid[0], nvme::kNsidAll);
  EXPECT_EQ(list.nsid[1], 0u);
}

}  // namespace
}  // namespace weft::test
