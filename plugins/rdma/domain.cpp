#include "domain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "group.hpp"
#include "reasons.hpp"

namespace weft::rdma {

using plugin::Made;

Made<std::unique_ptr<Domain>> Domain::open(const weft_services& services, std::span<const weft_option> given) {
  const Made<Options> options = Options::parse_domain(given);
  if (!options) return std::unexpected(options.error());
  Made<std::unique_ptr<verbs::Library>> library = verbs::open_library(options->windows);
  if (!library) return std::unexpected(library.error());
  return std::make_unique<Domain>(services, *options, std::move(*library));
}

Domain::~Domain() = default;

Made<std::unique_ptr<Group>> Domain::open_group() { return Group::open(*this); }

Made<Region*> Domain::register_region(void* base, std::uint64_t length, std::uint32_t access) {
  std::vector<verbs::Device*> devices = library_->devices();
  std::erase_if(devices, [this](verbs::Device* device) { return !entered(*device); });  // until its region is known
  const Made<Region*> region = Region::make(devices, base, length, access, options_.windows != WindowUse::kOff);
  if (region) regions_.add(**region);
  for (verbs::Device* device : devices) left(*device);
  return region;
}

Domain::Use& Domain::use_of(verbs::Device& device) {
  for (Use& use : uses_)
    if (use.device == &device) return use;
  return uses_.emplace_back(&device);
}

bool Domain::entered(verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  Use& use = use_of(device);
  if (use.leaving) return false;
  ++use.groups;
  return true;
}

void Domain::left(verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  Use& use = use_of(device);
  --use.groups;
  let_go_if_unused(use);
}

void Domain::goes_away(verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  Use& use = use_of(device);
  if (!use.leaving) use.was_used = use.groups != 0;
  use.leaving = true;
  let_go_if_unused(use);
}

void Domain::invalidate_failed(verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  use_of(device).may_invalidate = false;
}

bool Domain::may_invalidate(verbs::Device& device) {
  const std::lock_guard lock(mutex_);
  return use_of(device).may_invalidate;
}

void Domain::listen(DeviceEvents& events) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(&events);
}

void Domain::unlisten(DeviceEvents& events) {
  const std::lock_guard lock(mutex_);
  std::erase(listeners_, &events);
}

void Domain::read_events(verbs::Device& device) {
  constexpr std::size_t kMost = 64;  // of one look
  std::vector<verbs::AsyncEvent> read;
  {
    const std::lock_guard lock(mutex_);
    verbs::AsyncEvent event;
    while (read.size() < kMost && device.next_event(event)) {
      read.push_back(event);
      ++events_read_;
      for (DeviceEvents* events : listeners_) events->add({.device = &device, .told = event, .number = events_read_});
    }
  }
  for (const verbs::AsyncEvent& event : read) log_event(device, event);
}

std::uint64_t Domain::events_read() {
  const std::lock_guard lock(mutex_);
  return events_read_;
}

// Ports that go and come are people's business: connections outlive that, or their retries end them.
void Domain::log_event(const verbs::Device& device, const verbs::AsyncEvent& event) const {
  const bool fatal = event.type == IBV_EVENT_DEVICE_FATAL || event.type == IBV_EVENT_CQ_ERR;
  const bool warns = fatal || event.type == IBV_EVENT_PORT_ERR || event.type == IBV_EVENT_SRQ_ERR;
  const bool informs = event.type == IBV_EVENT_PORT_ACTIVE || event.type == IBV_EVENT_GID_CHANGE;
  const std::string port = event.port != 0 ? fmt::format(" port {}", event.port) : "";
  services_.log(warns     ? WEFT_LOG_WARNING
                : informs ? WEFT_LOG_INFO
                          : WEFT_LOG_DEBUG,
                fmt::format("the RDMA device {}{}: {}", device.attributes().name, port, explain_event(event.type)));
}

void Domain::let_go_if_unused(Use& use) {
  if (!use.leaving || use.groups != 0) return;
  if (!std::exchange(use.let_go, true))
    services_.log(use.was_used ? WEFT_LOG_WARNING : WEFT_LOG_DEBUG,
                  fmt::format("the RDMA device {} went away", use.device->attributes().name));
  regions_.drop(*use.device);
  library_->forget(*use.device);  // again when an id that was left on it has gone: it held the device open
}

std::string no_device_has(verbs::Library& library, const std::string& address) {
  std::string text = fmt::format("no RDMA device has {}", address);
  const char* separator = "; devices: ";
  for (const verbs::DeviceAddress& device : library.addresses()) {
    text += separator + device.device;
    text += device.addresses.empty() ? " without an address" : fmt::format(" {}", fmt::join(device.addresses, " "));
    separator = ", ";
  }
  return text;
}

}  // namespace weft::rdma
