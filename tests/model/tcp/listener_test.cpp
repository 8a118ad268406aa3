// A listening socket: how many it takes at a time, and what it does when the process has no descriptor left. The plugin's
// accept4() is the one below, which fails as it is told: where really no descriptor is left, the undefined-behaviour sanitizer
// takes every object for a bad one.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "world.hpp"

namespace weft::test {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

// A peer whose connection the kernel has made: it waits to be accepted.
class Caller {
 public:
  explicit Caller(const Server& server) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(server.port())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Caller() { ::close(fd_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

 private:
  int fd_;
};

int accept_error = 0;  // what accept4() fails with; 0: it works
int accept_calls = 0;

class AListener : public testing::Test {
 protected:
  AListener() : server(world, Where("127.0.0.1", "0"), params(8, true)) {
    server.keep = true;
    accept_error = accept_calls = 0;
  }
  ~AListener() override { accept_error = 0; }

  [[nodiscard]] std::size_t said() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        world.logged, [](const std::string& line) { return line.find("cannot accept") != std::string::npos; }));
  }
  // When the group wants to be polled again by itself; 0: it does not.
  [[nodiscard]] std::uint64_t next_deadline() {
    int fd = -1;
    std::uint64_t deadline = 0;
    EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &deadline), 0);
    return deadline;
  }
  // A command of a queue pair that was there before goes to its end.
  void serves(Joined& joined, std::uint16_t cid) {
    ASSERT_EQ(joined.host.send(make_sqe(kFlush, cid)), 0);
    world.run_until([&] { return joined.host.answered(cid); });
  }

  World world;
  Server server;
};

TEST_F(AListener, WithoutDescriptorsPausesAndThenTakesThoseWhoWaited) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    SCOPED_TRACE(std::strerror(error));
    world.logged.clear();
    world.advance(10'000 * kMillisecond);  // it may be said again
    const Caller one(server), two(server);
    accept_error = error;
    accept_calls = 0;
    world.settle();
    EXPECT_EQ(accept_calls, 1) << "it tries again at once";
    ASSERT_EQ(said(), 1u);
    EXPECT_NE(world.logged.back().find(std::strerror(error)), std::string::npos) << world.logged.back();
    EXPECT_NE(world.logged.back().find(server.port()), std::string::npos) << world.logged.back();
    accept_error = 0;
    EXPECT_EQ(next_deadline(), world.now + 100 * kMillisecond) << "it does not come back by itself";
    world.advance(100 * kMillisecond - 1);
    world.settle();
    EXPECT_EQ(accept_calls, 1) << "it does not pause";
    world.advance(1);
    const std::size_t before = server.pendings.size();
    world.run_until([&] { return server.pendings.size() == before + 2; });
  }
}

TEST_F(AListener, WithoutDescriptorsTriesAgainAndAgainAndSaysSoNowAndThen) {
  Joined joined(world);
  const Caller caller(server);
  accept_error = EMFILE;
  for (int i = 0; i < 100; ++i) {
    world.settle(2);
    world.advance(100 * kMillisecond);
  }
  EXPECT_EQ(accept_calls, 100);
  EXPECT_EQ(said(), 1u);
  world.settle(2);
  EXPECT_EQ(said(), 2u) << "after ten seconds it is said again";
  EXPECT_TRUE(server.pendings.empty());
  serves(joined, 1);
}

TEST_F(AListener, WhosePeerIsGoneTakesTheNextAndSaysNothing) {
  const Caller one(server), two(server);
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN}) {
    accept_error = error;
    world.settle(1);
  }
  EXPECT_EQ(said(), 0u);
  accept_error = 0;
  world.advance(kMillisecond);
  world.run_until([&] { return server.pendings.size() == 2; });
  EXPECT_FALSE(server.closed);
}

TEST_F(AListener, ThatCannotAcceptAnyMoreEndsWithASentence) {
  const Caller caller(server);
  accept_error = EINVAL;
  world.run_until([&] { return server.closed.has_value(); });
  EXPECT_EQ(server.closed->code, -EINVAL);
  EXPECT_EQ(server.closed->stage, "listen");
  EXPECT_NE(server.closed->text.find("accept"), std::string::npos) << server.closed->text;
}

TEST_F(AListener, ThatIsClosedWhileItPausesEnds) {
  const Caller caller(server);
  accept_error = EMFILE;
  world.settle();
  ASSERT_EQ(said(), 1u);
  world.table.unlisten(server.handle);
  world.run_until([&] { return server.closed.has_value(); });
  EXPECT_EQ(server.closed->code, 0);
  world.advance(200 * kMillisecond);
  world.settle();
  EXPECT_EQ(accept_calls, 1);
}

// However many come at once, those who are served wait for a few accepts at most.
TEST_F(AListener, TakesAFewATurnAndThenABreath) {
  constexpr std::size_t kCallers = 20, kAtOnce = 4;
  Joined joined(world);
  std::deque<Caller> callers;
  for (std::size_t i = 0; i < kCallers; ++i) callers.emplace_back(server);
  std::size_t breaths = 0;
  for (std::size_t taken = 0; taken < kCallers; ++breaths) {
    world.settle();
    EXPECT_LE(server.pendings.size(), taken + kAtOnce);
    ASSERT_GT(server.pendings.size(), taken);
    taken = server.pendings.size();
    serves(joined, static_cast<std::uint16_t>(breaths % 8));
    EXPECT_EQ(server.pendings.size(), taken) << "without a breath";
    world.advance(kMillisecond);
  }
  EXPECT_GE(breaths, kCallers / kAtOnce);
}

}  // namespace
}  // namespace weft::test

extern "C" int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  ++weft::test::accept_calls;
  if (weft::test::accept_error != 0) {
    errno = weft::test::accept_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_accept4, fd, address, length, flags));
}
