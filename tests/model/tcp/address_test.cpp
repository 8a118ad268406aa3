// Addresses, names, sockets given as descriptors, listeners, options.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.hpp"

namespace weft::test {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd) count += is_open(fd) ? 1 : 0;
  return count;
}

bool has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool works = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return works;
}

template <class Address>
void append(Bytes& bytes, const Address& address) {
  const auto* raw = reinterpret_cast<const std::byte*>(&address);
  bytes.insert(bytes.end(), raw, raw + sizeof address);
}

sockaddr_in ipv4(const char* host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

// A flush there and back over a connection that a test made.
void expect_usable(World& world, Server& server, HostQueue& host) {
  world.run_until([&] { return host.limits || host.closed; });
  ASSERT_TRUE(host.limits) << host.closed->text;
  ASSERT_EQ(host.send(make_sqe(kFlush, 1)), 0);
  world.run_until([&] { return host.answered(1); });
  EXPECT_EQ(server.queues.size(), 1u);
}

weft_qpair_info info_of(World& world, weft_qpair* queue) {
  weft_qpair_info info{};
  info.size = sizeof info;
  world.table.qpair_info(queue, &info);
  return info;
}

TEST(Address, Ipv4LoopbackReportsThePortReallyBound) {
  const int before = open_descriptors();
  {
    World world;
    Server server(world, Where("127.0.0.1", "0"), params(8, true));
    ASSERT_EQ(server.rc, 0) << server.error.text;
    EXPECT_NE(server.port(), "0");
    HostQueue host(
        world, Where("127.0.0.1", server.port(), {{"dscp", "10"}, {"keepalive", "60000000000"}, {"sndbuf", "262144"}}),
        params(8, true));
    expect_usable(world, server, host);
    EXPECT_STREQ(info_of(world, host.handle).peer, "127.0.0.1");
    EXPECT_EQ(info_of(world, host.handle).peer_trsvcid, server.port());
    EXPECT_STREQ(info_of(world, server.queues[0]->handle).local, "127.0.0.1");
    EXPECT_EQ(server.peers[0], std::string("127.0.0.1:") + info_of(world, host.handle).local_trsvcid);
  }
  EXPECT_EQ(open_descriptors(), before);
}

// TCP_NOTSENT_LOWAT of this process's connection whose own port is this; -1: there is none.
int most_unsent(int port) {
  for (int fd = 0; fd < 256; ++fd) {
    sockaddr_in own{}, peer{};
    socklen_t length = sizeof own, peer_length = sizeof peer, value_length = sizeof(int);
    int value = -1;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0 && ntohs(own.sin_port) == port &&
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_length) == 0 &&
        ::getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &value_length) == 0)
      return value;
  }
  return -1;
}

TEST(Address, AConnectionOfAControllerLeavesLittleUnsentInTheKernel) {
  const std::vector<std::pair<Options, int>> all = {{{}, 1 << 20}, {{{"notsent_lowat", "65536"}}, 65536}};
  for (const auto& [options, expected] : all) {
    World world;
    Server server(world, Where("127.0.0.1", "0", options), params(8, true));
    ASSERT_EQ(server.rc, 0) << server.error.text;
    HostQueue host(world, Where("127.0.0.1", server.port()), params(8, true));
    expect_usable(world, server, host);
    EXPECT_EQ(most_unsent(std::stoi(server.port())), expected);
  }
}

TEST(Address, AListenerSaysNothingAboutASecureChannel) {
  World world;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  ASSERT_EQ(server.rc, 0) << server.error.text;
  EXPECT_EQ(server.info().treq, 0);
}

TEST(Address, Ipv6AndItsScope) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  World world;
  Server server(world, Where("::1", "0"), params(8, true));
  ASSERT_EQ(server.rc, 0) << server.error.text;
  HostQueue host(world, Where("::1%lo", server.port()), params(8, true));
  ASSERT_EQ(host.rc, 0) << host.error.text;
  expect_usable(world, server, host);
  HostQueue none(world, Where("fe80::1%nosuch0", "4420"), params(8, true));
  EXPECT_EQ(none.rc, -ENODEV);
  EXPECT_NE(std::string(none.error.text).find("nosuch0"), std::string::npos);
}

