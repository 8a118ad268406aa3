// A thousand connections, four hosts at a time, each of which finds what the one before it has written.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/peer/session/served_target.hpp"
#include "tests/support/process_counts.hpp"

namespace weft {
namespace {

constexpr int kThreads = 4;
constexpr int kConnections = 1000;

// Digests and the number of queues change with each.
std::string options_of(int number) {
  static constexpr const char* kSwitch[] = {"off", "on"};
  return fmt::format("?hdgst={}&ddgst={}&queues={}", kSwitch[number & 1], kSwitch[number >> 1 & 1], 1 + number % 3);
}

// Connects, reads what connection `number` - 1 wrote at `lba`, writes something else. What went wrong, or "".
std::string visit(ServedTarget& served, std::uint32_t nsid, std::uint64_t lba, int number) {
  auto host = BlockingHost::connect(served.registry, served.url(options_of(number)));
  if (!host) return host.error().stage + ": " + host.error().text;
  auto ns = (*host)->identify_namespace(nsid);
  if (!ns) return ns.error().text;
  std::vector<std::byte> found(16384);
  if (const Status read = (*host)->read(*ns, lba, found); !read) return read.error().text;
  const auto expected = number == 0 ? std::vector<std::byte>(found.size())
                                    : letters(found.size(), static_cast<unsigned>(number + static_cast<int>(lba)) - 1);
  if (found != expected) return "it does not find what the connection before it wrote";
  const auto data = letters(found.size(), static_cast<unsigned>(number + static_cast<int>(lba)));
  if (const Status written = (*host)->write(*ns, lba, data); !written) return written.error().text;
  if (const Status closed = (*host)->close(); !closed) return closed.error().text;
  return {};
}

TEST(Reconnect, AThousandConnectionsLeaveNothingBehindButTheirData) {
  TargetOptions options;
  options.threads = 2;
  ServedTarget served(options);
  const std::uint32_t nsid = served.add("ram://?size=1M");
  ASSERT_EQ(visit(served, nsid, 1024, 0), "");  // what is made once is made
  ASSERT_TRUE(served.comes_to_rest());
  const ProcessCounts before = process_counts(getpid());

  std::atomic<int> connected{0};
  std::vector<std::thread> hosts;
  for (int thread = 0; thread < kThreads; ++thread) {
    hosts.emplace_back([&, thread] {
      for (int number = 0; number < kConnections / kThreads; ++number) {
        const std::string wrong = visit(served, nsid, static_cast<std::uint64_t>(thread) * 64, number);
        ASSERT_EQ(wrong, "") << "connection " << number << " of host " << thread;
        connected.fetch_add(1);
      }
    });
  }
  for (std::thread& host : hosts) host.join();

  EXPECT_EQ(connected.load(), kConnections);
  ASSERT_TRUE(served.comes_to_rest());
  EXPECT_EQ(process_counts(getpid()), before);
}

}  // namespace
}  // namespace weft
