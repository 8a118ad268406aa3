#include "hot_set.hpp"

#include <algorithm>

#include "connection.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint32_t kTurnsWithoutEpoll = 4;

}  // namespace

void HotSet::was_read(Connection& connection) {
  Heat& heat = connection.heat;
  if (heat.hot) return;  // a hang-up
  if (heat.period != period_) heat = {.period = period_};
  if (++heat.count < kWarmUp || count_ == kMost) return;
  heat.count = 0;
  connections_[count_++] = &connection;
  connection.set_hot(true);
}

bool HotSet::read() {
  bool something = false, wants_epoll = false;
  // From the last to the first: one that cools, or ends, has the last one in its place.
  for (std::uint32_t i = count_; i-- > 0;) {
    if (i >= count_) continue;
    Connection& connection = *connections_[i];
    wants_epoll |= connection.waits_to_send();
    if (connection.read_hot()) {
      connection.heat.count = 0;
      something = true;
    } else if (++connection.heat.count == kPatience) {
      remove(connection);
      connection.heat.count = 0;
      connection.set_hot(false);
    }
  }
  if (something && !wants_epoll && ++turns_ < kTurnsWithoutEpoll) return true;
  turns_ = 0;
  return false;
}

void HotSet::cool_all() {
  ++period_;
  for (std::uint32_t i = 0; i < count_; ++i) connections_[i]->set_hot(false);
  count_ = 0;
}

void HotSet::remove(Connection& connection) {
  Connection** const end = connections_.data() + count_;
  Connection** const found = std::find(connections_.data(), end, &connection);
  if (found == end) return;
  *found = end[-1];
  --count_;
}

}  // namespace weft::tcp