TEST(Address, ALinkLocalOneNeedsItsInterface) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  World world;
  HostQueue host(world, Where("fe80::1", "4420"), params(8, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -EINVAL);
  EXPECT_NE(host.closed->text.find("write fe80::1%INTERFACE"), std::string::npos) << host.closed->text;
  Where from("::1", "4420");
  from.from("fe80::2");
  HostQueue source(world, from, params(8, true));
  world.run_until([&] { return source.closed.has_value(); });
  EXPECT_NE(source.closed->text.find("write fe80::2%INTERFACE"), std::string::npos) << source.closed->text;
  const Server server(world, Where("fe80::3", "0"), params(8, true));
  EXPECT_EQ(server.rc, -EINVAL);
  EXPECT_NE(std::string(server.error.text).find("write fe80::3%INTERFACE"), std::string::npos) << server.error.text;
}

TEST(Address, AWildcardTakesNoInterface) {
  World world;
  const Server server(world, Where("::%lo", "0"), params(8, true));
  EXPECT_EQ(server.rc, -EINVAL);
  EXPECT_NE(std::string(server.error.text).find("'::%lo' names every address"), std::string::npos) << server.error.text;
}

TEST(Address, TheWildcardServesBothFamiliesAndSaysSo) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  World world;
  Server server(world, Where("*", "0"), params(8, true));
  ASSERT_EQ(server.rc, 0) << server.error.text;
  EXPECT_STREQ(server.info().traddr, "*");
  const Server six_alone(world, Where("::", "0"), params(8, true));
  EXPECT_STREQ(six_alone.info().traddr, "::");
  const Server four_alone(world, Where("0.0.0.0", "0"), params(8, true));
  EXPECT_STREQ(four_alone.info().traddr, "0.0.0.0");
  HostQueue four(world, Where("127.0.0.1", server.port()), params(8, true));
  HostQueue six(world, Where("::1", server.port()), params(8, true));
  world.run_until([&] { return four.limits && six.limits; });
}

TEST(Address, FromASourceAddress) {
  World world;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  HostQueue host(world, Where("127.0.0.1", server.port()).from("127.0.0.2"), params(8, true));
  ASSERT_EQ(host.rc, 0) << host.error.text;
  expect_usable(world, server, host);
  EXPECT_STREQ(info_of(world, host.handle).local, "127.0.0.2");
  HostQueue wrong(world, Where("127.0.0.1", server.port()).from("::1"), params(8, true));
  world.run_until([&] { return wrong.closed.has_value(); });
  EXPECT_EQ(wrong.closed->code, -EAFNOSUPPORT);
}

TEST(Name, ItsAddressesAreTriedInTurn) {
  World world;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  append(world.names["disk.example"], ipv4("127.0.0.3", 1));  // refused
  append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
  HostQueue host(world, Where("disk.example", server.port()), params(8, true));
  ASSERT_EQ(host.rc, 0) << host.error.text;
  expect_usable(world, server, host);
}

// A listener whose queue of connections is full: the kernel drops what asks for one, at every address of 127.0.0.0/8.
class BlackHole {
 public:
  BlackHole() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any = ipv4("0.0.0.0", 0);
    socklen_t length = sizeof any;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &length), 0);
    port = ntohs(any.sin_port);
    const sockaddr_in here = ipv4("127.0.0.1", port);
    for (int& fd : fillers_) {
      fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here);
    }
  }
  ~BlackHole() {
    for (const int fd : fillers_) ::close(fd);
    ::close(listener_);
  }
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  int port = 0;

 private:
  int listener_;
  std::array<int, 4> fillers_{};
};

constexpr std::uint64_t kMs = 1'000'000;

// Accepts connections, and then says nothing, or closes them.
class SilentPeer {
 public:
  SilentPeer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in any = ipv4("127.0.0.1", 0);
    socklen_t length = sizeof any;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &length), 0);
    port = ntohs(any.sin_port);
  }
  ~SilentPeer() { ::close(listener_); }
  SilentPeer(const SilentPeer&) = delete;
  SilentPeer& operator=(const SilentPeer&) = delete;
  bool close_one() const {
    const int fd = ::accept(listener_, nullptr, nullptr);
    return fd >= 0 && ::close(fd) == 0;
  }
  int port = 0;

 private:
  int listener_;
};

