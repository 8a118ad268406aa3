// role_calls.hpp - the table's calls that are one role's, passed on to the side of a queue pair that has this role.
//
//   class Connection : public RoleCalls<Connection>, ...
//
// A Connection has is_ready(), and host_ and controller_, pointers of which one is null. It is a friend; whoever makes the
// calls includes the headers of the sides. Thread: the group's.
// Errors: -ENOTCONN unless the queue pair is ready, -EINVAL for a call of the other role.
#ifndef WEFT_PLUGIN_ROLE_CALLS_HPP
#define WEFT_PLUGIN_ROLE_CALLS_HPP

#include <cerrno>
#include <cstdint>
#include <span>

#include "weft/plugin.hpp"

namespace weft::plugin {

template <class QueuePair>
class RoleCalls {
 public:
  int send_command(const void* sqe, std::span<const weft_iov> iov, std::uint32_t flags) {
    return ready(self().host_, [&](auto& side) { return side.send_command(sqe, iov, flags); });
  }
  Made<void> configure(const weft_qpair_params& params) {
    if (!self().is_ready() || self().controller_ == nullptr)
      return std::unexpected(Failure{.code = ENOTCONN, .text = "the queue pair is closing"});
    return self().controller_->configure(params);
  }
  int receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, std::uint64_t cookie,
                   std::uint32_t flags) {
    return ready(self().controller_, [&](auto& side) { return side.receive_data(token, offset, iov, cookie, flags); });
  }
  int send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, const void* final_cqe,
                std::uint64_t cookie, std::uint32_t flags) {
    return ready(self().controller_,
                 [&](auto& side) { return side.send_data(token, offset, iov, final_cqe, cookie, flags); });
  }
  int send_response(std::uint64_t token, const void* cqe, std::uint32_t flags) {
    return ready(self().controller_, [&](auto& side) { return side.send_response(token, cqe, flags); });
  }
  void cancel_data(std::uint64_t token) {
    if (self().is_ready() && self().controller_ != nullptr) self().controller_->cancel_data(token);
  }
  // Also once the queue pair is gone, which it may free.
  int release_command(std::uint64_t token) {
    return self().controller_ != nullptr ? self().controller_->release_command(token) : -EINVAL;
  }

 private:
  friend QueuePair;
  RoleCalls() = default;

  QueuePair& self() { return static_cast<QueuePair&>(*this); }
  template <class Side, class Call>
  int ready(Side& side, Call&& call) {
    if (!self().is_ready()) return -ENOTCONN;
    return side != nullptr ? call(*side) : -EINVAL;
  }
};

}  // namespace weft::plugin

#endif
