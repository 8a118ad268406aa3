#include "core/reactor/transport_services.hpp"

#include <algorithm>
#include <cerrno>

#include "core/util/log.hpp"

namespace weft {

TransportServices::TransportServices(Clock clock) : clock_(clock) {
  table_.size = sizeof table_;
  table_.abi_minor = WEFT_ABI_MINOR;
  table_.ctx = this;
  table_.log = &log;
  table_.now_ns = &now_ns;
  table_.resolve = &resolve;
  table_.resolve_cancel = &resolve_cancel;
}

Result<weft_domain*> TransportServices::open_domain(Transport& transport, Clock clock) {
  const auto made = std::make_shared<TransportServices>(clock);
  return transport.domain(std::shared_ptr<const weft_services>(made, &made->table_));
}

Status check_usable(Transport& transport) {
  const Result<weft_domain*> opened = TransportServices::open_domain(transport);
  return opened ? Status() : Status(opened.error());
}

TransportServices* TransportServices::of(Transport& transport) {
  const std::shared_ptr<const weft_services> services = transport.services();
  if (!services || services->resolve != &resolve) return nullptr;
  return static_cast<TransportServices*>(services->ctx);
}

void TransportServices::attach(weft_group* group, Reactor& reactor) {
  const std::lock_guard lock(mutex_);
  reactors_[group] = &reactor;
}

void TransportServices::detach(weft_group* group) {
  const std::lock_guard lock(mutex_);
  reactors_.erase(group);
}

Reactor* TransportServices::reactor_of(weft_group* group) {
  const std::lock_guard lock(mutex_);
  const auto found = reactors_.find(group);
  return found == reactors_.end() ? nullptr : found->second;
}

void TransportServices::log(void* /*ctx*/, std::uint32_t level, const char* text) {
  const auto most = static_cast<std::uint32_t>(LogLevel::kDebug);
  log::print(static_cast<LogLevel>(std::min(level, most)), "{}", text != nullptr ? text : "");
}

std::uint64_t TransportServices::now_ns(void* ctx) { return static_cast<TransportServices*>(ctx)->clock_(); }

int TransportServices::resolve(void* ctx, weft_group* group, const char* host, const char* service, void* user,
                               void (*done)(void*, std::int32_t, const void*, std::uint32_t)) {
  Reactor* const reactor = static_cast<TransportServices*>(ctx)->reactor_of(group);
  if (reactor == nullptr || done == nullptr) return -EINVAL;
  reactor->resolve(host, service, user, done);
  return 0;
}

void TransportServices::resolve_cancel(void* ctx, weft_group* group, void* user) {
  Reactor* const reactor = static_cast<TransportServices*>(ctx)->reactor_of(group);
  if (reactor != nullptr) reactor->resolve_cancel(user);
}

}  // namespace weft