TEST(Name, AnAddressThatAcceptsAndSaysNothingDoesNotHoldUpTheNext) {
  const int before = open_descriptors();
  {
    World world;
    const SilentPeer silent;
    Server server(world, Where("127.0.0.1", "0"), params(8, true));
    append(world.names["disk.example"], ipv4("127.0.0.1", silent.port));
    append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
    HostQueue host(world, Where("disk.example", server.port()), params(8, true));
    world.settle();
    world.advance(249 * kMs);
    world.settle();
    EXPECT_TRUE(server.queues.empty()) << "the first address has 250 ms for itself";
    world.advance(kMs);
    expect_usable(world, server, host);
    EXPECT_EQ(info_of(world, host.handle).peer_trsvcid, server.port());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Name, AnAddressThatClosesDuringTheHandshakeIsFollowedByTheNext) {
  World world;
  const SilentPeer closing;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  append(world.names["disk.example"], ipv4("127.0.0.1", closing.port));
  append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
  HostQueue host(world, Where("disk.example", server.port()), params(8, true));
  world.run_until([&] { return closing.close_one(); });
  expect_usable(world, server, host);  // at once: no time passes here
}

TEST(Name, TwoSilentAddressesEndInTimeAndAreNamed) {
  const int before = open_descriptors();
  {
    World world;
    const SilentPeer first, second;
    append(world.names["disk.example"], ipv4("127.0.0.1", first.port));
    append(world.names["disk.example"], ipv4("127.0.0.1", second.port));
    weft_qpair_params with = params(8, true);
    with.deadline_ns = world.now + 3000 * kMs;
    HostQueue host(world, Where("disk.example", "1"), with);
    for (int step = 0; step < 310 && !host.closed; ++step) {
      world.settle(2);
      world.advance(10 * kMs);
    }
    ASSERT_TRUE(host.closed);
    EXPECT_EQ(host.closed->code, -ETIMEDOUT);
    EXPECT_EQ(host.closed->stage, "icreq");
    EXPECT_EQ(host.closed->text, "no ICResp from 127.0.0.1:" + std::to_string(first.port) +
                                     ", 127.0.0.1:" + std::to_string(second.port) + " in time");
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Name, AnAddressThatDoesNotAnswerDoesNotHoldUpTheNext) {
  World world;
  const BlackHole hole;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  append(world.names["disk.example"], ipv4("127.0.0.1", hole.port));
  append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
  HostQueue host(world, Where("disk.example", server.port()), params(8, true));
  world.settle();
  world.advance(249 * kMs);
  world.settle();
  EXPECT_TRUE(server.queues.empty()) << "the first address has 250 ms for itself";
  world.advance(kMs);
  expect_usable(world, server, host);
  EXPECT_EQ(info_of(world, host.handle).peer_trsvcid, server.port());
}

TEST(Name, AllAddressesHaveTheirTurnBeforeTheDeadline) {
  const int before = open_descriptors();
  {
    World world;
    const BlackHole hole;
    Server server(world, Where("127.0.0.1", "0"), params(8, true));
    for (int i = 2; i < 51; ++i)
      append(world.names["disk.example"], ipv4(("127.0.0." + std::to_string(i)).c_str(), hole.port));
    append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
    weft_qpair_params with = params(8, true);
    with.deadline_ns = world.now + 3000 * kMs;
    HostQueue host(world, Where("disk.example", server.port()), with);
    for (int step = 0; step < 300 && !host.limits && !host.closed; ++step) {
      world.settle(2);
      world.advance(10 * kMs);
    }
    expect_usable(world, server, host);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Name, TheFirstThatConnectsIsUsedAndTheOthersAreClosed) {
  World world;
  const BlackHole hole;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  append(world.names["disk.example"], ipv4("127.0.0.2", hole.port));
  append(world.names["disk.example"], ipv4("127.0.0.3", 1));  // refused: the next one follows at once
  append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
  const int before = open_descriptors();
  HostQueue host(world, Where("disk.example", server.port()), params(8, true));
  world.settle();
  world.advance(250 * kMs);
  expect_usable(world, server, host);
  EXPECT_EQ(open_descriptors(), before + 2) << "both ends of one connection";
}

TEST(Name, TheDeadlineOfTheWholeEndsAllAttempts) {
  World world;
  const BlackHole hole;
  append(world.names["disk.example"], ipv4("127.0.0.2", hole.port));
  append(world.names["disk.example"], ipv4("127.0.0.3", hole.port));
  const int before = open_descriptors();
  weft_qpair_params with = params(8, true);
  with.deadline_ns = world.now + 3000 * kMs;
  HostQueue host(world, Where("disk.example", "1"), with);
  world.settle();
  world.advance(250 * kMs);
  world.settle();
  EXPECT_EQ(open_descriptors(), before + 2);
  world.advance(2750 * kMs);
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ETIMEDOUT);
  EXPECT_EQ(host.closed->stage, "connect");
  for (const char* address : {"127.0.0.2", "127.0.0.3"})
    EXPECT_NE(host.closed->text.find(address), std::string::npos) << host.closed->text;
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Name, ClosedWithAttemptsInFlightItEndsOnce) {
  World world;
  const BlackHole hole;
  append(world.names["disk.example"], ipv4("127.0.0.2", hole.port));
  append(world.names["disk.example"], ipv4("127.0.0.3", hole.port));
  const int before = open_descriptors();
  {
    HostQueue host(world, Where("disk.example", "1"), params(8, true));
    world.settle();
    world.advance(250 * kMs);
    world.settle();
    world.table.close(host.handle, 0, 0);
    world.run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->code, 0);
  }
  world.settle();
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Name, AnAddressOfAnotherFamilyThanTheSourceIsPassedOver) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  World world;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  six.sin6_port = htons(static_cast<std::uint16_t>(std::stoi(server.port())));
  append(world.names["disk.example"], six);
  append(world.names["disk.example"], ipv4("127.0.0.1", std::stoi(server.port())));
  HostQueue host(world, Where("disk.example", server.port()).from("127.0.0.2"), params(8, true));
  expect_usable(world, server, host);
}

