// The controller's end: takes commands, copies or lends blocks of the array, answers.
#include <algorithm>
#include <cstring>
#include <memory>

#include "ends.hpp"
#include "stream.hpp"

namespace weft::bench {
namespace {

// As the data path does: few lines of the cache can be on their way at once, so blocks are fetched a part at a time.
constexpr std::size_t kPart = 512;  // of what is sent: the processor sees how it goes on
template <int kWrite>
void fetch(const std::byte* from, const std::byte* to) {
  for (; from < to; from += 64) __builtin_prefetch(from, kWrite, kWrite != 0 ? 3 : 2);
}

class Served {
 public:
  Served(const Plan& plan, const Pages& array, int fd)
      : plan_(plan), array_(array), fd_(fd), in_(plan.read_buffer), out_(room(plan), 4 * plan.depth_of_one() + 4) {
    waiting_.resize(plan.depth_of_one() + 1);
  }

  // False: the peer has gone.
  bool turn() {
    std::size_t took = 0;
    const std::span<std::byte> direct =
        plan_.direct_receives && wanted_ != 0 ? std::span(into_, wanted_) : std::span<std::byte>();
    if (!in_.fill(fd_, direct, took)) return false;
    if (took != 0) received(took);
    while (take_one()) {
    }
    out_.flush(fd_);
    return true;
  }

 private:
  static std::size_t room(const Plan& plan) {
    return (plan.depth_of_one() + 1) * (kHeader + (plan.write || plan.gather_sends ? kHeader : plan.block));
  }

  bool take_one() {
    const std::span<const std::byte> bytes = in_.bytes();
    if (wanted_ != 0) {
      const std::size_t part = std::min(wanted_, bytes.size());
      if (part == 0) return false;
      std::memcpy(into_, bytes.data(), part);
      in_.consume(part);
      received(part);
      return true;
    }
    if (granted_ != asked_ && bytes.size() >= kHeader && is_data(bytes)) {
      in_.consume(kHeader);
      begin(waiting_[granted_++ % waiting_.size()]);
      return true;
    }
    if (bytes.size() < kCommand || is_data(bytes)) return false;
    std::uint64_t place = 0;
    std::memcpy(&place, bytes.data() + 8, sizeof place);
    in_.consume(kCommand);
    if (!plan_.write) {
      answer_read(array_.data() + place);
    } else if (plan_.in_capsule()) {
      begin(place);
    } else {
      waiting_[asked_++ % waiting_.size()] = place;
      std::memset(out_.copy(kHeader), 9, kHeader);
    }
    return true;
  }

  static bool is_data(std::span<const std::byte> bytes) { return !bytes.empty() && bytes[0] == std::byte{6}; }

  void begin(std::uint64_t place) {
    into_ = array_.data() + place;
    wanted_ = plan_.block;
    if (!plan_.in_capsule() || plan_.direct_receives) return;
    fetch<1>(into_ + wanted_ / 2, into_ + wanted_);
    const std::span<const std::byte> bytes = in_.bytes();
    if (bytes.size() < wanted_ + kCommand) return;
    std::uint64_t next = 0;
    std::memcpy(&next, bytes.data() + wanted_ + 8, sizeof next);
    fetch<1>(array_.data() + next, array_.data() + next + wanted_ / 2);
  }
  void received(std::size_t bytes) {
    into_ += bytes;
    wanted_ -= bytes;
    if (wanted_ == 0) std::memset(out_.copy(kHeader), 5, kHeader);
  }
  void answer_read(const std::byte* block) {
    std::memset(out_.copy(kHeader), 7, kHeader);
    if (plan_.gather_sends) {
      fetch<0>(block, block + std::min(kPart, plan_.block));
      return out_.lend(block, plan_.block);
    }
    std::memcpy(out_.copy(plan_.block), block, plan_.block);
  }

  const Plan& plan_;
  const Pages& array_;
  const int fd_;
  Input in_;
  Output out_;
  std::byte* into_ = nullptr;           // where the payload under way goes
  std::size_t wanted_ = 0;              // ... and how much of it is to come
  std::vector<std::uint64_t> waiting_;  // large writes: places asked for by R2T, in order
  std::size_t asked_ = 0, granted_ = 0;
};

}  // namespace

void serve(const Plan& plan, const Pages& array, const std::vector<int>& connections) {
  std::vector<std::unique_ptr<Served>> served;
  for (const int fd : connections) served.push_back(std::make_unique<Served>(plan, array, fd));
  bool open = true;
  while (open) {
    for (const auto& connection : served) open = connection->turn() && open;
  }
}

}  // namespace weft::bench
