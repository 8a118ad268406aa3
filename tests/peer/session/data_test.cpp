// Host and target over real sockets: what is written comes back, for every kind of transfer that the options make.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "tests/peer/session/served_target.hpp"
#include "tests/support/build_folders.hpp"

namespace weft {
namespace {

struct Shape {
  const char* name;
  const char* host_options;
  const char* listen_options;
  const char* backend;
};

class Data : public testing::TestWithParam<Shape> {};

// Sizes on both sides of every bound: in-capsule data, one H2CData, one C2HData, MDTS.
constexpr std::uint64_t kSizes[] = {512,    4096,          8192,     8192 + 512,        16384,   65536,
                                    131072, 131072 + 4096, 1u << 20, (1u << 20) + 4096, 3u << 20};

TEST_P(Data, ComesBackAsItWasWritten) {
  ServedTarget served({}, GetParam().listen_options);
  const std::uint32_t nsid = served.add(GetParam().backend);
  auto host = served.connect(GetParam().host_options);
  ASSERT_NE(host, nullptr);
  auto ns = host->identify_namespace(nsid);
  ASSERT_TRUE(ns) << ns.error().text;
  unsigned seed = 1;
  for (std::uint64_t size : kSizes) {
    if (size % ns->block_size != 0) continue;
    const auto data = letters(size, seed++);
    const std::uint64_t lba = seed * 3;
    const Status written = host->write(*ns, lba, data);
    ASSERT_TRUE(written) << size << ": " << written.error().text;
    std::vector<std::byte> back(size);
    const Status read = host->read(*ns, lba, back);
    ASSERT_TRUE(read) << size << ": " << read.error().text;
    EXPECT_EQ(data, back) << size << " bytes";
  }
  EXPECT_TRUE(host->close());
  EXPECT_TRUE(served.comes_to_rest());
}

INSTANTIATE_TEST_SUITE_P(Over, Data,
                         testing::Values(Shape{"Plain", "", "", "ram://?size=16M"},
                                         Shape{"HeaderDigest", "?hdgst=on", "", "ram://?size=16M"},
                                         Shape{"DataDigest", "?ddgst=on", "", "ram://?size=16M&block=4096"},
                                         Shape{"BothDigests", "?hdgst=on&ddgst=on&queues=4", "", "ram://?size=16M"},
                                         Shape{"FourQueues", "?queues=4", "", "ram://?size=16M&block=4096"},
                                         Shape{"SmallQueue", "?qsize=2", "", "ram://?size=16M"},
                                         Shape{"FlowControl", "?sqfc=on&qsize=4", "", "ram://?size=16M"}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Session, RunsEveryKindOfCommand) {
  ServedTarget served;
  const std::uint32_t nsid = served.add("ram://?size=16M");
  auto host = served.connect();
  ASSERT_NE(host, nullptr);
  auto ns = host->identify_namespace(nsid);
  ASSERT_TRUE(ns);
  const auto old = letters(8192, 1), fresh = letters(8192, 2);
  std::vector<std::byte> back(8192);
  EXPECT_TRUE(host->write(*ns, 0, old, true));
  EXPECT_TRUE(host->flush(*ns));
  EXPECT_TRUE(host->compare(*ns, 0, old));
  const Status differs = host->compare(*ns, 0, fresh);
  ASSERT_FALSE(differs);
  EXPECT_NE(differs.error().text.find("Compare Failure"), std::string::npos) << differs.error().text;
  EXPECT_FALSE(host->compare_and_write(*ns, 0, fresh, fresh));
  EXPECT_TRUE(host->read(*ns, 0, back));
  EXPECT_EQ(back, old);
  EXPECT_TRUE(host->compare_and_write(*ns, 0, old, fresh));
  EXPECT_TRUE(host->read(*ns, 0, back));
  EXPECT_EQ(back, fresh);
  EXPECT_TRUE(host->write_zeroes(*ns, 0, 8));
  EXPECT_TRUE(host->deallocate(*ns, 8, 8));
  EXPECT_TRUE(host->read(*ns, 0, back));
  EXPECT_EQ(back, std::vector<std::byte>(8192));
  IoRequest request;
  request.nsid = nsid;
  request.block_size = 512;
  request.lba = 4;
  request.blocks = 2;
  request.kind = IoRequest::Kind::kVerify;
  EXPECT_TRUE(host->submit(request).ok());
  request.kind = IoRequest::Kind::kWriteUncorrectable;
  EXPECT_TRUE(host->submit(request).ok());
  EXPECT_FALSE(host->read(*ns, 0, back));
  EXPECT_TRUE(host->write(*ns, 0, old));
  EXPECT_TRUE(host->read(*ns, 0, back));
  EXPECT_EQ(back, old);
  EXPECT_TRUE(host->close());
  EXPECT_TRUE(served.comes_to_rest());
}

void write_and_check(BlockingHost& host, const Namespace& ns, unsigned part) {
  for (unsigned round = 0; round < 40; ++round) {
    const std::uint64_t lba = part * 4096 + round * 8;
    const auto data = letters(round % 5 == 0 ? 65536 : 4096, part * 100 + round);
    std::vector<std::byte> back(data.size());
    ASSERT_TRUE(host.write(ns, lba, data));
    ASSERT_TRUE(host.read(ns, lba, back));
    ASSERT_EQ(data, back);
  }
}

TEST(Session, ServesSeveralHostsOnSeveralThreadsAtOnce) {
  const ProcessCounts before = process_counts(getpid());
  {
    TargetOptions options;
    options.threads = 2;
    ServedTarget served(options);
    const std::uint32_t nsid = served.add("ram://?size=16M");
    std::vector<std::thread> threads;
    for (unsigned part = 0; part < 4; ++part) {
      threads.emplace_back([&served, nsid, part] {
        auto host = served.connect(fmt::format("?queues=2&hostnqn=nqn.2026-01.org.example:host{}", part));
        ASSERT_NE(host, nullptr);
        auto ns = host->identify_namespace(nsid);
        ASSERT_TRUE(ns);
        write_and_check(*host, *ns, part);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(served.comes_to_rest());
  }
  EXPECT_EQ(process_counts(getpid()), before);
}

TEST(Session, ConnectsFromTheAddressAndThroughTheInterfaceThatItIsTold) {
  ServedTarget served;
  served.add("ram://?size=1M");
  EXPECT_NE(served.connect("?host_traddr=127.0.0.9&host_iface=lo"), nullptr);
  TransportRegistry registry(SearchPath{{plugin_folder()}});
  const auto elsewhere = BlockingHost::connect(registry, served.url("?host_traddr=192.0.2.77"));
  ASSERT_FALSE(elsewhere);
  EXPECT_NE(elsewhere.error().text.find("192.0.2.77"), std::string::npos) << elsewhere.error().text;
}

TEST(Session, RefusesOneSocketForSeveralQueues) {
  TransportRegistry registry(SearchPath{{plugin_folder()}});
  const auto host = BlockingHost::connect(registry, fmt::format("tcp://[fd=0]/{}", kNqn));
  ASSERT_FALSE(host);
  EXPECT_NE(host.error().text.find("[fd=0] is one connection"), std::string::npos) << host.error().text;
}

TEST(Session, FindsItsSubsystemByDiscovery) {
  ServedTarget served;
  served.add("ram://?size=1M");
  auto host = served.connect("", "");
  ASSERT_NE(host, nullptr);
  auto log = host->discover();
  ASSERT_TRUE(log) << log.error().text;
  bool found = false;
  for (const auto& entry : *log) {
    const std::string nqn(entry.subnqn.data(), strnlen(entry.subnqn.data(), entry.subnqn.size()));
    if (nqn != kNqn) continue;
    found = true;
    EXPECT_EQ(std::string(entry.traddr.data(), 9), "127.0.0.1");
    EXPECT_EQ(std::string(entry.trsvcid.data(), served.port.size()), served.port);
  }
  EXPECT_TRUE(found);
}

TEST(Session, EndsCleanlyWhenTheTargetGoesAway) {
  auto served = std::make_unique<ServedTarget>();
  const std::uint32_t nsid = served->add("ram://?size=1M");
  TransportRegistry registry(SearchPath{{plugin_folder()}});
  auto host = BlockingHost::connect(registry, served->url("?timeout=5s"));
  ASSERT_TRUE(host);
  auto ns = (*host)->identify_namespace(nsid);
  ASSERT_TRUE(ns);
  served->target->stop(monotonic_now() + 2'000'000'000);
  std::vector<std::byte> block(512);
  EXPECT_FALSE((*host)->read(*ns, 0, block));
  EXPECT_TRUE((*host)->close());
}

}  // namespace
}  // namespace weft
