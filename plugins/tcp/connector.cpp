#include "connector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <sys/epoll.h>

#include "connection.hpp"
#include "group.hpp"

namespace weft::tcp {

namespace {

std::string text_of(const char* given) { return given != nullptr ? given : ""; }

}  // namespace

Connector::Connector(Group& group, Connection& connection, const weft_address& address, const Options& options,
                     std::uint64_t deadline_ns)
    : group_(group),
      connection_(connection),
      options_(options),
      deadline_ns_(deadline_ns),
      host_(text_of(address.traddr)),
      service_(text_of(address.trsvcid)),
      source_traddr_(text_of(address.source_traddr)),
      source_interface_(text_of(address.source_interface)) {}

Connector::~Connector() {
  drop_attempt();
  if (resolving_ && group_.services().raw().resolve_cancel != nullptr)
    group_.services().raw().resolve_cancel(group_.services().raw().ctx, reinterpret_cast<weft_group*>(&group_), this);
}

plugin::Made<void> Connector::begin() {
  if (host_.empty()) return std::unexpected(plugin::Failure{.code = EINVAL, .text = "the address names no host"});
  const auto numeric = parse_numeric(host_, service_);
  if (!numeric) return std::unexpected(numeric.error());
  if (*numeric) {
    addresses_.push_back(**numeric);
    group_.resume(connection_);
    return {};
  }
  const auto port = parse_port(service_);
  if (!port) return std::unexpected(port.error());
  const weft_services& services = group_.services().raw();
  if (services.resolve == nullptr)
    return std::unexpected(
        plugin::Failure{.code = ENOTSUP,
                        .text = fmt::format("'{}' is no numeric address and nobody resolves names", host_),
                        .stage = "resolve"});
  resolving_ = true;
  const int rc = services.resolve(services.ctx, reinterpret_cast<weft_group*>(&group_), host_.c_str(), service_.c_str(),
                                  this, &Connector::resolved);
  if (rc == 0) return {};
  resolving_ = false;
  return std::unexpected(plugin::Failure{
      .code = -rc, .text = fmt::format("cannot resolve '{}': {}", host_, std::strerror(-rc)), .stage = "resolve"});
}

void Connector::resolved(void* self, std::int32_t error, const void* addresses, std::uint32_t length) {
  auto& connector = *static_cast<Connector*>(self);
  connector.resolving_ = false;
  connector.resolve_error_ = error;
  const auto* bytes = static_cast<const std::byte*>(addresses);
  while (error == 0 && length != 0) {
    NetAddress address;
    const std::uint32_t used = NetAddress::from_bytes(bytes, length, address);
    if (used == 0) break;
    connector.addresses_.push_back(address);
    bytes += used;
    length -= used;
  }
  connector.group_.resume(connector.connection_);
}

void Connector::go_on() {
  if (resolving_ || fd_) return;
  if (addresses_.empty()) {
    const int error = resolve_error_ != 0 ? -resolve_error_ : ENOENT;
    const std::string why = error == ENOENT   ? "no address is known for it"
                            : error == EAGAIN ? "names cannot be looked up now, the name server does not answer"
                                              : std::strerror(error);
    connection_.end({.code = error, .stage = "resolve", .text = fmt::format("cannot resolve '{}': {}", host_, why)});
    return;
  }
  try_next();
}

// Ends in an attempt under way, a connection, or the end of the list.
void Connector::try_next() {
  while (next_ < addresses_.size()) {
    const NetAddress& address = addresses_[next_++];
    const plugin::Made<bool> started = attempt(address);
    if (!started) {
      last_ = started.error();
      continue;
    }
    if (*started) {
      succeed();
      return;
    }
    const std::uint64_t own = group_.now() + options_.connect_timeout;
    group_.set_deadline(connection_, deadline_ns_ == 0 ? own : std::min(own, deadline_ns_));
    return;
  }
  connection_.end({.code = last_.code, .origin = last_.origin, .stage = "connect", .text = last_.text});
}

plugin::Made<bool> Connector::attempt(const NetAddress& address) {
  plugin::Made<UniqueFd> fd = open_stream(address.family());
  if (!fd) return std::unexpected(fd.error());
  const plugin::Made<void> prepared = prepare_socket(fd->get(), options_);
  if (!prepared) return std::unexpected(prepared.error());
  const plugin::Made<void> bound =
      bind_source(fd->get(), address.family(), source_traddr_.c_str(), source_interface_.c_str());
  if (!bound) return std::unexpected(bound.error());
  tune_connected(fd->get(), options_);
  fd_ = std::move(*fd);
  if (::connect(fd_.get(), address.raw(), address.length) == 0) return true;
  // Interrupted, it goes on by itself, as EINPROGRESS does.
  if (errno == EINPROGRESS || errno == EINTR) {
    group_.watch(connection_, fd_.get(), 0, EPOLLOUT);
    watched_ = true;
    return false;
  }
  attempt_failed(address, errno);
  return std::unexpected(last_);
}

void Connector::on_writable() {
  if (!fd_) return;
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error == 0) {
    succeed();
    return;
  }
  attempt_failed(addresses_[next_ - 1], error);
  try_next();
}

bool Connector::on_deadline() {
  if (!fd_ || next_ == addresses_.size() || (deadline_ns_ != 0 && group_.now() >= deadline_ns_)) return false;
  attempt_failed(addresses_[next_ - 1], ETIMEDOUT);
  try_next();
  return true;
}

std::string Connector::describe_timeout() const {
  if (resolving_ || next_ == 0) return fmt::format("no answer for the name '{}' in time", host_);
  return fmt::format("no answer from {} in time", addresses_[next_ - 1].text());
}

void Connector::attempt_failed(const NetAddress& address, int error) {
  drop_attempt();
  std::string text = fmt::format("cannot connect to {}: {}", address.text(), std::strerror(error));
  if (addresses_.size() > 1) text += fmt::format(" (address {} of {} of '{}')", next_, addresses_.size(), host_);
  last_ = {.code = error, .text = std::move(text), .stage = "connect", .origin = WEFT_ORIGIN_NETWORK};
}

void Connector::succeed() {
  if (watched_) group_.watch(connection_, fd_.get(), EPOLLOUT, 0);
  watched_ = false;
  connection_.start(std::make_unique<KernelSocket>(std::move(fd_)));
}

void Connector::drop_attempt() {
  if (watched_) group_.watch(connection_, fd_.get(), EPOLLOUT, 0);
  watched_ = false;
  fd_.reset();
}

}  // namespace weft::tcp
