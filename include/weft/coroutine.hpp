// coroutine.hpp - the host's calls as things to co_await, in coroutines of the reactor's thread (types: task.hpp).
//
//   Detached copy_block(Host& host, Namespace ns, std::span<std::byte> block) {
//     const weft_iov iov{block.data(), block.size(), nullptr};
//     IoRequest request{.nsid = ns.nsid, .block_size = ns.block_size, .blocks = 1, .iov = &iov, .iov_count = 1};
//     const Completion read = co_await submit(host, request);
//     ...
//   }
//
// A request is resumed exactly once, from inside a turn, never from inside the call; its `done` and `ctx` are used for
// that. Nothing is allocated but the coroutine's own frame, so requests kept in it make a data path. When the host goes
// away they end with -ECANCELED: the coroutine goes on and returns; it must not be destroyed while it waits.
// Thread rule: the reactor's thread. Ownership: the host outlives the call, not the wait. Errors: as host.hpp.
#ifndef WEFT_COROUTINE_HPP
#define WEFT_COROUTINE_HPP

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "weft/host.hpp"
#include "weft/task.hpp"

namespace weft {

template <class Request>
class [[nodiscard]] Submission {
 public:
  Submission(Host& host, Request& request) : host_(host), request_(request) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    request_.ctx = awaiting.address();
    request_.done = [](Request& ended) { std::coroutine_handle<>::from_address(ended.ctx).resume(); };
    host_.submit(request_);
  }
  const Completion& await_resume() const { return request_.completion; }

 private:
  Host& host_;
  Request& request_;
};

inline Submission<IoRequest> submit(Host& host, IoRequest& request) { return {host, request}; }
inline Submission<PassthroughRequest> submit(Host& host, PassthroughRequest& request) { return {host, request}; }

// A call of the control path: start(reply) makes it. co_await gives its Result.
template <class T, class Start>
class [[nodiscard]] Asked {
 public:
  explicit Asked(Start start) : start_(std::move(start)) {}
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    start_([this](Result<T> result) {
      result_.emplace(std::move(result));
      awaiting_.resume();
    });
  }
  Result<T> await_resume() { return std::move(*result_); }

 private:
  Start start_;
  std::coroutine_handle<> awaiting_;
  std::optional<Result<T>> result_;
};

// For those of Host's calls that have no function below:
//   co_await ask<bool>([&](auto reply) { host.reset(std::move(reply)); })
template <class T, class Start>
[[nodiscard]] auto ask(Start start) {
  return Asked<T, Start>(std::move(start));
}

[[nodiscard]] inline auto connect(Reactor& reactor, TransportRegistry& registry, const Address& address,
                                  const HostOptions& options) {
  return ask<std::unique_ptr<Host>>(
      [&](auto reply) { Host::connect(reactor, registry, address, options, std::move(reply)); });
}
[[nodiscard]] inline auto list_namespaces(Host& host) {
  return ask<std::vector<std::uint32_t>>([&host](auto reply) { host.list_namespaces(std::move(reply)); });
}
[[nodiscard]] inline auto identify_namespace(Host& host, std::uint32_t nsid) {
  return ask<Namespace>([&host, nsid](auto reply) { host.identify_namespace(nsid, std::move(reply)); });
}
[[nodiscard]] inline auto discover(Host& host) {
  return ask<std::vector<fabrics::DiscoveryLogEntry>>([&host](auto reply) { host.discover(std::move(reply)); });
}
// True, when the association is closed.
[[nodiscard]] inline auto close(Host& host) {
  return ask<bool>([&host](auto reply) { host.close([reply = std::move(reply)]() mutable { reply(true); }); });
}

}  // namespace weft

#endif
