#include "script.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace weft::rdma::model {

const char* name_of(Call call) {
  static constexpr std::array<const char*, kCalls> kNames = {"make_cm_channel",
                                                             "make_id",
                                                             "bind",
                                                             "listen",
                                                             "resolve_address",
                                                             "resolve_route",
                                                             "make_queue_pair",
                                                             "connect",
                                                             "accept",
                                                             "reject",
                                                             "disconnect",
                                                             "migrate",
                                                             "next",
                                                             "make_completion_channel",
                                                             "make_completion_queue",
                                                             "make_shared_receives",
                                                             "register_memory",
                                                             "make_window",
                                                             "poll",
                                                             "arm",
                                                             "post_sends",
                                                             "post_receives",
                                                             "fail",
                                                             "tune"};
  return kNames[static_cast<std::size_t>(call)];
}

void Script::fail(Call call, std::uint64_t which, int error, std::uint64_t times) {
  const std::uint64_t from = count(call) + which;
  failing_.push_back({call, from, from + times, error});
}

int Script::next(Call call) {
  const std::uint64_t number = ++counts_[static_cast<std::size_t>(call)];
  for (const Failing& failing : failing_) {
    if (failing.call == call && number >= failing.from && number < failing.until) return failing.error;
  }
  return 0;
}

verbs::Made<void> Script::allow(Call call) {
  const int error = next(call);
  if (error == 0) return {};
  return std::unexpected(
      plugin::Failure{.code = error, .text = std::string(name_of(call)) + ": " + std::strerror(error)});
}

bool Script::pass(rdma_cm_event_type& type, int& status) {
  const auto found = std::ranges::find_if(changes_, [&](const Change& change) { return change.type == type; });
  if (found == changes_.end()) return true;
  const Change change = *found;
  changes_.erase(found);
  if (!change.into) return false;
  type = *change.into;
  status = change.status;
  return true;
}

}  // namespace weft::rdma::model
