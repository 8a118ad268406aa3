// Attackers that hold: what they asked for stands, and they receive nothing, or a byte now and then.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tests/peer/hostile/attack/attack.hpp"

namespace weft::hostile {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenRounds{100};

// Commands that were announced, one after the other as far as the connection takes them.
void send_commands(const AttackPlan& plan, const Kind& kind, Attacker& attacker) {
  if (kind.command == nullptr && kind.held_back == 0) return;
  const std::uint32_t count = kind.held_back != 0 ? 1 : plan.commands;
  for (RawHost& queue : attacker.victims_of(kind.level)) {
    for (std::uint32_t cid = 0; cid < count; ++cid) {
      const Bytes bytes = pdu_of(kind, static_cast<std::uint16_t>(cid));
      if (::send(queue.socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    }
  }
}

bool is_closed(const RawHost& host) {
  if (!host.socket.open()) return true;
  pollfd one{host.socket.fd(), POLLRDHUP, 0};
  return poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool is_closed(Attacker& attacker, Level level) {
  return is_closed(attacker.admin) ||
         std::ranges::any_of(attacker.victims_of(level), [](RawHost& h) { return is_closed(h); });
}

// What a connection sends byte by byte: the data that its first R2T asks for.
Bytes asked_for(RawHost& queue) {
  const auto pdu = queue.socket.receive(milliseconds(200));
  if (!pdu || pdu->type() != kR2t) return {};
  const std::uint32_t length = std::min(pdu->u32(16), queue.max_h2c_data);
  return RawPdu(kH2cData, {}, Bytes(length)).transfer(pdu->u16(8), pdu->u16(10), pdu->u32(12), length).bytes();
}

// Some attackers send or receive a byte now and then, so that their transfers are never idle.
class Dribble {
 public:
  Dribble(const AttackPlan& plan, const Kind& kind) : every_(plan.dribble_ms), kind_(kind) {
    constexpr unsigned kDirection = 3, kToController = 1;  // bits of an opcode
    sends_ = kind.command != nullptr && (kind.command(0).bytes[0] & kDirection) == kToController;
  }
  void go_on(std::vector<Attacker>& all) {
    if (every_.count() == 0 || Clock::now() - last_ < every_) return;
    last_ = Clock::now();
    std::size_t index = 0;
    for (Attacker& attacker : all) {
      for (RawHost& queue : attacker.victims_of(kind_.level)) go_on(queue, index++);
    }
    ++round_;
  }

 private:
  void go_on(RawHost& queue, std::size_t index) {
    if (!queue.socket.open()) return;
    if (data_.size() <= index) data_.resize(index + 1);
    if (sends_ && round_ == 0) data_[index] = asked_for(queue);
    std::uint8_t byte = 0;
    if (sends_ && round_ < data_[index].size()) {
      static_cast<void>(::send(queue.socket.fd(), &data_[index][round_], 1, MSG_NOSIGNAL | MSG_DONTWAIT));
    } else {
      static_cast<void>(recv(queue.socket.fd(), &byte, 1, MSG_DONTWAIT));
    }
  }

  const milliseconds every_;
  const Kind& kind_;
  bool sends_ = false;
  std::size_t round_ = 0;
  std::vector<Bytes> data_;
  Clock::time_point last_;
};

}  // namespace

void Account::tell(std::size_t here, std::uint64_t done) {
  if (Clock::now() - told_ < kBetweenRounds) return;
  told_ = Clock::now();
  fmt::print("here {} done {}\n", here, done);
  std::fflush(stdout);
}

void hold(const AttackPlan& plan, const Kind& kind) {
  const auto end = Clock::now() + std::chrono::seconds(plan.seconds);
  std::vector<Attacker> all(plan.connections);
  std::uint32_t opened = 0;
  for (std::uint32_t i = 0; i < plan.connections && Clock::now() < end; ++i) {
    if (!open_attacker(plan, kind, i, all[i])) {
      all[i] = Attacker{};
      continue;
    }
    ++opened;
  }
  // Not before: those who come later would wait with everybody else.
  for (Attacker& attacker : all) {
    if (attacker.admin.socket.open()) send_commands(plan, kind, attacker);
  }
  fmt::print("ready {} of {}\n", opened, plan.connections);
  std::fflush(stdout);
  Dribble bytes(plan, kind);
  Account account;
  while (Clock::now() < end) {
    poll(nullptr, 0, static_cast<int>(kBetweenRounds.count()));
    std::uint32_t here = 0, renewed = 0;
    for (std::uint32_t i = 0; i < plan.connections; ++i) {
      if (!is_closed(all[i], kind.level)) {
        ++here;
      } else if (plan.renew && renewed++ < 64 && open_attacker(plan, kind, i, all[i])) {
        send_commands(plan, kind, all[i]);
        ++here;
      }
    }
    account.tell(here, 0);
    if (here == 0 && !plan.renew) return;
    bytes.go_on(all);
  }
}

void storm(const AttackPlan& plan) {
  const auto end = Clock::now() + std::chrono::seconds(plan.seconds);
  const Kind& kind = *find_kind("controllers");
  fmt::print("ready 0 of 0\n");
  std::fflush(stdout);
  Account account;
  std::uint32_t failed = 0;
  std::uint64_t came_in = 0;
  for (std::uint32_t i = 0; Clock::now() < end && failed < 1000; ++i) {
    Attacker one;
    const bool opened = open_attacker(plan, kind, i, one);
    failed = opened ? 0 : failed + 1;
    came_in += opened ? 1 : 0;
    account.tell(opened ? 1 : 0, came_in);
  }
}

}  // namespace weft::hostile
