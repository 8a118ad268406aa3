// Attackers that burn: each answer is followed by the same command anew, as many as the queue holds at a time.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "tests/peer/hostile/attack/attack.hpp"
#include "tests/peer/hostile/attack/pdu_stream.hpp"

namespace weft::hostile {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostPending = 1u << 20;

class Link {
 public:
  Link(RawSocket& socket, const std::vector<Bytes>& commands) : socket_(socket), commands_(commands) {
    for (std::uint16_t cid = 0; cid < commands.size(); ++cid) ready_.push_back(cid);
  }
  [[nodiscard]] int fd() const { return socket_.fd(); }

  // Sends at most so many commands; how many it was.
  std::uint32_t start(std::uint32_t most) {
    std::uint32_t started = 0;
    for (; started < most && !ready_.empty() && out_.size() < kMostPending; ++started) {
      const Bytes& one = commands_[ready_.back()];
      ready_.pop_back();
      out_.insert(out_.end(), one.begin(), one.end());
    }
    push();
    return started;
  }
  void push() {
    if (out_.empty()) return;
    const ssize_t sent = ::send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out_.erase(out_.begin(), out_.begin() + sent);
  }
  // False: it was closed.
  bool pull() {
    const ssize_t got = recv(fd(), in_.data(), in_.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    stream_.take(std::span(in_).first(static_cast<std::size_t>(got)), [&](std::span<const std::uint8_t> header) {
      const bool data_ends = header[0] == kC2hData && (header[1] & kSuccess) != 0;
      if (header[0] == kCapsuleResp) ready_.push_back(u16(header, 20));
      if (data_ends) ready_.push_back(u16(header, 8));
      std::erase_if(ready_, [&](std::uint16_t cid) { return cid >= commands_.size(); });
    });
    return got > 0;
  }

 private:
  RawSocket& socket_;
  const std::vector<Bytes>& commands_;
  std::vector<std::uint16_t> ready_;
  Bytes out_;
  Bytes in_ = Bytes(65536);
  PduStream stream_;
};

}  // namespace

void flood(const AttackPlan& plan, const Kind& kind) {
  const auto begin = Clock::now(), end = begin + std::chrono::seconds(plan.seconds);
  std::vector<Bytes> commands;
  for (std::uint32_t cid = 0; cid < plan.commands; ++cid)
    commands.push_back(pdu_of(kind, static_cast<std::uint16_t>(cid)));
  std::vector<Attacker> all(plan.connections);
  std::vector<std::unique_ptr<Link>> links;
  const UniqueFd ready(epoll_create1(EPOLL_CLOEXEC));
  std::uint32_t opened = 0;
  for (std::uint32_t i = 0; i < plan.connections && Clock::now() < end; ++i) {
    if (!open_attacker(plan, kind, i, all[i])) continue;
    ++opened;
    for (RawHost& queue : all[i].victims_of(kind.level)) {
      links.push_back(std::make_unique<Link>(queue.socket, commands));
      epoll_event event{EPOLLIN, {.ptr = links.back().get()}};
      epoll_ctl(ready.get(), EPOLL_CTL_ADD, queue.socket.fd(), &event);
    }
  }
  fmt::print("ready {} of {}\n", opened, plan.connections);
  std::fflush(stdout);
  const auto started = Clock::now();
  std::uint64_t sent = 0;
  Account account;
  for (std::size_t here = links.size(); here > 0 && Clock::now() < end;) {
    std::uint64_t allowed = UINT64_MAX;
    if (plan.rate != 0) {
      const std::chrono::duration<double> since = Clock::now() - started;
      allowed = static_cast<std::uint64_t>(since.count() * plan.rate) + 1;
    }
    for (auto& link : links) {
      if (link == nullptr) continue;
      link->push();
      if (sent < allowed) sent += link->start(static_cast<std::uint32_t>(std::min<std::uint64_t>(allowed - sent, 64)));
    }
    epoll_event events[64];
    const int count = epoll_wait(ready.get(), events, 64, 1);
    for (int i = 0; i < count; ++i) {
      auto* link = static_cast<Link*>(events[i].data.ptr);
      if (link->pull()) continue;
      epoll_ctl(ready.get(), EPOLL_CTL_DEL, link->fd(), nullptr);
      for (auto& mine : links) {
        if (mine.get() == link) mine.reset();
      }
      --here;
    }
    account.tell(here, sent);
  }
}

}  // namespace weft::hostile
