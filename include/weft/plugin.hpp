// plugin.hpp - a transport written as C++ classes, turned into the C table of transport_abi.h.
//
//   struct Shm {                                                     // names the classes, nothing more
//     using Domain = shm::Domain;  using Group = shm::Group;  using Listener = shm::Listener;
//     using Pending = shm::Pending;  using QueuePair = shm::QueuePair;
//     static constexpr weft::plugin::Identity kIdentity = {.name = "shm", .version = "1.0", .roles = WEFT_ROLE_HOST};
//   };
//   WEFT_EXPORT_TRANSPORT(Shm)                                       // once, in one .cpp
//
// What the classes offer (Made<T> is std::expected<T, Failure>; everything that is passed by reference is borrowed for
// the call):
//   Transport  [static Made<void> claim(const weft_address &, uint32_t role)]         absent: every address is ours
//   Domain     static Made<std::unique_ptr<Domain>> open(const weft_services &, std::span<const weft_option>)
//              Made<std::unique_ptr<Group>> open_group()
//              [Made<Region *> register_region(void *, uint64_t, uint32_t access); Region has void release()]
//   Group      int poll(uint32_t budget); void flush(); int arm(int &fd, uint64_t &deadline_ns)
//              void stats(weft_stats &) const
//     host     Made<QueuePair *> connect(const weft_address &, const weft_qpair_params &, const weft_qpair_events &,
//                                        void *ctx)
//     contr.   Made<Listener *> listen(const weft_address &, const weft_listener_events &, void *ctx)
//              Made<QueuePair *> accept(Pending &, const weft_qpair_params &, const weft_qpair_events &, void *ctx)
//   QueuePair  void close(uint32_t flags, uint64_t deadline_ns)
//              void info(weft_qpair_info &) const; void stats(weft_stats &) const
//     host     int send_command(const void *sqe, std::span<const weft_iov>, uint32_t flags)
//     contr.   Made<void> configure(const weft_qpair_params &)
//              int receive_data(token, offset, std::span<const weft_iov>, cookie, flags)
//              int send_data(token, offset, std::span<const weft_iov>, const void *final_cqe, cookie, flags)
//              int send_response(token, const void *cqe, flags); void cancel_data(token); int release_command(token)
//   Listener   void close(); void info(weft_listener_info &) const
//   Pending    void reject(uint32_t reason), which frees it
// What a class does not offer stays NULL in the table. A handle is the address of its object; the classes decide when a
// queue pair, listener or pending dies (see "Ending" in transport_abi.h), the table deletes domains and groups.
//
// Errors: data calls return 0 or -errno as the ABI says; the others a Failure. No exception leaves the plugin: each
// thunk is noexcept, and std::bad_alloc becomes -ENOMEM, std::system_error its code, anything else -EIO with its words.
// Threads: as in transport_abi.h; the thunks add nothing.
#ifndef WEFT_PLUGIN_HPP
#define WEFT_PLUGIN_HPP

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <expected>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "weft/transport_abi.h"

