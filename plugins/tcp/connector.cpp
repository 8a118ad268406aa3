#include "connector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <sys/epoll.h>

#include "../common/arguments.hpp"
#include "connection.hpp"
#include "group.hpp"
#include "socket_setup.hpp"

namespace weft::tcp {

Connector::Connector(Group& group, Connection& connection, const weft_address& address, const Options& options,
                     std::uint64_t deadline_ns)
    : group_(group),
      connection_(connection),
      options_(options),
      deadline_ns_(deadline_ns),
      lookup_(group.services(), reinterpret_cast<weft_group*>(&group), *this, plugin::text_of(address.traddr),
              plugin::text_of(address.trsvcid)),
      source_traddr_(plugin::text_of(address.source_traddr)),
      source_interface_(plugin::text_of(address.source_interface)) {}

Connector::~Connector() { drop_attempt(); }

plugin::Made<void> Connector::begin() {
  const plugin::Made<void> begun = lookup_.begin();
  if (begun && !lookup_.pending()) group_.resume(connection_);
  return begun;
}

void Connector::looked_up() { group_.resume(connection_); }

void Connector::go_on() {
  if (lookup_.pending() || fd_) return;
  if (lookup_.addresses().empty()) {
    const plugin::Failure why = lookup_.failure();
    connection_.end({.code = why.code, .stage = "resolve", .text = why.text});
    return;
  }
  try_next();
}

// Ends in an attempt under way, a connection, or the end of the list.
void Connector::try_next() {
  while (next_ < lookup_.addresses().size()) {
    const plugin::NetAddress& address = lookup_.addresses()[next_++];
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

plugin::Made<bool> Connector::attempt(const plugin::NetAddress& address) {
  plugin::Made<plugin::UniqueFd> fd = open_stream(address.family());
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
  attempt_failed(lookup_.addresses()[next_ - 1], error);
  try_next();
}

bool Connector::on_deadline() {
  if (!fd_ || next_ == lookup_.addresses().size() || (deadline_ns_ != 0 && group_.now() >= deadline_ns_)) return false;
  attempt_failed(lookup_.addresses()[next_ - 1], ETIMEDOUT);
  try_next();
  return true;
}

std::string Connector::describe_timeout() const {
  if (lookup_.pending() || next_ == 0) return fmt::format("no answer for the name '{}' in time", lookup_.host());
  return fmt::format("no answer from {} in time", lookup_.addresses()[next_ - 1].text());
}

void Connector::attempt_failed(const plugin::NetAddress& address, int error) {
  drop_attempt();
  std::string text = fmt::format("cannot connect to {}: {}", address.text(), std::strerror(error));
  if (lookup_.addresses().size() > 1)
    text += fmt::format(" (address {} of {} of '{}')", next_, lookup_.addresses().size(), lookup_.host());
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
