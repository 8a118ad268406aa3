// wire.cpp - what lies between two ends: Wire, Joined, RawPeer of world.hpp.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "world.hpp"

namespace weft::test {

namespace {

void make_pair(int (&fds)[2]) {
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0) << std::strerror(errno);
}

}  // namespace

// ---- Wire ----------------------------------------------------------------------------------------------------------

Wire::Wire(World& world) {
  int host[2] = {-1, -1}, controller[2] = {-1, -1};
  make_pair(host);
  make_pair(controller);
  host_fd = host[0];
  controller_fd = controller[0];
  to_controller.from = to_host.to = host[1];
  to_controller.to = to_host.from = controller[1];
  world.between_turns.push_back([this, alive = alive_] {
    if (*alive) move();
  });
}

Wire::~Wire() {
  *alive_ = false;
  cut();
}

void Wire::cut() {
  if (cut_) return;
  cut_ = true;
  ::close(to_controller.from);
  ::close(to_controller.to);
}

void Wire::move() {
  if (!cut_) move(to_controller);
  if (!cut_) move(to_host);
}

void Wire::move(Way& way) {
  Bytes bytes(std::min<std::uint64_t>(chunk, way.cut_after - way.moved));
  if (bytes.empty()) {
    cut();
    return;
  }
  // Only what the other side can take is picked up: nothing is kept here.
  int queued = 0;
  pollfd room{way.to, POLLOUT, 0};
  if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) queued = 1;
  if (queued != 0) return;
  const ssize_t count = ::recv(way.from, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_PEEK);
  if (count == 0) ::shutdown(way.to, SHUT_WR);
  if (count <= 0) return;
  for (auto& [position, bits] : way.flips)
    if (position >= way.moved && position < way.moved + static_cast<std::uint64_t>(count))
      bytes[position - way.moved] ^= static_cast<std::byte>(bits);
  const ssize_t sent = ::send(way.to, bytes.data(), static_cast<std::size_t>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return;
  if (sent <= 0) return;
  Bytes taken(static_cast<std::size_t>(sent));
  ASSERT_EQ(::recv(way.from, taken.data(), taken.size(), MSG_DONTWAIT), sent);
  way.seen.insert(way.seen.end(), bytes.begin(), bytes.begin() + sent);
  way.moved += static_cast<std::uint64_t>(sent);
}

Joined::Joined(World& world, const Options& host_options, const Options& controller_options,
               const weft_qpair_params& host_params, const weft_qpair_params& controller_params, bool wait)
    : wire(world),
      server(world, Where(wire.controller_fd, controller_options), controller_params),
      host(world, Where(wire.host_fd, host_options), host_params) {
  EXPECT_EQ(server.rc, 0) << server.error.text;
  EXPECT_EQ(host.rc, 0) << host.error.text;
  if (wait) {
    world.run_until([this] { return host.limits && !server.queues.empty() && server.queues[0]->limits; },
                    "the handshake");
  } else {
    world.run_until([this] { return !server.queues.empty(); }, "the pending");
  }
}

// ---- RawPeer -------------------------------------------------------------------------------------------------------

RawPeer::RawPeer(World& in) : world(in) {
  int fds[2] = {-1, -1};
  make_pair(fds);
  fd_ = fds[0];
  other_fd = fds[1];
}

RawPeer::~RawPeer() { close(); }

void RawPeer::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawPeer::send(const Bytes& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) at += static_cast<std::size_t>(count);
    if (count < 0 && errno != EAGAIN) return;
    if (at < bytes.size()) world.turn();
  }
}

Bytes RawPeer::expect(std::size_t count) {
  world.run_until(
      [&] {
        std::array<std::byte, 65536> buffer;
        ssize_t got = 0;
        while (pending_.size() < count &&
               (got = ::recv(fd_, buffer.data(), std::min(buffer.size(), count - pending_.size()), MSG_DONTWAIT)) > 0)
          pending_.insert(pending_.end(), buffer.begin(), buffer.begin() + got);
        return pending_.size() >= count || got == 0;
      },
      "what the peer waits for");
  EXPECT_EQ(pending_.size(), count) << "the connection ended first";
  return std::exchange(pending_, {});
}

Bytes RawPeer::received() {
  std::array<std::byte, 65536> buffer;
  ssize_t got = 0;
  while ((got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
    pending_.insert(pending_.end(), buffer.begin(), buffer.begin() + got);
  return std::exchange(pending_, {});
}

bool RawPeer::at_end() {
  bool end = false;
  world.run_until(
      [&] {
        std::array<std::byte, 4096> buffer;
        ssize_t got = 0;
        while ((got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
        }
        end = got == 0 || errno != EAGAIN;
        return end;
      },
      "the end of the stream");
  return end;
}

namespace {

Bytes ic_pdu(std::uint8_t type, std::uint8_t digests, std::uint8_t pda, std::uint32_t last) {
  Bytes pdu(128);
  pdu[0] = static_cast<std::byte>(type);
  pdu[2] = std::byte{128};
  store(pdu.data() + 4, le32(128u));
  pdu[10] = static_cast<std::byte>(pda);
  pdu[11] = static_cast<std::byte>(digests);
  store(pdu.data() + 12, le32(last));
  return pdu;
}

}  // namespace

Bytes ic_req(std::uint8_t digests, std::uint8_t hpda, std::uint32_t maxr2t) { return ic_pdu(0, digests, hpda, maxr2t); }
Bytes ic_resp(std::uint8_t digests, std::uint8_t cpda, std::uint32_t maxh2cdata) {
  return ic_pdu(1, digests, cpda, maxh2cdata);
}

}  // namespace weft::test