TEST(Name, WhenNoAddressAnswersTheLastReasonIsTold) {
  World world;
  append(world.names["disk.example"], ipv4("127.0.0.3", 1));
  append(world.names["disk.example"], ipv4("127.0.0.4", 1));
  HostQueue host(world, Where("disk.example", "1"), params(8, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ECONNREFUSED);
  EXPECT_EQ(host.closed->stage, "connect");
  EXPECT_EQ(host.closed->origin, WEFT_ORIGIN_NETWORK);
  EXPECT_NE(host.closed->text.find("127.0.0.4:1"), std::string::npos) << host.closed->text;
}

TEST(Name, ThatDoesNotExistEndsAtResolve) {
  World world;
  HostQueue host(world, Where("no.example", "4420"), params(8, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ENOENT);
  EXPECT_EQ(host.closed->stage, "resolve");
}

TEST(Name, WithoutAnAnswerTheDeadlineEndsItAndTheResolverIsToldToForget) {
  World world;
  world.hold_names = true;
  weft_qpair_params with = params(8, true);
  with.deadline_ns = world.now + 1000;
  HostQueue host(world, Where("slow.example", "4420"), with);
  world.settle();
  EXPECT_FALSE(host.closed);
  world.advance(2000);
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ETIMEDOUT);
  EXPECT_EQ(host.closed->stage, "resolve");
  EXPECT_EQ(world.cancelled_names, 1u);
}

TEST(Name, ClosedWhileItIsResolvedOrConnected) {
  World world;
  world.hold_names = true;
  {
    HostQueue host(world, Where("slow.example", "4420"), params(8, true));
  }
  EXPECT_EQ(world.cancelled_names, 1u);
  HostQueue host(world, Where("127.0.0.1", "1"), params(8, true));
  world.table.close(host.handle, 0, 0);
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, 0);
}

