#include "connector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../common/arguments.hpp"
#include "agree.hpp"
#include "connection.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "private_data.hpp"
#include "reasons.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kStaleTries = 8;
constexpr std::uint64_t kFirstSlice = 250 * plugin::kMillisecond;
constexpr std::uint64_t kStalePause = 10 * plugin::kMillisecond;  // doubled each time

int milliseconds(std::uint64_t time) {
  return static_cast<int>(std::max<std::uint64_t>(time / plugin::kMillisecond, 1));
}

Reason reason_of(const Failure& failure) {
  return {.code = failure.code,
          .origin = failure.origin,
          .detail = failure.detail,
          .stage = failure.stage.empty() ? "connect" : failure.stage.data(),
          .text = failure.text};
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

Made<void> Connector::begin() {
  if (!source_interface_.empty())
    return std::unexpected(Failure{
        .code = ENOTSUP,
        .text = fmt::format("this transport takes a source address, not an interface ('{}')", source_interface_),
        .stage = "connect"});
  if (!source_traddr_.empty()) {
    const auto source = plugin::parse_numeric(source_traddr_, "0");
    if (!source) return std::unexpected(source.error());
    if (!*source)
      return std::unexpected(Failure{.code = EINVAL,
                                     .text = fmt::format("the source address '{}' is not numeric", source_traddr_),
                                     .stage = "connect"});
    source_ = **source;
    if (source_->lacks_scope()) return std::unexpected(plugin::no_scope(*source_, "connect"));
  }
  const Made<void> begun = lookup_.begin();
  if (!begun) return begun;
  if (!lookup_.pending()) group_.resume(connection_);
  step(Step::kName, options_.connect_timeout);
  return {};
}

void Connector::looked_up() { group_.resume(connection_); }

void Connector::go_on() {
  if (lookup_.pending() || step_ != Step::kName) return;
  if (lookup_.addresses().empty()) {
    connection_.end(reason_of(lookup_.failure()));
    return;
  }
  left_ = lookup_.addresses().size();
  failed_.assign(left_, false);
  slice_ = kFirstSlice;
  try_next();
}

// Ends in an attempt under way, or when all addresses have failed.
void Connector::try_next() {
  while (left_ != 0) {
    if (next_ == lookup_.addresses().size()) {
      next_ = 0;
      slice_ *= 2;
    }
    ++next_;
    if (failed_[next_ - 1]) continue;
    stale_ = 0;
    slice_end_ = left_ > 1 ? group_.services().now() + slice_ : UINT64_MAX;
    const Made<void> started = start();
    if (started) return;
    failed_[next_ - 1] = true;
    --left_;
    // What the network said of one address tells more than that another is of a family that this source does not have.
    if (started.error().code != EAFNOSUPPORT || last_.code == 0) last_ = reason_of(started.error());
  }
  connection_.end(std::move(last_));
}

bool Connector::has_other() const { return left_ > 1; }

Made<void> Connector::start() {
  if (source_ && source_->family() != address().family())
    return std::unexpected(Failure{
        .code = EAFNOSUPPORT,
        .text = fmt::format("the source address {} is of another family than {}", source_traddr_, address().host()),
        .stage = "connect"});
  if (!source_ && address().lacks_scope()) return std::unexpected(plugin::no_scope(address(), "connect"));
  Made<std::unique_ptr<verbs::CmId>> id = group_.channel().make_id();
  if (!id) return std::unexpected(id.error());
  if (Made<void> tuned = (*id)->tune(options_.tuning()); !tuned) return tuned;
  const Made<void> asked = (*id)->resolve_address(source_ ? source_->raw() : nullptr, *address().raw(),
                                                  milliseconds(options_.resolve_timeout));
  if (!asked) return std::unexpected(name_devices(asked.error(), source_ ? source_->host() : route()));
  connection_.take_id(std::move(*id));
  // The device is asked for by the kernel, which has its own clock: ours is for when that stands still.
  step(Step::kDevice, 2 * options_.resolve_timeout);
  return {};
}

// Whoever has no device for it wants to know which ones there are.
Failure Connector::name_devices(const Failure& said, const std::string& wanted) const {
  if (said.code != ENODEV && said.code != EADDRNOTAVAIL) return said;
  return {.code = ENODEV, .text = no_device_has(group_.domain().library(), wanted), .stage = "resolve"};
}

std::string Connector::route() const { return "a route to " + address().host(); }

void Connector::step(Step step, std::uint64_t time) {
  step_ = step;
  const std::uint64_t own = group_.services().now() + time;
  const std::uint64_t due = step == Step::kName ? own : std::min(own, slice_end_);
  step_end_ = own;
  group_.set_deadline(connection_, deadline_ns_ == 0 ? due : std::min(due, deadline_ns_));
}

void Connector::settle(const Made<void>& done) {
  if (!done) attempt_failed(reason_of(done.error()));
}

void Connector::on_cm_event(verbs::CmEvent& event) {
  switch (event.type) {
    case RDMA_CM_EVENT_ADDR_RESOLVED:
      if (step_ != Step::kDevice) return;
      step(Step::kRoute, 2 * options_.resolve_timeout);
      if (const Made<void> asked = connection_.id().resolve_route(milliseconds(options_.resolve_timeout)); !asked)
        attempt_failed(reason_of(name_devices(asked.error(), route())));
      return;
    case RDMA_CM_EVENT_ROUTE_RESOLVED:
      if (step_ != Step::kRoute) return;
      step(Step::kAnswer, options_.connect_timeout);
      settle(ask());
      return;
    case RDMA_CM_EVENT_ESTABLISHED:
      if (step_ == Step::kAnswer) answered(event);
      return;
    case RDMA_CM_EVENT_REJECTED:
      rejected(event);
      return;
    default:
      failed_by(event);
  }
}

// Its id holds a device that leaves: when it has gone, the device is let go.
void Connector::failed_by(const verbs::CmEvent& event) {
  Group& group = group_;  // a last attempt takes the connector with it
  verbs::Device* const device = event.type == RDMA_CM_EVENT_DEVICE_REMOVAL ? connection_.id().device() : nullptr;
  attempt_failed(explain_event(event));
  if (device != nullptr) group.device_goes_away(*device);
}

Made<void> Connector::ask() {
  verbs::Device* const device = connection_.id().device();
  if (device == nullptr)
    return std::unexpected(Failure{.code = ENODEV, .text = "the RDMA device went away", .stage = "connect"});
  const Made<Agreed> agreed = agree_to_ask(connection_.params(), device->attributes());
  if (!agreed) return std::unexpected(agreed.error());
  if (Made<void> opened = connection_.open_pair(connection_.id(), *agreed); !opened) return opened;
  const RequestBytes request = write_request(request_for(connection_.params(), *agreed));
  return connection_.id().connect({.private_data = request,
                                   .reads_in = reads_to_answer(device->attributes(), options_),
                                   .reads_out = 0,
                                   .retries = options_.retries,
                                   .rnr_retries = 7});
}

void Connector::answered(const verbs::CmEvent& event) {
  const auto receives = read_reply(event.said());
  if (receives) {
    connection_.established(*receives);
  } else {
    attempt_failed({.code = EPROTO, .origin = WEFT_ORIGIN_PROTOCOL, .stage = "connect", .text = receives.error()});
  }
}

void Connector::rejected(const verbs::CmEvent& event) {
  last_ = explain_reject(event.status, event.said(), address().text());
  if (event.status != kRejectStaleConnection || stale_ == kStaleTries) {
    attempt_failed(std::move(last_));
    return;
  }
  connection_.drop_attempt();
  step(Step::kPause, kStalePause << stale_++);
}

void Connector::attempt_failed(Reason reason) {
  if (lookup_.addresses().size() > 1)
    reason.text += fmt::format(" (address {} of {} of '{}')", next_, lookup_.addresses().size(), lookup_.host());
  last_ = std::move(reason);
  failed_[next_ - 1] = true;
  --left_;
  connection_.drop_attempt();
  try_next();
}

bool Connector::on_deadline() {
  if (deadline_ns_ != 0 && group_.now() >= deadline_ns_) return false;
  if (step_ == Step::kName) return false;
  if (group_.now() < step_end_) {  // the end of its slice: it has another one in the next round
    connection_.drop_attempt();
    try_next();
    return true;
  }
  if (step_ == Step::kPause) {
    settle(start());
    return true;
  }
  if (!has_other()) return false;
  attempt_failed({.code = ETIMEDOUT, .origin = WEFT_ORIGIN_NETWORK, .stage = stage(), .text = describe_timeout()});
  return true;
}

const char* Connector::stage() const { return step_ == Step::kAnswer || step_ == Step::kPause ? "connect" : "resolve"; }

std::string Connector::describe_timeout() const {
  if (step_ == Step::kName) return fmt::format("no answer for the name '{}' in time", lookup_.host());
  if (step_ == Step::kPause) return last_.text;
  return fmt::format("no answer from {} in time", address().text());
}

Reason Connector::explain_event(const verbs::CmEvent& event) const {
  const int code = event.status < 0 ? -event.status : ENETUNREACH;
  const Reason reason{.code = code, .origin = WEFT_ORIGIN_NETWORK, .stage = stage(), .text = {}};
  const auto because = [&](const char* what) {
    Reason said = reason;
    said.text = fmt::format("{} {}: {}", what, address().text(), std::strerror(code));
    return said;
  };
  switch (event.type) {
    case RDMA_CM_EVENT_ADDR_ERROR:
      return because("no RDMA device reaches");
    case RDMA_CM_EVENT_ROUTE_ERROR:
      return because("no route leads to");
    case RDMA_CM_EVENT_DEVICE_REMOVAL:
      return because("the RDMA device went away while it connected to");
    default:
      return because("cannot connect to");
  }
}

}  // namespace weft::rdma