namespace weft::plugin {

// Who a transport is: the first fields of the table.
struct Identity {
  const char* name = nullptr;
  const char* version = nullptr;
  const weft_option_info* options = nullptr;  // ends with key NULL; may be null
  std::uint32_t roles = 0;
  std::int32_t priority = 0;
  std::uint8_t trtype = 0;
  const char *default_trsvcid = nullptr, *discovery_trsvcid = nullptr;
};

// Why a call failed. `stage` must outlive it: a literal.
struct Failure {
  int code = EIO;  // errno, positive
  std::string text;
  std::string_view stage = {};
  std::uint32_t origin = WEFT_ORIGIN_LOCAL;
  std::uint32_t detail = 0;
};

template <class T>
using Made = std::expected<T, Failure>;

// Copies `text` into a fixed field, cut where it must be, always ended with 0.
template <std::size_t N>
void put_text(char (&field)[N], std::string_view text) noexcept {
  const std::size_t length = std::min(text.size(), N - 1);
  std::copy_n(text.data(), length, field);
  std::memset(field + length, 0, N - length);
}

// A weft_error as events carry it. A code of 0 stays 0: the clean end.
inline weft_error make_error(int code, std::uint32_t origin, std::uint32_t detail, std::string_view stage,
                             std::string_view text) noexcept {
  weft_error error{};
  error.size = sizeof error;
  error.code = code > 0 ? -code : code;
  error.origin = origin;
  error.detail = detail;
  put_text(error.stage, stage);
  put_text(error.text, text);
  return error;
}

// Fills a struct that the core lent: never beyond the room it came with.
template <class Struct>
void fill(Struct* lent, Struct value) noexcept {
  if (lent == nullptr) return;
  const std::size_t room = std::min<std::size_t>(lent->size, sizeof value);
  if (room < sizeof value.size) return;
  value.size = static_cast<std::uint32_t>(room);
  std::memcpy(lent, &value, room);
}

// Whether `given` has every field of this header's version.
template <class Struct>
bool whole(const Struct* given) noexcept {
  return given != nullptr && given->size >= sizeof(Struct);
}

namespace detail {

inline int report(weft_error* error, const Failure& failure) noexcept {
  fill(error, make_error(failure.code, failure.origin, failure.detail, failure.stage, failure.text));
  return -failure.code;
}

inline int report(weft_error* error, int code, std::string_view text) noexcept {
  fill(error, make_error(code, WEFT_ORIGIN_LOCAL, 0, "", text));
  return -code;
}

// Runs `body` (which returns 0 or -errno) and turns what it throws into an errno.
template <class Body>
int guarded(weft_error* error, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return report(error, ENOMEM, "out of memory");
  } catch (const std::system_error& caught) {
    const int code = caught.code().value();
    return report(error, code > 0 ? code : EIO, caught.what());
  } catch (const std::exception& caught) {
    return report(error, EIO, caught.what());
  } catch (...) {
    return report(error, EIO, "the transport threw something that is no std::exception");
  }
}

template <class Body>
void guarded_void(Body&& body) noexcept {
  guarded(nullptr, [&] {
    std::forward<Body>(body)();
    return 0;
  });
}

template <class Object, class Handle>
Object* as(Handle* handle) noexcept {
  return reinterpret_cast<Object*>(handle);
}
template <class Object, class Handle>
const Object* as(const Handle* handle) noexcept {
  return reinterpret_cast<const Object*>(handle);
}

// Hands `made` to the core: the handle and 0, or the failure.
template <class Handle, class Object>
int deliver(Made<Object> made, Handle** out, weft_error* error) {
  if (!made) return report(error, made.error());
  if constexpr (std::is_pointer_v<Object>) {
    *out = reinterpret_cast<Handle*>(*made);
  } else {
    *out = reinterpret_cast<Handle*>(made->release());
  }
  return 0;
}

template <class Transport>
struct Thunks {
  using Domain = typename Transport::Domain;
  using Group = typename Transport::Group;
  using QueuePair = typename Transport::QueuePair;

