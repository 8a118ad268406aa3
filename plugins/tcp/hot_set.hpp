// hot_set.hpp - the few connections of a group that are read without asking epoll first, while one turn follows another.
//
// With a request on the way at all times, epoll costs more than it says: a call to learn what the next call would have
// learnt, and, for each segment that arrives, an entry on two ready lists. A connection that has been read kWarmUp times
// since the group last slept is hot: epoll only watches it for hang-ups, and each turn reads it. It cools when the group
// arms, when it had nothing for long, and when so many others have data that epoll's one call for all is cheaper.
// Thread: the group's.
#ifndef WEFT_TCP_HOT_SET_HPP
#define WEFT_TCP_HOT_SET_HPP

#include <array>
#include <cstdint>

namespace weft::tcp {

class Connection;

// What the set keeps in a connection.
struct Heat {
  std::uint64_t period = 0;  // of the set, in which `count` was counted
  std::uint32_t count = 0;   // reads that epoll asked for; once hot, turns without anything to read
  bool hot = false;
};

class HotSet {
 public:
  static constexpr std::uint32_t kMost = 4;
  static constexpr std::uint32_t kWarmUp = 256;
  static constexpr std::uint32_t kPatience = 4096;  // turns

  void was_read(Connection& connection);  // because epoll said so
  // Reads what is hot. True: something came, and epoll may wait until the next turns.
  bool read();
  void cool_all();
  void remove(Connection& connection);

 private:
  std::array<Connection*, kMost> connections_{};
  std::uint32_t count_ = 0;
  std::uint32_t turns_ = 0;  // since epoll was last asked
  std::uint64_t period_ = 1;
};

}  // namespace weft::tcp

#endif