TEST(Descriptor, IsOwnedOnSuccessOnly) {
  World world;
  const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    HostQueue host(world, Where(plain), params(8, true));
    EXPECT_EQ(host.rc, -ENOTCONN) << host.error.text;
    Server server(world, Where(plain), params(8, true));
    EXPECT_NE(server.rc, 0);
  }
  EXPECT_TRUE(is_open(plain));
  const sockaddr_in any = ipv4("127.0.0.1", 0);
  ASSERT_EQ(::bind(plain, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  ASSERT_EQ(::listen(plain, 5), 0);
  {
    HostQueue host(world, Where(plain), params(8, true));
    EXPECT_EQ(host.rc, -EINVAL);
    HostQueue bad(world, Where(plain, {{"nosuch", "1"}}), params(8, true));
    EXPECT_EQ(bad.rc, -EINVAL);
    EXPECT_TRUE(is_open(plain));
    Server server(world, Where(plain), params(8, true));
    ASSERT_EQ(server.rc, 0) << server.error.text;
    HostQueue peer(world, Where("127.0.0.1", server.port()), params(8, true));
    expect_usable(world, server, peer);
  }
  EXPECT_FALSE(is_open(plain));
}

TEST(Listener, TwoOnOnePortIsAnErrorThatNamesIt) {
  World world;
  Server one(world, Where("127.0.0.1", "0"), params(8, true));
  Server two(world, Where("127.0.0.1", one.port()), params(8, true));
  EXPECT_EQ(two.rc, -EADDRINUSE);
  EXPECT_NE(std::string(two.error.text).find(one.port()), std::string::npos);
}

TEST(Listener, APendingOutlivesItAndMayBeAcceptedLater) {
  World world;
  auto server = std::make_unique<Server>(world, Where("127.0.0.1", "0"), params(8, true));
  server->keep = true;
  HostQueue first(world, Where("127.0.0.1", server->port()), params(8, true));
  HostQueue second(world, Where("127.0.0.1", server->port()), params(8, true));
  world.run_until([&] { return server->pendings.size() == 2; });
  std::vector<weft_pending*> pendings = std::exchange(server->pendings, {});
  server.reset();
  world.table.reject(pendings[0], WEFT_REJECT_NOT_ALLOWED);
  ControllerQueue queue(world, pendings[1], params(8, true));
  world.run_until([&] { return (first.closed && second.limits) || (second.closed && first.limits); });
}

TEST(Options, BadOnesAreNamed) {
  World world;
  for (const auto& [key, value] : Options{{"hdgst", "maybe"},
                                          {"pda", "32"},
                                          {"maxr2t", "0"},
                                          {"maxr2t", "17"},
                                          {"maxh2cdata", "4095"},
                                          {"maxh2cdata", "4097"},
                                          {"dscp", "64"},
                                          {"handshake_timeout", "0"},
                                          {"pdu_timeout", "soon"},
                                          {"rxmem", "8388608"},  // of the whole transport
                                          {"hdgst", "yes"},      // the core makes it "on"
                                          {"pdu_timeout", "5s"},
                                          {"sndbuf", "-1"},
                                          {"notsent_lowat", "2147483648"},
                                          {"congestion", "a-name-that-is-too-long"},
                                          {"congestion", "on"},  // a key that stands alone
                                          {"nosuch", "1"}}) {
    HostQueue host(world, Where("127.0.0.1", "1", {{key, value}}), params(8, true));
    EXPECT_EQ(host.rc, -EINVAL) << key << "=" << value;
    EXPECT_NE(std::string(host.error.text).find(key), std::string::npos) << host.error.text;
  }
}

TEST(Options, TwoNamesOfOneThatContradictEachOtherAreNamed) {
  World world;
  for (const Options& options :
       {Options{{"hdgst", "on"}, {"hdr_digest", "off"}}, Options{{"data_digest", "on"}, {"ddgst", "off"}},
        Options{{"dscp", "1"}, {"tos", "8"}}}) {
    HostQueue host(world, Where("127.0.0.1", "1", options), params(8, true));
    EXPECT_EQ(host.rc, -EINVAL);
    for (const auto& [key, value] : options)
      EXPECT_NE(std::string(host.error.text).find(key + "=" + value), std::string::npos) << host.error.text;
  }
  const HostQueue agree(world,
                        Where("127.0.0.1", "1", {{"hdgst", "on"}, {"hdr_digest", "on"}, {"dscp", "1"}, {"tos", "4"}}),
                        params(8, true));
  EXPECT_EQ(agree.rc, 0) << agree.error.text;
}

TEST(Options, BuffersThatTheKernelChangesAreSaidOnce) {
  World world;
  const auto said = [&](const std::string& what) {
    return std::ranges::count_if(world.logged, [&](const std::string& text) { return text.starts_with(what); });
  };
  const Server server(world, Where("127.0.0.1", "0", {{"sndbuf", "1"}}), params(8, true));
  EXPECT_EQ(said("sndbuf=1 becomes "), 1);
  const Where where("127.0.0.1", server.port(), {{"rcvbuf", "1"}, {"sndbuf", "16384"}});
  const HostQueue one(world, where, params(8, true)), two(world, where, params(8, true));
  world.run_until([&] { return said("rcvbuf=1 becomes ") != 0; });
  world.run_until([&] { return server.pendings.size() + server.queues.size() == 2; });
  EXPECT_EQ(said("rcvbuf=1 becomes "), 1);
}

TEST(Options, AControllerMayRefuseDigests) {
  World world;
  Joined joined(world, {{"hdgst", "on"}, {"ddgst", "on"}}, {{"hdgst", "off"}, {"ddgst", "off"}});
  EXPECT_EQ(joined.wire.to_host.seen[11], std::byte{0});
  ASSERT_EQ(joined.host.send(make_sqe(kFlush, 1)), 0);
  world.run_until([&] { return joined.host.answered(1); });
  EXPECT_EQ(joined.wire.to_controller.moved, 128u + 72u);
}

}  // namespace
}  // namespace weft::test
