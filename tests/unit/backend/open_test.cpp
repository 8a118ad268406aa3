// Opening backends: what is refused, in which words.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/backend/file_ring.hpp"
#include "tests/unit/backend/backend_driver.hpp"

namespace weft {
namespace {

std::string refusal(const std::string& url) {
  auto backend = BackendRegistry::builtin().open(url);
  return backend ? "it was opened" : backend.error().text;
}

class TempFile {
 public:
  explicit TempFile(std::uint64_t size, int mode = 0600)
      : path_(testing::TempDir() + fmt::format("weft_open_{}_{}", getpid(), size)) {
    std::ofstream(path_).close();
    EXPECT_EQ(truncate(path_.c_str(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(chmod(path_.c_str(), static_cast<mode_t>(mode)), 0);
  }
  ~TempFile() { unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

TEST(OpenBackend, SaysWhatIsWrongWithAnOption) {
  EXPECT_EQ(refusal("ram://?size=1G&blok=512"),
            "ram://?size=1G&blok=512: 'blok' is no option of this backend; did you mean 'block'?");
  EXPECT_NE(refusal("ram://").find("no size: write ram://?size=1G"), std::string::npos);
  EXPECT_NE(refusal("ram://?size=1G&block=1024").find("a block has 512 or 4096 bytes"), std::string::npos);
  EXPECT_NE(refusal("ram://?size=1000").find("not a whole number of 512-byte blocks"), std::string::npos);
  EXPECT_NE(refusal("null://?size=0").find("not a whole number"), std::string::npos);
  EXPECT_NE(refusal("ram://?size=18446744073709551104").find("more than a ram backend can have"), std::string::npos);
  EXPECT_NE(refusal("rem://?size=1G").find("did you mean 'ram'?"), std::string::npos);
}

TEST(OpenBackend, SaysWhyAFileCannotServe) {
  EXPECT_NE(refusal("file:///nonexistent/disk").find("no such file; with size=10G a new one would be made"),
            std::string::npos);
  const TempFile small(100);
  EXPECT_NE(refusal("file://" + small.path()).find("too small for one block of 512"), std::string::npos);
  const TempFile megabyte(1u << 20);
  EXPECT_NE(refusal("file://" + megabyte.path() + "?size=2M").find("too small for the size of 2097152"),
            std::string::npos);
}

// A path of this test's own, gone at its end.
class TempPath {
 public:
  explicit TempPath(const char* name) : path_(testing::TempDir() + fmt::format("weft_{}_{}", name, getpid())) {
    unlink(path_.c_str());
  }
  ~TempPath() { unlink(path_.c_str()); }
  TempPath(const TempPath&) = delete;
  TempPath& operator=(const TempPath&) = delete;
  [[nodiscard]] const std::string& operator*() const { return path_; }

 private:
  const std::string path_;
};

TEST(OpenBackend, SaysWhatStoresNoBlocksInsteadOfWaitingForIt) {
  const TempPath pipe("pipe"), socket("socket"), link("link");
  ASSERT_EQ(mkfifo((*pipe).c_str(), 0600), 0);
  ASSERT_EQ(mknod((*socket).c_str(), S_IFSOCK | 0600, 0), 0);
  ASSERT_EQ(symlink((*pipe).c_str(), (*link).c_str()), 0);
  const std::string where = "; blocks are stored in a regular file or a block device";
  for (const char* options : {"", "?readonly=on", "?size=1M"}) {
    EXPECT_EQ(refusal("file://" + *pipe + options), *pipe + ": is a pipe" + where);
    EXPECT_EQ(refusal("file://" + *link + options), *link + ": is a pipe" + where);
    EXPECT_EQ(refusal("file://" + *socket + options), *socket + ": is a socket" + where);
    EXPECT_EQ(refusal(std::string("file:///tmp") + options), "/tmp: is a folder" + where);
    EXPECT_EQ(refusal(std::string("file:///dev/zero") + options), "/dev/zero: is a character device" + where);
  }
  EXPECT_EQ(refusal("file:///proc/self/maps?readonly=on"),
            "/proc/self/maps: is made up by the kernel when it is read (/proc, /sys): it stores no blocks");
}

TEST(OpenBackend, SaysThatALinkLeadsNowhere) {
  const TempPath link("link"), circle("circle"), absent("absent");
  ASSERT_EQ(symlink((*absent).c_str(), (*link).c_str()), 0);
  ASSERT_EQ(symlink((*circle).c_str(), (*circle).c_str()), 0);
  for (const char* options : {"", "?readonly=on", "?size=1M"}) {
    EXPECT_EQ(refusal("file://" + *link + options), *link + ": is a link to " + *absent + ", which does not exist");
    EXPECT_EQ(refusal("file://" + *circle + options),
              *circle + ": is a link to " + *circle + ", which leads round in a circle");
  }
}

TEST(OpenBackend, SaysWhatToDoAboutARefusedIoUring) {
  EXPECT_NE(io_uring_refused(EPERM).text.find("seccomp"), std::string::npos);
  EXPECT_NE(io_uring_refused(ENOMEM).text.find("RLIMIT_MEMLOCK"), std::string::npos);
  EXPECT_EQ(io_uring_refused(EINVAL).text.find("RLIMIT_MEMLOCK"), std::string::npos);
}

TEST(OpenBackend, ServesRamWhereAddressSpaceIsShort) {
  const pid_t child = fork();
  if (child == 0) {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t most = pages * static_cast<rlim_t>(getpagesize()) + (rlim_t{1} << 30);
    const rlimit limit{most, most};
    setrlimit(RLIMIT_AS, &limit);
    _exit(BackendRegistry::builtin().open("ram://?size=64M") ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(OpenBackend, SaysThatAFileIsReadOnly) {
  if (geteuid() == 0) {
    const pid_t child = fork();
    if (child == 0) {  // root may write anything: look at it as somebody else
      const TempFile file(8192, 0444);
      if (chown(file.path().c_str(), 1, 1) != 0 || setuid(65534) != 0) _exit(2);
      _exit(refusal("file://" + file.path()).find("may be read but not written; add readonly=on") != std::string::npos
                ? 0
                : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return;
  }
  const TempFile file(8192, 0444);
  EXPECT_NE(refusal("file://" + file.path()).find("may be read but not written; add readonly=on"), std::string::npos);
}

TEST(OpenBackend, TakesAllWholeBlocksOfAFile) {
  const TempFile file(10 * 4096 + 77);
  auto backend = BackendRegistry::builtin().open("file://" + file.path() + "?block=4096");
  ASSERT_TRUE(backend);
  EXPECT_EQ((*backend)->info().blocks, 10u);
  EXPECT_TRUE((*backend)->info().volatile_cache);
}

TEST(OpenBackend, ServesAReadOnlyFileWhenAskedTo) {
  const TempFile file(8192);
  auto backend = BackendRegistry::builtin().open("file://" + file.path() + "?readonly=on");
  ASSERT_TRUE(backend);
  EXPECT_TRUE((*backend)->info().read_only);
  EXPECT_EQ(BackendDriver(**backend).read(0, 16), std::string(8192, '\0'));
}

TEST(OpenBackend, AFileHasOneWhoWritesOrManyWhoRead) {
  const TempFile file(8192);
  const std::string url = "file://" + file.path();
  {
    const auto writer = BackendRegistry::builtin().open(url);
    ASSERT_TRUE(writer);
    EXPECT_NE(refusal(url).find("somebody else serves or locks this file"), std::string::npos) << refusal(url);
    EXPECT_NE(refusal(url + "?readonly=on").find("and may write to it"), std::string::npos);
  }
  const auto reader = BackendRegistry::builtin().open(url + "?readonly=on");
  ASSERT_TRUE(reader);
  EXPECT_TRUE(BackendRegistry::builtin().open(url + "?readonly=on"));
  EXPECT_NE(refusal(url).find("somebody else serves or locks this file"), std::string::npos);
}

TEST(OpenBackend, OfTwoThatMakeAFileOneServesIt) {
  const std::string path = testing::TempDir() + fmt::format("weft_new_{}", getpid());
  for (int i = 0; i < 50; ++i) {
    unlink(path.c_str());
    const auto open = [&path] { return BackendRegistry::builtin().open("file://" + path + "?size=64K"); };
    Result<std::unique_ptr<Backend>> first = Error(0, "");
    std::thread other([&] { first = open(); });
    const auto second = open();
    other.join();
    ASSERT_LE(int{first.has_value()} + int{second.has_value()}, 1);
  }
  unlink(path.c_str());
}

TEST(OpenBackend, PunchesHolesOnDeallocate) {
  const TempFile file(8u << 20);
  auto backend = BackendRegistry::builtin().open("file://" + file.path());
  ASSERT_TRUE(backend);
  if (!(*backend)->info().thin) GTEST_SKIP() << "the file system of " << file.path() << " cannot punch holes";
  BackendDriver driver(**backend);
  EXPECT_TRUE(driver.write(0, driver.pattern(2048, 'a')).ok());
  EXPECT_TRUE(driver.flush().ok());
  struct stat before{}, after{};
  ASSERT_EQ(stat(file.path().c_str(), &before), 0);
  EXPECT_TRUE(driver.deallocate(0, 2048).ok());
  ASSERT_EQ(stat(file.path().c_str(), &after), 0);
  EXPECT_LT(after.st_blocks, before.st_blocks);
}

TEST(OpenBackend, NullForgetsWritesAndReadsZeroes) {
  auto backend = BackendRegistry::builtin().open("null://?size=1T");
  ASSERT_TRUE(backend);
  BackendDriver driver(**backend);
  EXPECT_TRUE(driver.write(1u << 30, driver.pattern(8, 'a')).ok());
  EXPECT_EQ(driver.read(1u << 30, 8), std::string(4096, '\0'));
}

TEST(OpenBackend, ReadsBeyondAFileThatWasCutAreErrors) {
  const TempFile file(64 * 512);
  auto backend = BackendRegistry::builtin().open("file://" + file.path());
  ASSERT_TRUE(backend);
  BackendDriver driver(**backend);
  ASSERT_EQ(truncate(file.path().c_str(), 512), 0);
  BackendDriver::Op op(32, 8);
  ASSERT_TRUE(driver.wait(op, driver.context().map(op)));
  EXPECT_EQ(op.status.code(), 0x281);
  EXPECT_EQ(op.error, ENODATA);
}

// A file of 64 blocks that somebody cuts to one while it is served.
class CutFile : public testing::Test {
 protected:
  CutFile() {
    EXPECT_TRUE(driver.write(0, driver.pattern(1, 'a')).ok());
    EXPECT_EQ(truncate(file.path().c_str(), 512), 0);
  }
  std::uint64_t blocks_left() const { return std::filesystem::file_size(file.path()) / 512; }

  const TempFile file{64 * 512};
  std::unique_ptr<Backend> backend = *BackendRegistry::builtin().open("file://" + file.path());
  BackendDriver driver{*backend};
};

TEST_F(CutFile, ZeroesBeyondItsEndAreThereToRead) {
  ASSERT_TRUE(driver.zero(32, 8).ok());
  EXPECT_EQ(driver.read(32, 8), std::string(4096, '\0'));
  EXPECT_EQ(driver.read(0, 1), driver.pattern(1, 'a'));
  EXPECT_EQ(blocks_left(), 40u);
}

// What was lost goes on failing: were the file longer, the blocks between would read as zeroes.
TEST_F(CutFile, ADeallocationBeyondItsEndLeavesItAsItIs) {
  ASSERT_TRUE(driver.deallocate(32, 8).ok());
  EXPECT_EQ(blocks_left(), 1u);
  EXPECT_EQ(driver.read(0, 1), driver.pattern(1, 'a'));
}

}  // namespace
}  // namespace weft
