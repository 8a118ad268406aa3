// transport_services.hpp - what the core offers to a plugin (weft_services): log, clock, names, keys.
//
// One per transport, made when its domain is opened, kept by the Transport. A plugin names its group when it asks for a
// look-up; the services know which reactor runs that group.
// Thread rule: any thread; a mutex inside (control path only).
#ifndef WEFT_CORE_REACTOR_TRANSPORT_SERVICES_HPP
#define WEFT_CORE_REACTOR_TRANSPORT_SERVICES_HPP

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"

namespace weft {

class TransportServices {
 public:
  using Clock = Nanoseconds (*)();

  // Opens the transport's domain with services of ours, unless it is open. The clock of the first call stays.
  [[nodiscard]] static Result<weft_domain*> open_domain(Transport& transport, Clock clock = &monotonic_now);
  // Those that the domain was opened with; null when somebody else opened it with services of their own.
  [[nodiscard]] static TransportServices* of(Transport& transport);

  explicit TransportServices(Clock clock);
  TransportServices(const TransportServices&) = delete;
  TransportServices& operator=(const TransportServices&) = delete;

  void attach(weft_group* group, Reactor& reactor);
  void detach(weft_group* group);
  [[nodiscard]] const weft_services& table() const { return table_; }

 private:
  static void log(void* ctx, std::uint32_t level, const char* text);
  static std::uint64_t now_ns(void* ctx);
  static int resolve(void* ctx, weft_group* group, const char* host, const char* service, void* user,
                     void (*done)(void* user, std::int32_t error, const void* sockaddr, std::uint32_t len));
  static void resolve_cancel(void* ctx, weft_group* group, void* user);
  [[nodiscard]] Reactor* reactor_of(weft_group* group);

  const Clock clock_;
  weft_services table_{};
  std::mutex mutex_;
  std::unordered_map<weft_group*, Reactor*> reactors_;  // guarded by mutex_
};

}  // namespace weft

#endif
