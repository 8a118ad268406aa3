// Out of descriptors: said in words, survived, and over when there are some again.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <vector>

#include "tests/peer/hostile/raw_socket.hpp"
#include "tests/peer/session/served_target.hpp"
#include "tests/support/child_process.hpp"

namespace weft::hostile {
namespace {

constexpr char kSubsystem[] = "nqn.2026-01.org.example:few";

// A target in a process that may have few descriptors open. Its standard error comes with its output.
class FewDescriptors : public testing::Test {
 protected:
  FewDescriptors()
      : target_({"sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\" 2>&1", program("weft"), "serve", "--listen",
                 "tcp://127.0.0.1:0", "--nqn", kSubsystem, "--namespace", "ram://?size=4M"}),
        registry_(SearchPath{{plugin_folder()}}) {
    const auto line = line_with("listening ");
    if (line) address_ = line->substr(line->find("tcp://"));
  }
  std::optional<std::string> line_with(std::string_view words) {
    while (auto line = target_.read_line()) {
      if (line->find(words) != std::string::npos) return line;
    }
    return std::nullopt;
  }
  std::unique_ptr<BlockingHost> connect() {
    auto host = BlockingHost::connect(registry_, address_ + "/" + kSubsystem);
    EXPECT_TRUE(host) << (host ? "" : host.error().text);
    return host ? std::move(*host) : nullptr;
  }

  ChildProcess target_;
  TransportRegistry registry_;
  std::string address_;
};

TEST_F(FewDescriptors, ATargetSaysSoAndServesThoseItHas) {
  ASSERT_FALSE(address_.empty());
  auto host = connect();
  ASSERT_NE(host, nullptr);
  const auto ns = host->identify_namespace(1);
  ASSERT_TRUE(ns);
  const auto data = letters(65536, 1);
  ASSERT_TRUE(host->write(*ns, 0, data));
  {
    std::vector<RawSocket> peers;
    const std::string port = address_.substr(address_.rfind(':') + 1);
    for (int i = 0; i < 100; ++i) peers.push_back(RawSocket::connect(port));
    EXPECT_TRUE(line_with("Too many open files")) << "it did not say so";
    std::vector<std::byte> back(data.size());
    EXPECT_TRUE(host->read(*ns, 0, back));
    EXPECT_EQ(back, data);
  }
  EXPECT_NE(connect(), nullptr);
  host.reset();
  target_.send_signal(SIGTERM);
  EXPECT_EQ(target_.wait(), 0);
}

TEST(NoDescriptors, AHostSaysSoAndHoldsNothing) {
  ServedTarget served;
  served.add("ram://?size=1M");
  served.connect().reset();
  ASSERT_TRUE(served.comes_to_rest());
  const ProcessCounts before = process_counts(getpid());
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  // From none to as many as connecting takes: it fails at each of them in turn, and then works.
  std::unique_ptr<BlockingHost> connected;
  std::uint64_t failures = 0;
  for (std::uint64_t more = 0; connected == nullptr; ++more) {
    ASSERT_LT(more, 64U);
    rlimit few = limit;
    few.rlim_cur = before.descriptors - 1 + more;  // what counted them had one open itself
    setrlimit(RLIMIT_NOFILE, &few);
    auto host = BlockingHost::connect(served.registry, served.url("?timeout=2s"));
    setrlimit(RLIMIT_NOFILE, &limit);
    if (host) {
      connected = std::move(*host);
    } else {
      ++failures;
      EXPECT_FALSE(host.error().text.empty());
      EXPECT_TRUE(served.comes_to_rest());
      EXPECT_EQ(process_counts(getpid()), before) << host.error().text;
    }
  }
  EXPECT_GT(failures, 2U);
  connected.reset();
  EXPECT_TRUE(served.comes_to_rest());
}

}  // namespace
}  // namespace weft::hostile
