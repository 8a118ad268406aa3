// Signals in the middle of I/O: those of a program's own timers interrupt calls, and a peer that is gone raises none.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "tests/peer/session/served_target.hpp"

namespace weft {
namespace {

volatile std::sig_atomic_t alarms = 0;

// SIGALRM every 200 us, without SA_RESTART, as long as this lives.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action{};
    action.sa_handler = [](int) { alarms = alarms + 1; };
    EXPECT_EQ(::sigaction(SIGALRM, &action, &before_), 0);
    const itimerval every{{0, 200}, {0, 200}};
    EXPECT_EQ(::setitimer(ITIMER_REAL, &every, nullptr), 0);
  }
  ~Interruptions() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

 private:
  struct sigaction before_{};
};

// A host on this thread, which is the one that signals reach.
class HostHere {
 public:
  HostHere(ServedTarget& served, const std::string& options)
      : reactor_(*Reactor::create({.wait = WaitPolicy::kSleep})) {
    Address address = *Address::parse(served.url(options));
    const HostOptions host_options = *take_host_options(address);
    std::optional<Result<std::unique_ptr<Host>>> result;
    Host::connect(*reactor_, served.registry, address, host_options, [&](auto host) { result = std::move(host); });
    run([&] { return result.has_value(); });
    EXPECT_TRUE(result && *result);
    if (result && *result) host_ = std::move(**result);
  }

  [[nodiscard]] Completion io(IoRequest::Kind kind, std::uint64_t lba, std::span<std::byte> data) {
    const weft_iov iov{data.data(), data.size(), nullptr};
    bool done = false;
    IoRequest request;
    request.kind = kind;
    request.nsid = 1;
    request.block_size = 512;
    request.lba = lba;
    request.blocks = data.size() / 512;
    request.iov = &iov;
    request.iov_count = 1;
    request.ctx = &done;
    request.done = [](IoRequest& ended) { *static_cast<bool*>(ended.ctx) = true; };
    host_->submit(request);
    run([&] { return done; });
    return request.completion;
  }

  [[nodiscard]] bool connected() const { return host_ != nullptr; }
  void close() {
    bool closed = false;
    host_->close([&] { closed = true; });
    run([&] { return closed; });
  }

 private:
  template <class Done>
  void run(const Done& done) {
    ASSERT_TRUE(reactor_->run_until(done, monotonic_now() + 30'000'000'000));
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Host> host_;
};

TEST(Interrupted, IoGoesOnAsIfNothingHadHappened) {
  ServedTarget served;
  served.add("ram://?size=4M");
  alarms = 0;
  const Interruptions interruptions;
  HostHere host(served, "?hdgst=on&ddgst=on&kato=0");
  ASSERT_TRUE(host.connected());
  for (unsigned round = 0; round < 40; ++round) {
    auto data = letters(512 * (1 + round * 13 % 300), round);
    ASSERT_TRUE(host.io(IoRequest::Kind::kWrite, round, data).ok()) << "round " << round;
    std::vector<std::byte> back(data.size());
    ASSERT_TRUE(host.io(IoRequest::Kind::kRead, round, back).ok()) << "round " << round;
    ASSERT_EQ(back, data) << "round " << round;
  }
  host.close();
  EXPECT_GT(alarms, 0);
}

// A write on a connection whose sending side has ended raises SIGPIPE where that is not prevented. On this thread: it is not
// blocked here.
TEST(AConnectionThatCannotBeWritten, IsAnErrorAndNoSignal) {
  ASSERT_NE(std::signal(SIGPIPE, SIG_DFL), SIG_ERR);
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&where), size), 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&where), &size), 0);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&where), size), 0);
  ASSERT_EQ(::shutdown(fd, SHUT_WR), 0);

  TransportRegistry registry(SearchPath{{plugin_folder()}});
  const auto reactor = *Reactor::create({});
  const Address address = *Address::parse("tcp://[fd=" + std::to_string(fd) + "]");
  std::optional<Result<std::unique_ptr<Host>>> result;
  Host::connect(*reactor, registry, address, {}, [&](auto host) { result = std::move(host); });
  ASSERT_TRUE(reactor->run_until([&] { return result.has_value(); }, monotonic_now() + 30'000'000'000));
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().code, EPIPE) << result->error().text;
  ::close(listening);
}

}  // namespace
}  // namespace weft
