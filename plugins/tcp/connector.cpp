#include "connector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../common/arguments.hpp"
#include "connection.hpp"
#include "group.hpp"
#include "handshake.hpp"
#include "socket_setup.hpp"

namespace weft::tcp {
namespace {

constexpr std::uint64_t kInterval = 250 * plugin::kMillisecond;
constexpr std::uint64_t kShortestInterval = 10 * plugin::kMillisecond;
constexpr char kShaking[] = "icreq";
constexpr std::size_t kMostText = 120;  // of addresses in one sentence

// Why there is nothing to read from a socket that is ready; 0: there is something.
int silence_of(int fd) {
  std::byte first{};
  const ssize_t got = ::recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0) return ECONNRESET;
  return got < 0 ? errno : 0;
}

}  // namespace

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

Connector::~Connector() {
  for (Attempt& attempt : attempts_) drop(attempt);
}

plugin::Made<void> Connector::begin() {
  const plugin::Made<void> begun = lookup_.begin();
  if (begun && !lookup_.pending()) group_.resume(connection_);
  return begun;
}

void Connector::looked_up() { group_.resume(connection_); }

void Connector::go_on() {
  if (lookup_.pending() || next_ != 0) return;
  if (lookup_.addresses().empty()) {
    const plugin::Failure why = lookup_.failure();
    connection_.end({.code = why.code, .stage = "resolve", .text = why.text});
    return;
  }
  interval_ = interval();
  advance();
}

// Short enough for every address to start before the deadline.
std::uint64_t Connector::interval() const {
  if (deadline_ns_ == 0) return kInterval;
  const std::uint64_t left = deadline_ns_ > group_.now() ? deadline_ns_ - group_.now() : 0;
  return std::clamp(left / (lookup_.addresses().size() + 1), kShortestInterval, kInterval);
}

void Connector::advance() {
  while (next_ < lookup_.addresses().size() && (attempts_.empty() || group_.now() >= next_start_)) {
    const plugin::Made<void> started = start(next_++);
    if (!started) {
      fail_to_start(started.error());
      continue;
    }
    next_start_ = group_.now() + interval_;
  }
  if (!attempts_.empty()) return set_timer();
  const char* const at = last_.stage == kShaking ? kShaking : "connect";
  connection_.end({.code = last_.code, .origin = last_.origin, .stage = at, .text = last_.text});
}

// A socket that connects at once becomes writable like any other.
plugin::Made<void> Connector::start(std::size_t index) {
  const plugin::NetAddress& address = lookup_.addresses()[index];
  plugin::Made<plugin::UniqueFd> fd = open_stream(address.family());
  if (!fd) return std::unexpected(fd.error());
  const plugin::Made<void> prepared = prepare_socket(fd->get(), options_);
  if (!prepared) return std::unexpected(prepared.error());
  group_.say_changed_buffers(fd->get(), options_);
  const plugin::Made<void> bound =
      bind_source(fd->get(), address.family(), source_traddr_.c_str(), source_interface_.c_str());
  if (!bound) return std::unexpected(bound.error());
  tune_connected(fd->get(), options_);
  // Interrupted, it goes on by itself, as EINPROGRESS does.
  if (::connect(fd->get(), address.raw(), address.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    const int error = errno;
    if (error == EINVAL && address.lacks_scope()) return std::unexpected(plugin::no_scope(address, "connect"));
    return std::unexpected(plugin::Failure{
        .code = error,
        .text = fmt::format("cannot connect to {}: {}{}", address.text(), std::strerror(error), place(index)),
        .stage = "connect",
        .origin = WEFT_ORIGIN_NETWORK});
  }
  attempts_.push_back({index, std::move(*fd), group_.now() + options_.connect_timeout});
  group_.watch(connection_, attempts_.back().fd.get(), 0, EPOLLOUT);
  return {};
}

std::uint32_t Connector::waits_for(const Attempt& attempt) { return attempt.asked ? EPOLLIN : EPOLLOUT; }

// All descriptors are reported as events of the connection: which of them is meant is asked here.
void Connector::on_ready() {
  for (std::size_t i = 0; i < attempts_.size();) {
    pollfd ready{attempts_[i].fd.get(), static_cast<short>(attempts_[i].asked ? POLLIN : POLLOUT), 0};
    if (::poll(&ready, 1, 0) <= 0) {
      ++i;
    } else if (!attempts_[i].asked) {
      if (const int error = ask(attempts_[i]); error != 0) fail(i, error);
    } else {
      // What the last one said, if only that it closed, is for the connection to judge.
      const int error = is_last(i) ? 0 : silence_of(attempts_[i].fd.get());
      if (error == 0) return succeed(i);
      fail(i, error);
    }
  }
  advance();
}

// Connected: it is asked to shake hands. A socket that is new has room for that.
int Connector::ask(Attempt& attempt) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return error;
  std::array<std::byte, kMaxHeaderSize> pdu{};
  const std::uint32_t size = write_ic_req(HeaderBuffer(pdu), options_.host_offer());
  const ssize_t sent = ::send(attempt.fd.get(), pdu.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(size)) return sent < 0 ? errno : EIO;
  group_.watch(connection_, attempt.fd.get(), EPOLLOUT, EPOLLIN);
  attempt.asked = true;
  attempt.expires = group_.now() + options_.handshake_timeout;
  return 0;
}

