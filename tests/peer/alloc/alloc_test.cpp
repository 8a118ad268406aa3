// The data path allocates nothing: not in the core, not in the plugin, not in the libraries that they use. Counted by
// interposition in both processes (count_allocations.c), over 100,000 I/Os of each kind.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <tuple>

#include "tests/support/build_folders.hpp"
#include "tests/support/child_process.hpp"

namespace weft {
namespace {

class CounterFile {
 public:
  explicit CounterFile(const char* name) : path_(testing::TempDir() + fmt::format("weft_alloc_{}_{}", name, getpid())) {
    const UniqueFd fd(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(ftruncate(fd.get(), 4096), 0);
  }
  ~CounterFile() { unlink(path_.c_str()); }
  CounterFile(const CounterFile&) = delete;
  CounterFile& operator=(const CounterFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::vector<std::string> environment() const {
    return {"LD_PRELOAD=" WEFT_COUNT_ALLOCATIONS, "WEFT_COUNT_FILE=" + path_};
  }

 private:
  const std::string path_;
};

using Case = std::tuple<const char*, std::uint32_t, bool>;  // read or write, bytes, digests
class DataPath : public testing::TestWithParam<Case> {};

TEST_P(DataPath, AllocatesNothingInEitherProcess) {
  const auto& [direction, bytes, digests] = GetParam();
  const CounterFile target_counters("target"), host_counters("host");
  ChildProcess target({program("weft"), "serve", "--listen", "tcp://127.0.0.1:0", "--nqn",
                       "nqn.2026-01.org.example:alloc", "--namespace", "ram://?size=64M"},
                      target_counters.environment());
  const auto line = target.read_line();
  ASSERT_TRUE(line && line->starts_with("listening ")) << (line ? *line : "no line");
  const std::string address =
      line->substr(10) + "/nqn.2026-01.org.example:alloc?qsize=32" + (digests ? "&hdgst=on&ddgst=on" : "");
  ChildProcess host({WEFT_IO_DRIVER, plugin_folder(), address, direction, std::to_string(bytes), "100000",
                     host_counters.path(), target_counters.path()},
                    host_counters.environment());
  EXPECT_EQ(host.read_all(std::chrono::seconds(280)), "host 0 0\ntarget 0 0\n");
  EXPECT_EQ(host.wait(), 0);
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, DataPath,
                         testing::Combine(testing::Values("read", "write"), testing::Values(4096u, 131072u),
                                          testing::Bool()),
                         [](const testing::TestParamInfo<Case>& one) {
                           return fmt::format("{}{}{}", std::get<0>(one.param), std::get<1>(one.param),
                                              std::get<2>(one.param) ? "Digests" : "");
                         });

// The counting itself counts: without this, a test that finds nothing would prove nothing.
TEST(CountAllocations, SeesTheAllocationsOfAProgram) {
  const CounterFile counters("self");
  ChildProcess version({program("weft"), "--version"}, counters.environment());
  EXPECT_EQ(version.wait(), 0);
  std::uint64_t counted[2] = {0, 0};
  const UniqueFd fd(open(counters.path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(read(fd.get(), counted, sizeof counted), static_cast<ssize_t>(sizeof counted));
  EXPECT_GT(counted[0], 0u);
}

}  // namespace
}  // namespace weft