  static int claim(const weft_address* address, std::uint32_t role, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(address)) return report(error, EINVAL, "the address is from an older ABI than 1.0");
      if constexpr (requires { Transport::claim(*address, role); }) {
        const Made<void> answer = Transport::claim(*address, role);
        if (!answer) return report(error, answer.error());
      }
      return 0;
    });
  }

  static int domain_open(const weft_services* services, const weft_option* options, std::uint32_t count,
                         weft_domain** out, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(services)) return report(error, EINVAL, "the services are from an older ABI than 1.0");
      return deliver(Domain::open(*services, std::span(options, count)), out, error);
    });
  }
  static void domain_close(weft_domain* domain) noexcept {
    guarded_void([&] { delete as<Domain>(domain); });
  }

  static int group_open(weft_domain* domain, weft_group** out, weft_error* error) noexcept {
    return guarded(error, [&] { return deliver(as<Domain>(domain)->open_group(), out, error); });
  }
  static int group_poll(weft_group* group, std::uint32_t budget) noexcept {
    return guarded(nullptr, [&] { return as<Group>(group)->poll(budget); });
  }
  static void group_flush(weft_group* group) noexcept {
    guarded_void([&] { as<Group>(group)->flush(); });
  }
  static int group_arm(weft_group* group, int* fd, std::uint64_t* deadline_ns) noexcept {
    return guarded(nullptr, [&] { return as<Group>(group)->arm(*fd, *deadline_ns); });
  }
  static void group_close(weft_group* group) noexcept {
    guarded_void([&] { delete as<Group>(group); });
  }
  static void group_stats(const weft_group* group, weft_stats* out) noexcept {
    guarded_void([&] {
      weft_stats stats{};
      as<Group>(group)->stats(stats);
      fill(out, stats);
    });
  }

  static int connect(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                     const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(address) || !whole(params) || !whole(events))
        return report(error, EINVAL, "a parameter is from an older ABI");
      return deliver(as<Group>(group)->connect(*address, *params, *events, ctx), out, error);
    });
  }
  static void close(weft_qpair* qpair, std::uint32_t flags, std::uint64_t deadline_ns) noexcept {
    guarded_void([&] { as<QueuePair>(qpair)->close(flags, deadline_ns); });
  }
  static void qpair_info(const weft_qpair* qpair, weft_qpair_info* out) noexcept {
    guarded_void([&] {
      weft_qpair_info info{};
      as<QueuePair>(qpair)->info(info);
      fill(out, info);
    });
  }
  static void qpair_stats(const weft_qpair* qpair, weft_stats* out) noexcept {
    guarded_void([&] {
      weft_stats stats{};
      as<QueuePair>(qpair)->stats(stats);
      fill(out, stats);
    });
  }
  static int send_command(weft_qpair* qpair, const void* sqe, const weft_iov* iov, std::uint32_t count,
                          std::uint32_t flags) noexcept {
    return guarded(nullptr, [&] { return as<QueuePair>(qpair)->send_command(sqe, std::span(iov, count), flags); });
  }

  static int listen(weft_group* group, const weft_address* address, const weft_listener_events* events, void* ctx,
                    weft_listener** out, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(address) || !whole(events)) return report(error, EINVAL, "a parameter is from an older ABI");
      return deliver(as<Group>(group)->listen(*address, *events, ctx), out, error);
    });
  }
  static void unlisten(weft_listener* listener) noexcept {
    guarded_void([&] { as<typename Transport::Listener>(listener)->close(); });
  }
  static void listener_info(const weft_listener* listener, weft_listener_info* out) noexcept {
    guarded_void([&] {
      weft_listener_info info{};
      as<typename Transport::Listener>(listener)->info(info);
      fill(out, info);
    });
  }
  static int accept(weft_group* group, weft_pending* pending, const weft_qpair_params* params,
                    const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(params) || !whole(events)) return report(error, EINVAL, "a parameter is from an older ABI");
      return deliver(as<Group>(group)->accept(*as<typename Transport::Pending>(pending), *params, *events, ctx), out,
                     error);
    });
  }
  static void reject(weft_pending* pending, std::uint32_t reason) noexcept {
    guarded_void([&] { as<typename Transport::Pending>(pending)->reject(reason); });
  }
  static int configure(weft_qpair* qpair, const weft_qpair_params* params, weft_error* error) noexcept {
    return guarded(error, [&] {
      if (!whole(params)) return report(error, EINVAL, "the parameters are from an older ABI");
      const Made<void> done = as<QueuePair>(qpair)->configure(*params);
      return done ? 0 : report(error, done.error());
    });
  }
  static int receive_data(weft_qpair* qpair, std::uint64_t token, std::uint64_t offset, const weft_iov* iov,
                          std::uint32_t count, std::uint64_t cookie, std::uint32_t flags) noexcept {
    return guarded(nullptr, [&] {
      return as<QueuePair>(qpair)->receive_data(token, offset, std::span(iov, count), cookie, flags);
    });
  }
  static int send_data(weft_qpair* qpair, std::uint64_t token, std::uint64_t offset, const weft_iov* iov,
                       std::uint32_t count, const void* final_cqe, std::uint64_t cookie, std::uint32_t flags) noexcept {
    return guarded(nullptr, [&] {
      return as<QueuePair>(qpair)->send_data(token, offset, std::span(iov, count), final_cqe, cookie, flags);
    });
  }
  static int send_response(weft_qpair* qpair, std::uint64_t token, const void* cqe, std::uint32_t flags) noexcept {
    return guarded(nullptr, [&] { return as<QueuePair>(qpair)->send_response(token, cqe, flags); });
  }
  static void cancel_data(weft_qpair* qpair, std::uint64_t token) noexcept {
    guarded_void([&] { as<QueuePair>(qpair)->cancel_data(token); });
  }
  static int release_command(weft_qpair* qpair, std::uint64_t token) noexcept {
    return guarded(nullptr, [&] { return as<QueuePair>(qpair)->release_command(token); });
  }

  static int region_register(weft_domain* domain, void* base, std::uint64_t length, std::uint32_t access,
                             weft_region** out, weft_error* error) noexcept {
    return guarded(error,
                   [&] { return deliver(as<Domain>(domain)->register_region(base, length, access), out, error); });
  }
  static void region_release(weft_region* region) noexcept {
    guarded_void([&] { as<typename Transport::Region>(region)->release(); });
  }
};

}  // namespace detail