bool Connector::on_deadline() {
  if (lookup_.pending() || next_ == 0 || (deadline_ns_ != 0 && group_.now() >= deadline_ns_)) return false;
  for (std::size_t i = 0; i < attempts_.size();) {
    if (group_.now() < attempts_[i].expires) {
      ++i;
    } else if (is_last(i)) {
      return false;
    } else {
      fail(i, ETIMEDOUT);
    }
  }
  advance();
  return true;
}

void Connector::set_timer() {
  std::uint64_t due = next_ < lookup_.addresses().size() ? next_start_ : UINT64_MAX;
  for (const Attempt& attempt : attempts_) due = std::min(due, attempt.expires);
  group_.set_deadline(connection_, deadline_ns_ == 0 ? due : std::min(due, deadline_ns_));
}

const char* Connector::stage() const {
  if (lookup_.pending()) return "resolve";
  return std::ranges::any_of(attempts_, &Attempt::asked) ? kShaking : "connect";
}

std::string Connector::describe_timeout() const {
  if (lookup_.pending() || next_ == 0) return fmt::format("no answer for the name '{}' in time", lookup_.host());
  std::string text;
  for (const Attempt& attempt : attempts_) {
    if (text.size() > kMostText) return "no answer from " + text + ", ... in time";
    text += (text.empty() ? "" : ", ") + lookup_.addresses()[attempt.address].text();
  }
  const bool connected = std::ranges::all_of(attempts_, &Attempt::asked);
  text = fmt::format("no {} from {} in time", connected ? "ICResp" : "answer", text);
  return last_.text.empty() ? text : text + "; " + last_.text;
}

std::string Connector::place(std::size_t address) const {
  if (lookup_.addresses().size() < 2) return {};
  return fmt::format(" (address {} of {} of '{}')", address + 1, lookup_.addresses().size(), lookup_.host());
}

// The next address is due at once.
void Connector::fail(std::size_t index, int error) {
  Attempt& attempt = attempts_[index];
  const std::string where = lookup_.addresses()[attempt.address].text() + place(attempt.address);
  const std::string text = !attempt.asked       ? fmt::format("cannot connect to {}: {}", where, std::strerror(error))
                           : error == ETIMEDOUT ? fmt::format("no ICResp from {} in time", where)
                                                : fmt::format("{} closed the connection during the handshake", where);
  last_ = {.code = error, .text = text, .stage = attempt.asked ? kShaking : "connect", .origin = WEFT_ORIGIN_NETWORK};
  drop(attempt);
  attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(index));
  next_start_ = group_.now();
}

// What the network said of one address tells more than that another is of a family that this source does not have.
void Connector::fail_to_start(const plugin::Failure& why) {
  if (why.code != EAFNOSUPPORT || last_.text.empty()) last_ = why;
}

void Connector::succeed(std::size_t index) {
  Attempt chosen = std::move(attempts_[index]);
  group_.watch(connection_, chosen.fd.get(), EPOLLIN, 0);
  attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(index));
  for (Attempt& other : attempts_) drop(other);
  attempts_.clear();
  connection_.start_asked(std::make_unique<KernelSocket>(std::move(chosen.fd)));
}

void Connector::drop(Attempt& attempt) {
  group_.watch(connection_, attempt.fd.get(), waits_for(attempt), 0);
  attempt.fd.reset();
}

}  // namespace weft::tcp
