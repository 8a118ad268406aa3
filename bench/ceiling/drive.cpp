// The host's end: keeps commands under way, takes answers in order, and measures.
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "ends.hpp"
#include "stream.hpp"

namespace weft::bench {
namespace {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

class Driven {
 public:
  Driven(const Plan& plan, int fd, std::uint64_t seed, Measured& measured)
      : plan_(plan),
        fd_(fd),
        random_(seed),
        measured_(measured),
        blocks_(plan.depth_of_one() * plan.block),
        in_(plan.read_buffer),
        out_(room(plan), 4 * plan.depth_of_one() + 4),
        started_(plan.depth_of_one()) {}

  void turn(std::uint64_t now) {
    while (sent_ - done_ < plan_.depth_of_one()) send_one(now);
    out_.flush(fd_);
    std::size_t took = 0;
    const std::span<std::byte> direct =
        plan_.direct_receives && wanted_ != 0 ? std::span(into_, wanted_) : std::span<std::byte>();
    if (!in_.fill(fd_, direct, took)) throw std::runtime_error("the server closed the connection");
    wanted_ -= took;
    into_ += took;
    if (took != 0 && wanted_ == 0) finished();
    while (take_one()) {
    }
  }

 private:
  static std::size_t room(const Plan& plan) {
    const std::size_t payload = plan.write && !plan.gather_sends ? plan.block : 0;
    return (plan.depth_of_one() + 1) * (kCommand + kHeader + payload);
  }

  std::byte* block_of(std::uint64_t io) { return blocks_.data() + io % plan_.depth_of_one() * plan_.block; }

  void send_one(std::uint64_t now) {
    std::byte* const command = out_.copy(kCommand);
    std::memset(command, 4, 8);
    const std::uint64_t place = pick() * plan_.block;
    std::memcpy(command + 8, &place, sizeof place);
    if (plan_.write && plan_.in_capsule()) send_block(sent_);
    started_[sent_ % started_.size()] = now;
    ++sent_;
  }
  void send_block(std::uint64_t io) {
    if (plan_.gather_sends) return out_.lend(block_of(io), plan_.block);
    std::memcpy(out_.copy(plan_.block), block_of(io), plan_.block);
  }
  std::uint64_t pick() {
    if (plan_.sequential) return sequential_++ % plan_.places();
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ % plan_.places();
  }

  bool take_one() {
    const std::span<const std::byte> bytes = in_.bytes();
    if (wanted_ != 0) {
      const std::size_t part = std::min(wanted_, bytes.size());
      if (part == 0) return false;
      std::memcpy(into_, bytes.data(), part);
      in_.consume(part);
      into_ += part;
      wanted_ -= part;
      if (wanted_ == 0) finished();
      return true;
    }
    if (bytes.size() < kHeader) return false;
    const bool ready_to_transfer = bytes[0] == std::byte{9};
    in_.consume(kHeader);
    if (ready_to_transfer) {
      std::memset(out_.copy(kHeader), 6, kHeader);
      send_block(granted_++);
      out_.flush(fd_);
    } else if (plan_.write) {
      finished();
    } else {
      into_ = block_of(done_);
      wanted_ = plan_.block;
    }
    return true;
  }

  void finished() {
    ++measured_.ios;
    measured_.latency.add(now_ns() - started_[done_ % started_.size()]);
    ++done_;
  }

  const Plan& plan_;
  const int fd_;
  std::uint64_t random_, sequential_ = 0;
  Measured& measured_;
  Pages blocks_;
  Input in_;
  Output out_;
  std::vector<std::uint64_t> started_;
  std::uint64_t sent_ = 0, granted_ = 0, done_ = 0;
  std::byte* into_ = nullptr;
  std::size_t wanted_ = 0;
};

}  // namespace

Measured drive(const Plan& plan, const std::vector<int>& connections) {
  constexpr std::uint64_t kSecond = 1'000'000'000, kWarmUp = kSecond / 2;
  auto measured = std::make_unique<Measured>();
  std::vector<std::unique_ptr<Driven>> driven;
  for (const int fd : connections)
    driven.push_back(std::make_unique<Driven>(plan, fd, 88172645463325252ull + driven.size() * 977, *measured));
  std::uint64_t begun = now_ns();
  const std::uint64_t measure_from = begun + kWarmUp;
  const std::uint64_t until = measure_from + static_cast<std::uint64_t>(plan.seconds * 1e9);
  bool warm = false;
  for (std::uint64_t now = begun; now < until; now = now_ns()) {
    if (!warm && now >= measure_from) {
      warm = true;
      begun = now;
      *measured = Measured{};
    }
    for (const auto& connection : driven) connection->turn(now);
  }
  measured->seconds = static_cast<double>(now_ns() - begun) / 1e9;
  return *measured;
}

}  // namespace weft::bench
