// The control path of a host's queue pair: opening, flow control's start, closing. host_qpair_datapath.cpp has the rest.
#include "core/qpair/host_qpair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/plugin/transport_address.hpp"
#include "core/qpair/boundary.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kMaxCids = 0xffff;         // FFFFh is no command identifier
constexpr Nanoseconds kCloseWait = 1'000'000'000;  // for the transport's farewell; the commands end before

}  // namespace

const weft_qpair_events HostQueuePairImpl::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &HostQueuePairImpl::on_ready,
    .on_command = nullptr,
    .on_response = &HostQueuePairImpl::on_response,
    .on_data = nullptr,
    .on_closed = &HostQueuePairImpl::on_closed,
};

Result<std::unique_ptr<HostQueuePair>> HostQueuePair::open(Reactor& reactor, Transport& transport,
                                                           const Address& address, const HostQueuePairParams& params,
                                                           Events& events) {
  if (!transport.has_role(WEFT_ROLE_HOST)) {
    return Error(ENOTSUP, fmt::format("transport '{}' has no host role", transport.name()));
  }
  if (Status entries = check_entries(params.depth); !entries) return entries.error();
  const Result<weft_group*> group = reactor.group(transport);
  if (!group) return group.error();
  auto qpair = std::make_unique<HostQueuePairImpl>(reactor, transport, params, events);
  if (Status connected = qpair->connect(transport, address, *group, params); !connected) return connected.error();
  return qpair;
}

HostQueuePairImpl::HostQueuePairImpl(Reactor& reactor, Transport& transport, const HostQueuePairParams& params,
                                     Events& events)
    : reactor_(reactor),
      table_(transport.table()),
      send_command_(table_.send_command),
      events_(events),
      qid_(params.qid),
      queue_(params.depth, std::min(params.depth, kMaxCids)),
      slots_(std::min(params.depth, kMaxCids)),
      deadlines_(reactor, slots_.size(), &HostQueuePairImpl::deadline_passed, this) {}

HostQueuePairImpl::~HostQueuePairImpl() { assert(handle_ == nullptr && "destroyed before on_closed"); }

Status HostQueuePairImpl::connect(const Transport& transport, const Address& address, weft_group* group,
                                  const HostQueuePairParams& params) {
  TransportAddress target;
  if (Status set = target.set(address, transport); !set) return set;
  target.set_source(params.source_traddr, params.source_interface);
  weft_qpair_params wanted{};
  wanted.size = sizeof wanted;
  wanted.flags = params.admin ? WEFT_QP_ADMIN : 0u;
  wanted.depth = params.depth;
  wanted.qid = params.qid;
  wanted.cntlid = params.cntlid;
  wanted.in_capsule = params.in_capsule;
  wanted.max_descriptors = params.max_descriptors;
  wanted.deadline_ns = params.connect_deadline;
  wanted.hostnqn = params.hostnqn.c_str();
  wanted.subnqn = params.subnqn.c_str();
  weft_error error = empty_error();
  const int rc = table_.connect(group, target.get(), &wanted, &kEvents, this, &handle_, &error);
  if (rc == 0) return {};
  handle_ = nullptr;
  return to_error(rc, error, fmt::format("transport '{}' does not connect", transport.name()));
}

void HostQueuePairImpl::start_flow_control(std::uint16_t sqhd, bool wanted) {
  if (queue_.start(sqhd, wanted)) return;
  protocol_error(fmt::format("the Connect response has SQHD {} on a queue of {} entries", sqhd, queue_.size()));
}

void HostQueuePairImpl::close() {
  if (state_ == State::kClosing || state_ == State::kClosed) return;
  state_ = State::kClosing;
  deadlines_.stop();
  table_.close(handle_, 0, reactor_.clock_now() + kCloseWait);
}

weft_qpair_info HostQueuePairImpl::info() const {
  weft_qpair_info info{};
  info.size = sizeof info;
  if (handle_ != nullptr) table_.qpair_info(handle_, &info);
  return info;
}

void HostQueuePairImpl::on_ready(void* ctx, const weft_limits* limits) {
  auto* const self = static_cast<HostQueuePairImpl*>(ctx);
  if (self->state_ != State::kConnecting) return;
  self->state_ = State::kOpen;
  self->limits_ = known_part(limits);
  self->events_.on_ready(self->limits_);
}

void HostQueuePairImpl::on_closed(void* ctx, const weft_error* error) {
  static_cast<HostQueuePairImpl*>(ctx)->closed(error);
}

void HostQueuePairImpl::closed(const weft_error* error) {
  state_ = State::kClosed;
  handle_ = nullptr;
  deadlines_.stop();
  const Error reason =
      reason_.code != 0 ? reason_ : closing_error(error, fmt::format("queue {}: the connection ended", qid_));
  Completion completion;
  completion.error = reason.code != 0 ? -reason.code : -ECANCELED;
  for (std::uint32_t cid = 0; cid < slots_.size() && slots_.used_count() != 0; ++cid) {
    if (slots_.in_use(cid)) finish(static_cast<std::uint16_t>(cid), completion);
  }
  events_.on_closed(reason);  // may destroy this
}

void HostQueuePairImpl::protocol_error(std::string sentence) {
  if (reason_.code == 0) reason_ = Error(EPROTO, fmt::format("queue {}: {}", qid_, sentence));
  close();
}

void HostQueuePairImpl::deadline_passed(void* ctx, std::uint16_t cid) {
  static_cast<HostQueuePairImpl*>(ctx)->events_.on_timeout(cid);
}

}  // namespace weft
