#include "core/util/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "core/util/unique_fd.hpp"

namespace weft {
namespace {

class Log : public ::testing::Test {
 protected:
  ~Log() override { set_log_level(before_); }
  const LogLevel before_ = log_level();
};

TEST_F(Log, WritesALineToStandardError) {
  ::testing::internal::CaptureStderr();
  log::error("queue {} is {}", 3, "gone");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("queue 3 is gone\n"), std::string::npos) << text;
}

TEST_F(Log, SaysNothingBelowItsLevel) {
  set_log_level(LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  log::info("not this");
  log::warning("but this");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("not this"), std::string::npos) << text;
  EXPECT_NE(text.find("but this"), std::string::npos) << text;
}

constexpr char kEvil[] =
    "a\nweft: b\x1b[2J\xc2\x9b"
    "31m\x9b"
    "c\xe2\x80\xae";
constexpr char kHarmless[] = "a\\x0aweft: b\\x1b[2J\\xc2\\x9b31m\\x9bc\\xe2\\x80\\xae\n";

TEST_F(Log, EscapesWhatOthersWrote) {
  ::testing::internal::CaptureStderr();
  log::error("host {}", kEvil);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(text.ends_with(std::string("host ") + kHarmless)) << text;
}

// Standard error is a pipe while this lives.
class PipedStandardError {
 public:
  explicit PipedStandardError(int size = 1 << 16) : saved_(dup(STDERR_FILENO)) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends[1], F_SETPIPE_SZ, size), size);
    reader_ = UniqueFd(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
  }
  ~PipedStandardError() { dup2(saved_.get(), STDERR_FILENO); }
  PipedStandardError(const PipedStandardError&) = delete;
  PipedStandardError& operator=(const PipedStandardError&) = delete;

  // With what is no message; up to `room` bytes.
  void fill(std::size_t room = 0) {
    const std::string dots(static_cast<std::size_t>(fcntl(reader_.get(), F_GETPIPE_SZ)) - room, '.');
    EXPECT_EQ(write(STDERR_FILENO, dots.data(), dots.size()), static_cast<ssize_t>(dots.size()));
  }
  void leave() { reader_.reset(); }
  // All that there is, without the filling.
  std::string read_all() {
    std::string text(1 << 20, '\0');
    const ssize_t count = read(reader_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    std::erase(text, '.');
    return text;
  }

 private:
  UniqueFd saved_, reader_;
};

TEST(Notice, IsALine) {
  PipedStandardError pipe;
  notice("something happened");
  EXPECT_EQ(pipe.read_all(), "something happened\n");
}

TEST(Notice, EscapesWhatOthersWrote) {
  PipedStandardError pipe;
  notice(kEvil);
  EXPECT_EQ(pipe.read_all(), kHarmless);
}

TEST(Notice, IsDroppedWhereNobodyReadsAndTheNextSaysHowMany) {
  PipedStandardError pipe;
  pipe.fill();
  notice("one");
  log::error("two");
  notice("three");
  EXPECT_EQ(pipe.read_all(), "");
  notice("four");
  notice("five");
  EXPECT_EQ(pipe.read_all(), "weft: 3 notices were lost\nfour\nfive\n");
}

TEST(Notice, FollowsTheLinesThatWereLostInTheSmallestPipeToo) {
  PipedStandardError pipe(4096);
  pipe.fill();
  notice("one");
  notice("two");
  EXPECT_EQ(pipe.read_all(), "");
  notice("three");
  EXPECT_EQ(pipe.read_all(), "weft: 2 notices were lost\nthree\n");
  notice("four");
  EXPECT_EQ(pipe.read_all(), "four\n");
}

TEST(Notice, ThatIsLongerThanTheRoomThereIsDoesNotWait) {
  PipedStandardError pipe;
  pipe.fill(2 * 4096);
  notice(std::string(3 * 4096, 'x'));
  EXPECT_EQ(pipe.read_all().size(), 2U * 4096);
  notice("next");
  EXPECT_EQ(pipe.read_all(), "weft: a notice was lost\nnext\n");
}

TEST(Notice, IsDroppedWhenItsReaderHasLeft) {
  PipedStandardError pipe;
  pipe.leave();
  notice("to nobody");  // no signal
}

}  // namespace
}  // namespace weft
