// The control path of a controller's queue pair. controller_qpair_datapath.cpp has the rest.
#include "core/qpair/controller_qpair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "core/qpair/boundary.hpp"

namespace weft {

const weft_qpair_events ControllerQueuePairImpl::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &ControllerQueuePairImpl::on_ready,
    .on_command = &ControllerQueuePairImpl::on_command,
    .on_response = nullptr,
    .on_data = &ControllerQueuePairImpl::on_data,
    .on_closed = &ControllerQueuePairImpl::on_closed,
};

Result<std::unique_ptr<ControllerQueuePair>> ControllerQueuePair::accept(Reactor& reactor, Transport& transport,
                                                                         weft_pending* pending,
                                                                         const weft_qpair_params& params,
                                                                         Events& events) {
  if (Status entries = check_entries(params.depth); !entries) return entries.error();
  const Result<weft_group*> group = reactor.group(transport);
  if (!group) return group.error();
  auto qpair = std::make_unique<ControllerQueuePairImpl>(reactor, transport.table(), params.depth, events);
  if (Status accepted = qpair->accept(*group, pending, params); !accepted) return accepted.error();
  return qpair;
}

ControllerQueuePairImpl::ControllerQueuePairImpl(Reactor& reactor, const weft_transport& table, std::uint32_t depth,
                                                 Events& events)
    : reactor_(reactor), table_(table), events_(events), tokens_(depth), cids_(depth) {}

ControllerQueuePairImpl::~ControllerQueuePairImpl() {
  assert(handle_ == nullptr && "destroyed before on_closed and the last release()");
}

Status ControllerQueuePairImpl::accept(weft_group* group, weft_pending* pending, const weft_qpair_params& params) {
  weft_error error = empty_error();
  const int rc = table_.accept(group, pending, &params, &kEvents, this, &handle_, &error);
  if (rc == 0) return {};
  handle_ = nullptr;
  return to_error(rc, error, fmt::format("transport '{}' does not accept the connection", table_.name));
}

Status ControllerQueuePairImpl::configure(const weft_qpair_params& params, bool sq_flow_control) {
  if (state_ != State::kOpen) return Error(ENOTCONN, "the queue pair is closing");
  if (Status entries = check_entries(params.depth); !entries) return entries;
  weft_qpair_params final_params = params;
  final_params.flags &= ~WEFT_QP_SQ_FLOW_CONTROL;
  if (sq_flow_control) final_params.flags |= WEFT_QP_SQ_FLOW_CONTROL;
  // Room first: nothing is to fail once the transport took the new depth.
  if (params.depth > tokens_.size()) {
    tokens_.resize(params.depth, Token::kFree);
    cids_.resize(params.depth);
  }
  weft_error error = empty_error();
  const int rc = table_.configure(handle_, &final_params, &error);
  if (rc != 0)
    return to_error(rc, error, fmt::format("transport '{}' takes no queue of {} entries", table_.name, params.depth));
  entries_ = params.depth;
  flow_control_ = sq_flow_control ? FlowControl::kOn : FlowControl::kOff;
  connect_response_next_ = true;
  return {};
}

void ControllerQueuePairImpl::close(std::uint32_t flags, Nanoseconds deadline) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  table_.close(handle_, flags, deadline);
}

weft_qpair_info ControllerQueuePairImpl::info() const {
  weft_qpair_info info{};
  info.size = sizeof info;
  if (state_ != State::kClosed && handle_ != nullptr) table_.qpair_info(handle_, &info);
  return info;
}

void ControllerQueuePairImpl::on_ready(void* ctx, const weft_limits* limits) {
  auto* const self = static_cast<ControllerQueuePairImpl*>(ctx);
  if (self->state_ == State::kOpen) self->events_.on_ready(known_part(limits));
}

void ControllerQueuePairImpl::on_closed(void* ctx, const weft_error* error) {
  static_cast<ControllerQueuePairImpl*>(ctx)->closed(error);
}

void ControllerQueuePairImpl::closed(const weft_error* error) {
  state_ = State::kClosed;
  if (held_ == 0) handle_ = nullptr;  // with commands held it lives until the last release_command
  events_.on_closed(reason_.code != 0 ? reason_ : closing_error(error, "the connection ended"));  // may destroy this
}

void ControllerQueuePairImpl::fault(std::string sentence) {
  if (reason_.code == 0) reason_ = Error(EPROTO, std::move(sentence));
  close(0, reactor_.clock_now());
}

}  // namespace weft
