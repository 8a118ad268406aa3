// resolver.hpp - host names to socket addresses without blocking the reactor.
//
// A numeric host and service are answered without a thread; names go to a helper thread (getaddrinfo blocks and cannot be
// stopped), of which there are kMaxWorkers at most and none while there is nothing to look up. Answers come as tasks through
// the reactor's mailbox. The destructor drops what is open; it waits a moment for helpers and leaves one that hangs in
// getaddrinfo to end by itself: all that such a helper touches is shared with it.
// Thread rule: the reactor's thread. Errors: to `done`, as a negative errno.
#ifndef WEFT_CORE_REACTOR_RESOLVER_HPP
#define WEFT_CORE_REACTOR_RESOLVER_HPP

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/reactor/mailbox.hpp"

namespace weft {

class Resolver {
 public:
  static constexpr std::size_t kMaxAddresses = 64;  // of one name; the rest is dropped

  // What a look-up gives: 0 and packed socket addresses, or a negative errno.
  struct Answer {
    std::int32_t error = 0;
    std::uint32_t length = 0;
    alignas(8) std::array<std::byte, kMaxAddresses * sizeof(sockaddr_in6)> addresses;
  };
  using Lookup = Answer (*)(const std::string& host, const std::string& service);
  using Done = void (*)(void* key, std::int32_t error, const void* addresses, std::uint32_t length);

  static constexpr std::size_t kMaxWorkers = 4;
  static Answer look_up_name(const std::string& host, const std::string& service);  // blocks

  explicit Resolver(std::shared_ptr<Mailbox> mailbox, Lookup look_up = &look_up_name);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(const char* host, const char* service, void* key, Done done);
  void cancel(void* key);  // its `done` is not called any more
  [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }

 private:
  struct Shared;
  struct Request {
    std::uint64_t id;
    void* key;
    Done done;
  };

  static void work(const std::shared_ptr<Shared>& shared, std::size_t worker);
  [[nodiscard]] bool start_worker();
  void finish(std::uint64_t id, const Answer& answer);

  const std::shared_ptr<Shared> shared_;
  std::vector<Request> requests_;
  std::array<std::thread, kMaxWorkers> workers_;
  std::uint64_t last_id_ = 0;
};

}  // namespace weft

#endif
