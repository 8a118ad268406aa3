#include "listener.hpp"

#include <fmt/format.h>

#include <cstring>

#include <sys/epoll.h>

#include "group.hpp"
#include "socket_setup.hpp"

namespace weft::tcp {

using plugin::address_to_bind;
using plugin::Failure;
using plugin::is_any;
using plugin::kMillisecond;
using plugin::kSecond;
using plugin::Made;
using plugin::NetAddress;
using plugin::UniqueFd;

namespace {

// A storm of connections is not to take the time of those who are served: so many at once, and then a breath.
constexpr int kAcceptsPerTurn = 4;
constexpr std::uint64_t kBreath = kMillisecond;
constexpr int kBacklog = 1024;
constexpr std::uint64_t kPause = 100 * kMillisecond;  // after the process ran out of descriptors or memory
constexpr std::uint64_t kBetweenWords = 10 * kSecond;
constexpr std::uint8_t kTrtypeTcp = 3;

std::unexpected<Failure> cannot(int error, std::string what) {
  return std::unexpected(
      Failure{.code = error, .text = fmt::format("cannot {}: {}", what, std::strerror(error)), .stage = "listen"});
}

// Asked of the socket, because one that was handed over may be either.
bool takes_both_families(int fd, const NetAddress& local) {
  int v6only = 1;
  socklen_t length = sizeof v6only;
  return local.family() == AF_INET6 && ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &length) == 0 &&
         v6only == 0;
}

}  // namespace

Made<UniqueFd> Listener::open_socket(const weft_address& address, const Options& options) {
  Made<NetAddress> where = address_to_bind(address, "::");
  if (!where) return std::unexpected(where.error());
  Made<UniqueFd> fd = open_stream(where->family());
  if (!fd && fd.error().code == EAFNOSUPPORT && is_any(address)) {  // a machine without IPv6
    where = address_to_bind(address, "0.0.0.0");
    if (!where) return std::unexpected(where.error());
    fd = open_stream(where->family());
  }
  if (!fd) return fd;
  const int on = 1;
  // An IPv6 wildcard that was not written as such ("*") serves IPv4 too; "[::]" means IPv6.
  const int v6only = is_any(address) ? 0 : 1;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where->family() == AF_INET6) ::setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
  const Made<void> prepared = prepare_socket(fd->get(), options);
  if (!prepared) return std::unexpected(prepared.error());
  const Made<void> bound = bind_source(fd->get(), where->family(), nullptr, address.source_interface);
  if (!bound) return std::unexpected(bound.error());
  if (::bind(fd->get(), where->raw(), where->length) != 0) {
    const int error = errno;
    if (error == EINVAL && where->lacks_scope()) return std::unexpected(plugin::no_scope(*where, "listen"));
    return cannot(error, fmt::format("bind to {}", where->text()));
  }
  if (::listen(fd->get(), kBacklog) != 0) return cannot(errno, fmt::format("listen on {}", where->text()));
  return fd;
}

Listener::Listener(Group& group, UniqueFd fd, bool one, const Options& options, const weft_listener_events& events,
                   void* ctx)
    : group_(group), fd_(std::move(fd)), one_(one), options_(options), events_(events), ctx_(ctx) {
  local_ = NetAddress::local_of(fd_.get());
  both_families_ = takes_both_families(fd_.get(), local_);
  if (one_) {
    group_.resume(*this);
  } else {
    set_non_blocking(fd_.get());
    group_.watch(*this, fd_.get(), 0, EPOLLIN);
    watched_ = true;
  }
  group_.add(*this);
}

Listener::~Listener() { stop(); }

void Listener::stop() {
  if (watched_) group_.watch(*this, fd_.get(), EPOLLIN, 0);
  watched_ = false;
  group_.set_deadline(*this, 0);
}

void Listener::close() {
  if (closing_) return;
  closing_ = true;
  stop();
  fd_.reset();
  group_.mark_ending(*this);
}

void Listener::info(weft_listener_info& out) const {
  out.trtype = kTrtypeTcp;
  // Unspecified, as the Linux target says. Told that a secure channel is "not required", nvme-cli up to 2.3 asks for TLS.
  out.treq = 0;
  plugin::put_bound(out, local_, both_families_);
}

void Listener::on_events(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && !closing_ && !paused_; ++i)
    if (!accept_one()) return;
  if (!closing_ && !paused_) pause(kBreath);
}

void Listener::pause(std::uint64_t time) {
  stop();
  paused_ = true;
  group_.set_deadline(*this, group_.now() + time);
}

void Listener::on_resume() {
  if (closing_ || !fd_) return;
  offer(std::move(fd_));
}

void Listener::on_deadline() {
  paused_ = false;
  if (closing_) return;
  group_.watch(*this, fd_.get(), 0, EPOLLIN);
  watched_ = true;
}

// False: no more to accept for now.
bool Listener::accept_one() {
  UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return judge_error(errno);
  offer(std::move(fd));
  return true;
}

// True: that was one peer's trouble, the next may be fine.
bool Listener::judge_error(int error) {
  switch (error) {
    case EAGAIN:
      return false;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pause(kPause);
      say_paused(error);
      return false;
    default:
      error_ = error;
      close();
      return false;
  }
}

// As long as it lasts it is tried again and again, and said now and then.
void Listener::say_paused(int error) {
  if (group_.now() < say_paused_) return;
  say_paused_ = group_.now() + kBetweenWords;
  group_.services().log(WEFT_LOG_WARNING, fmt::format("{} cannot accept connections for a moment: {}", local_.text(),
                                                      std::strerror(error)));
}

void Listener::offer(UniqueFd fd) {
  const std::string peer = NetAddress::peer_of(fd.get()).text();
  const std::string local = NetAddress::local_of(fd.get()).text();
  auto* pending = new Pending(std::move(fd), options_);
  weft_connect_info info{};
  info.size = sizeof info;
  info.peer = peer.c_str();
  info.local = local.c_str();
  group_.count_event();
  events_.on_connect(ctx_, reinterpret_cast<weft_pending*>(pending), &info);
}

void Listener::tell_end() {
  const weft_error error =
      plugin::make_error(error_, WEFT_ORIGIN_LOCAL, 0, error_ != 0 ? "listen" : "",
                         error_ != 0 ? fmt::format("accept on {} failed: {}", local_.text(), std::strerror(error_))
                                     : std::string("no longer listening"));
  group_.count_event();
  events_.on_closed(ctx_, &error);
  group_.bury(*this);
}

}  // namespace weft::tcp
