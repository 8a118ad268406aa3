// From an address to an association whose queues are connected.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/host/impl.hpp"
#include "core/util/log.hpp"
#include "core/wire/doubtful_nqn.hpp"
#include "core/wire/host_identity.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/sqe.hpp"
#include "core/wire/text_field.hpp"

namespace weft {
namespace {

constexpr std::string_view kStage = "Connect command";

// The field that Connect Invalid Parameters points at.
std::string_view field_words(fabrics::InvalidParameter at) {
  using namespace fabrics::invalid_parameter;
  if (at == kQid) return "the queue identifier";
  if (at == kSqsize) return "the queue size";
  if (at == kCattr) return "the connect attributes";
  if (at == kKato) return "the keep-alive time-out";
  if (at == kHostid) return "the host identifier";
  if (at == kCntlid) return "the controller identifier";
  if (at == kSubnqn) return "the subsystem NQN";
  if (at == kHostnqn) return "the host NQN";
  return {};
}

std::string refusal_words(const Completion& completion) {
  std::string words = completion.status.describe(true);
  if (completion.status.code() != fabrics::status::kConnectInvalidParameters.code()) return words;
  const auto at = fabrics::InvalidParameter::decode(static_cast<std::uint32_t>(completion.result));
  const std::string_view field = field_words(at);
  return field.empty() ? fmt::format("{}: byte {} of the {}", words, at.offset, at.in_data ? "Connect data" : "command")
                       : fmt::format("{}: {}", words, field);
}

}  // namespace

Detached Host::Impl::run_connect(std::shared_ptr<Impl> self, TransportRegistry& registry, Address address,
                                 Connected done) {
  // `done` comes from a later turn, whatever happens here.
  Pause next_turn(*self);
  co_await next_turn;
  Status status = self->choose_target(registry, std::move(address));
  if (status) status = co_await self->connect_admin();
  if (status) status = co_await self->enable();
  if (status) status = co_await self->identify_controller();
  if (status) self->start_keep_alive();
  if (status && self->wants_io_queues()) status = co_await self->ask_for_queues();
  if (status && self->wants_io_queues()) status = co_await self->connect_io_queues();
  if (status && self->lost_.code != 0) status = self->at("connect", self->lost_.text, self->lost_.code);
  if (!status) {
    Error error = std::move(status).error();
    if (self->lost_.code != 0) error = self->because_of_loss(std::move(error));
    self->state_ = State::kClosing;
    self->close_queues();
    co_await self->all_closed();
    self->ended();
    Pause last_turn(*self);  // not from inside a queue's last event
    co_await last_turn;
    self->state_ = State::kClosed;
    done(self->with_reason_of_queues(std::move(error)));
    co_return;
  }
  self->state_ = State::kReady;
  run_async_events(self);
  done(std::unique_ptr<Host>(new Host(self)));
}

// The step failed because of that. A command that was not answered is named once.
Error Host::Impl::because_of_loss(Error error) const {
  if (lost_.code == ETIMEDOUT && error.text.find(lost_.text) == std::string::npos) error = at(error.stage, lost_.text);
  error.code = lost_.code;
  return error;
}

// The transport's words, or why we gave up, tell more than "Connection reset by peer".
Error Host::Impl::with_reason_of_queues(Error error) const {
  const auto add = [&error](const Error& reason) {
    if (reason.code == 0 || reason.text.empty() || error.text.find(reason.text) != std::string::npos) return false;
    error.text += ": " + reason.text;
    return true;
  };
  if (admin_ != nullptr && add(admin_->reason())) return error;
  for (const auto& queue : io_) {
    if (add(queue->reason())) return error;
  }
  add(lost_);
  return error;
}

Status Host::Impl::choose_target(TransportRegistry& registry, Address address) {
  const wire::HostIdentity& mine = wire::this_host();
  hostnqn_ = options_.hostnqn.empty() ? mine.hostnqn : options_.hostnqn;
  hostid_ = mine.hostid;
  if (!options_.hostid.empty()) {
    auto id = wire::parse_hostid(options_.hostid);
    if (!id) return std::move(id).error();
    hostid_ = *id;
  } else if (!options_.hostnqn.empty()) {
    auto named = wire::uuid_of_nqn(options_.hostnqn);
    hostid_ = named ? *named : wire::derive_uuid("host", options_.hostnqn);
  }
  if (Status s = wire::nqn_valid(hostnqn_, "the host NQN"); !s) return s;
  auto transport = registry.find(address, WEFT_ROLE_HOST);
  if (!transport) return std::move(transport).error();
  transport_ = *transport;
  if (Status s = check_transport_options(address, transport_->options(), host_option_keys()); !s) return s;
  if (transport_->splits_service() && !address.fd) {
    const char* const discovery = transport_->table().discovery_trsvcid;
    Status split = address.split_service(transport_->table().default_trsvcid,
                                         discovery != nullptr ? discovery : std::string_view());
    if (!split) return split;
  }
  subnqn_ = address.subnqn.empty() ? fabrics::kDiscoveryNqn : address.subnqn;
  if (Status s = wire::nqn_valid(subnqn_, "the subsystem NQN"); !s) return s;
  wire::warn_of_doubtful_nqn(hostnqn_, "the host NQN");
  wire::warn_of_doubtful_nqn(subnqn_, "the subsystem NQN");
  discovery_ = wire::is_discovery_nqn(subnqn_);
  if (address.fd && wants_io_queues())
    return Error(EINVAL, fmt::format("[fd={}] is one connection, but reading and writing needs one for each queue: an "
                                     "address, or options().queues = 0",
                                     *address.fd));
  address_ = std::move(address);
  return {};
}

Task<Status> Host::Impl::connect_admin() {
  HostQueuePairParams params;
  params.depth = std::max<std::uint32_t>(options_.admin_qsize, fabrics::kMinAdminQueueSize);
  say_clamped("admin_qsize", options_.admin_qsize, params.depth, "an admin queue has no fewer");
  params.hostnqn = hostnqn_;
  params.subnqn = subnqn_;
  params.source_traddr = options_.host_traddr;
  params.source_interface = options_.host_iface;
  params.connect_deadline = reactor_.now() + timeout();
  admin_ = std::make_unique<HostQueue>(reactor_, *this, std::uint16_t{0});
  reached_ = address_;
  co_return co_await connect_queue(*admin_, std::move(params));
}

// A name may have addresses of several controllers, and another one at each look-up.
void Host::Impl::pin_address() {
  if (!transport_->splits_service() || address_.fd) return;
  const weft_qpair_info info = admin_->info();
  if (info.peer[0] == '\0' || info.peer_trsvcid[0] == '\0') return;
  reached_.traddr = info.peer;
  reached_.trsvcid = info.peer_trsvcid;
}

// For values that were asked for; a controller's bound below a default is no surprise.
void Host::Impl::say_clamped(std::string_view option, std::uint64_t wanted, std::uint64_t taken, std::string_view why,
                             std::string_view unit) const {
  if (wanted == taken || state_ != State::kConnecting) return;
  log::info("{}: {}={}{} becomes {}{}: {}", wire::printable(target_words()), option, wanted, unit, taken, unit, why);
}

Task<Status> Host::Impl::connect_io_queues() {
  HostQueuePairParams params;
  std::uint32_t entries = std::min(options_.qsize, cap_.mqes() + 1);
  if (identity_.maxcmd != 0) entries = std::min<std::uint32_t>(entries, identity_.maxcmd);
  params.depth = std::max(entries, 2U);
  if (options_.qsize != HostOptions().qsize)
    say_clamped("qsize", options_.qsize, params.depth, "the controller's queues have no more entries");
  params.admin = false;
  params.cntlid = cntlid_;
  params.hostnqn = hostnqn_;
  params.subnqn = subnqn_;
  params.source_traddr = options_.host_traddr;
  params.source_interface = options_.host_iface;
  params.in_capsule = identity_.ioccsz * 16U - std::uint32_t{sizeof(nvme::Sqe)};
  params.max_descriptors = identity_.msdbd == 0 ? std::uint16_t{1} : std::uint16_t{identity_.msdbd};
  if (io_.empty()) {
    for (std::uint32_t i = 1; i <= granted_; ++i)
      io_.push_back(std::make_unique<HostQueue>(reactor_, *this, static_cast<std::uint16_t>(i)));
  }
  for (auto& queue : io_) {
    params.qid = queue->qid();
    params.connect_deadline = reactor_.now() + timeout();
    Status status = co_await connect_queue(*queue, params);
    if (!status) {
      Error error = std::move(status).error().with_context(fmt::format("I/O queue {}", queue->qid()));
      co_return error;
    }
  }
  for (auto& queue : io_) {  // the first may have gone while the last was connected
    if (queue->usable()) continue;
    co_return at("connect", fmt::format("I/O queue {} was closed: {}", queue->qid(), queue->reason().text), ECONNRESET);
  }
  co_return Status();
}

Task<Status> Host::Impl::connect_queue(HostQueue& queue, HostQueuePairParams params) {
  if (!alive() || lost_.code != 0) co_return at("connect", "the association ended meanwhile", ECANCELED);
  Status opened = queue.open(*transport_, reached_, params);
  if (!opened) {
    Error error = std::move(opened).error();
    if (error.stage.empty()) error.stage = "connect";
    co_return std::move(error).with_context(target_words());
  }
  self_ = shared_from_this();
  Status ready = co_await queue.ready();
  if (!ready) {
    Error error = std::move(ready).error();
    if (error.stage.empty()) error.stage = "connect";
    co_return std::move(error).with_context(target_words());
  }
  if (params.admin) pin_address();
  co_return co_await send_connect(queue, params.depth);
}

Task<Status> Host::Impl::send_connect(HostQueue& queue, std::uint32_t entries) {
  wire::ConnectFields fields;
  fields.qid = queue.qid();
  fields.entries = entries;
  fields.disable_sq_flow_control = !options_.sq_flow_control;
  if (queue.qid() == 0) fields.kato_ms = static_cast<std::uint32_t>(options_.kato.count());
  auto data = wire::connect_data(hostid_, queue.qid() == 0 ? fabrics::kCntlidAny : cntlid_, subnqn_, hostnqn_);
  if (!data) co_return std::move(data).error();
  weft_iov iov{&*data, sizeof *data, nullptr};
  Call call([this, &queue](PassthroughRequest& request) {
    request.completion.error = queue.send(request, timeout());
    return request.completion.error == 0;
  });
  call.sqe = wire::connect(fields);
  call.direction = DataDirection::kOut;
  call.iov = &iov;
  call.iov_count = 1;
  co_await call;
  co_return judge_connect(queue, entries, call.completion);
}

// In this order: how it ended, CID (the queue pair's), SQHD against what was asked, authentication.
Status Host::Impl::judge_connect(HostQueue& queue, std::uint32_t entries, const Completion& completion) {
  if (completion.error == -ETIMEDOUT) return at(kStage, "no answer in time", ETIMEDOUT);
  if (completion.error != 0) return at(kStage, "not answered: " + outcome_words(completion), -completion.error);
  if (!completion.status.ok()) {
    return at(kStage, "refused: " + refusal_words(completion),
              completion.status.do_not_retry() ? EACCES : ECONNREFUSED);
  }
  const std::uint16_t sqhd = completion.sqhd;
  if (!completion.sqhd_valid) return at(kStage, "the answer carries no SQ head", EPROTO);
  if (sqhd == fabrics::kSqhdFlowControlDisabled && options_.sq_flow_control) {
    return at(kStage, "the controller turned SQ flow control off, which was not asked for", EPROTO);
  }
  if (options_.sq_flow_control && sqhd >= entries) {
    return at(kStage, fmt::format("the answer names entry {} as the head of a queue of {}", sqhd, entries), EPROTO);
  }
  const auto result = fabrics::ConnectResult::decode(static_cast<std::uint32_t>(completion.result));
  if (result.authentication_required || result.secure_channel_required) {
    return at(kStage, "the controller wants the host to authenticate, which this host cannot do", EACCES);
  }
  if (queue.qid() == 0) {
    if (result.cntlid > fabrics::kCntlidMax)
      return at(kStage, fmt::format("the controller gave itself the impossible identifier {:04x}h", result.cntlid),
                EPROTO);
    cntlid_ = result.cntlid;
  }
  queue.connected(sqhd, options_.sq_flow_control, max_transfer_);
  return {};
}

}  // namespace weft