// The table of `Transport`, complete. The strings of kIdentity must live as long as the process.
template <class Transport>
weft_transport make_table() noexcept {
  using Thunk = detail::Thunks<Transport>;
  constexpr Identity identity = Transport::kIdentity;
  weft_transport table{};
  table.size = sizeof table;
  table.abi_minor = WEFT_ABI_MINOR;
  table.name = identity.name;
  table.version = identity.version;
  table.options = identity.options;
  table.roles = identity.roles;
  table.priority = identity.priority;
  table.trtype = identity.trtype;
  table.default_trsvcid = identity.default_trsvcid;
  table.discovery_trsvcid = identity.discovery_trsvcid;
  table.claim = &Thunk::claim;
  table.domain_open = &Thunk::domain_open;
  table.domain_close = &Thunk::domain_close;
  if constexpr (requires { typename Transport::Region; }) {
    table.region_register = &Thunk::region_register;
    table.region_release = &Thunk::region_release;
  }
  table.group_open = &Thunk::group_open;
  table.group_poll = &Thunk::group_poll;
  table.group_flush = &Thunk::group_flush;
  table.group_arm = &Thunk::group_arm;
  table.group_close = &Thunk::group_close;
  table.group_stats = &Thunk::group_stats;
  table.close = &Thunk::close;
  table.qpair_info = &Thunk::qpair_info;
  table.qpair_stats = &Thunk::qpair_stats;
  if constexpr ((identity.roles & WEFT_ROLE_HOST) != 0) {
    table.connect = &Thunk::connect;
    table.send_command = &Thunk::send_command;
  }
  if constexpr ((identity.roles & WEFT_ROLE_CONTROLLER) != 0) {
    table.listen = &Thunk::listen;
    table.unlisten = &Thunk::unlisten;
    table.listener_info = &Thunk::listener_info;
    table.accept = &Thunk::accept;
    table.reject = &Thunk::reject;
    table.configure = &Thunk::configure;
    table.receive_data = &Thunk::receive_data;
    table.send_data = &Thunk::send_data;
    table.send_response = &Thunk::send_response;
    table.cancel_data = &Thunk::cancel_data;
    table.release_command = &Thunk::release_command;
  }
  return table;
}

}  // namespace weft::plugin

// Defines the one symbol that the core looks for.
#define WEFT_EXPORT_TRANSPORT(Transport)                                                        \
  extern "C" __attribute__((visibility("default"))) const weft_transport* weft_transport_v1() { \
    static const weft_transport table = ::weft::plugin::make_table<Transport>();                \
    return &table;                                                                              \
  }

#endif
