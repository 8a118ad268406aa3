// connection_handshake.cpp - a connection's beginning, and how PDUs find their way: the handshake and TermReqs are
// judged here, everything else goes on to the side.
#include <fmt/format.h>

#include <new>

#include <sys/epoll.h>

#include "connection.hpp"
#include "connector.hpp"
#include "controller_side.hpp"
#include "group.hpp"
#include "host_side.hpp"

namespace weft::tcp {

Connection::Connection(Group& group, Role role, const Options& options, const weft_qpair_params& params,
                       const weft_qpair_events& events, void* ctx)
    : group_(group), role_(role), options_(options), params_(params), events_(events), ctx_(ctx) {
  params_.hostnqn = params_.subnqn = nullptr;  // borrowed for the call only
  receiver_.set_rules(ReadRules{.role = role});
  if (role == Role::kHost) {
    host_ = std::make_unique<HostSide>(*this, options_.outstanding_r2t);
  } else {
    controller_ = std::make_unique<ControllerSide>(*this);
  }
  group_.add(*this);
}

void Connection::connect_by(std::unique_ptr<Connector> connector) { connector_ = std::move(connector); }

void Connection::start(std::unique_ptr<Socket> socket) {
  begin_handshake(std::move(socket));
  if (role_ == Role::kHost) queue_control(write_ic_req(HeaderBuffer(control_), options_.host_offer()));
}

void Connection::start_asked(std::unique_ptr<Socket> socket) {
  stats_.bytes_out += kIcPduSize;
  begin_handshake(std::move(socket));
}

void Connection::begin_handshake(std::unique_ptr<Socket> socket) {
  socket_ = std::move(socket);
  local_ = plugin::NetAddress::local_of(socket_->fd());
  peer_ = plugin::NetAddress::peer_of(socket_->fd());
  state_ = State::kHandshake;
  const std::uint64_t own = group_.services().now() + options_.handshake_timeout;
  set_deadline(params_.deadline_ns != 0 ? std::min(params_.deadline_ns, own) : own);
  update_interest();
}

void Connection::queue_control(std::uint32_t length) {
  control_length_ = length;
  control_waits_ = true;
  group_.mark_dirty(*this);
}

bool Connection::next_frame(Frame& frame) {
  if (control_waits_) {
    control_waits_ = false;
    return true;  // a Frame starts as a control PDU
  }
  return side_ != nullptr && (state_ == State::kReady || state_ == State::kFlushing) && side_->next_frame(frame);
}

std::uint32_t Connection::write_header(const Frame& frame, HeaderBuffer out) {
  if (frame.kind != Frame::Kind::kControl) return side_->write_header(frame, out);
  std::copy_n(control_.begin(), control_length_, out.begin());
  return control_length_;
}

void Connection::frame_sent(const Frame& frame) {
  if (frame.kind != Frame::Kind::kControl) side_->frame_sent(frame);
}

void Connection::add_usual(Batch& batch) {
  if (!control_waits_ && (state_ == State::kReady || state_ == State::kFlushing)) side_->add_usual(batch);
}

// Control PDUs come before all others: ICReq and ICResp are the first, and before a TermReq everything else is forgotten.
void Connection::frames_sent(std::span<const Frame> frames) {
  while (!frames.empty() && frames.front().kind == Frame::Kind::kControl) frames = frames.subspan(1);
  if (!frames.empty()) side_->frames_sent(frames);
}

Take Connection::take(const Pdu& pdu, Payload& payload, Violation& violation) {
  if (is_term_req(pdu.type)) {
    end({.code = ECONNRESET,
         .origin = WEFT_ORIGIN_PEER,
         .detail = std::uint32_t{pdu.fes} << 16 | (pdu.fei & 0xffffu),
         .stage = stage(),
         .text = explain_term_req(pdu.fes, pdu.fei, role_)});
    return Take::kEnded;
  }
  if (is_ic(pdu.type)) return take_handshake(pdu, violation);
  return side_->take(pdu, payload, violation);
}

Take Connection::take_handshake(const Pdu& pdu, Violation& violation) {
  const HandshakeResult result = role_ == Role::kHost ? check_ic_resp(options_.host_offer(), pdu.header)
                                                      : answer_ic_req(options_.controller_policy(), pdu.header);
  if (const auto* bad = std::get_if<Violation>(&result)) {
    violation = *bad;
    return Take::kViolation;
  }
  const Settled& settled = std::get<Settled>(result);
  try {
    establish(settled);
  } catch (const std::bad_alloc&) {
    end({.code = ENOMEM, .stage = "icreq", .text = "no memory for the queue pair"});
  }
  return state_ == State::kReady ? Take::kTaken : Take::kEnded;
}

void Connection::establish(const Settled& settled) {
  settled_ = settled;
  connector_.reset();
  if (role_ == Role::kController) {
    receiver_.make_room(kAdminInCapsule);
    controller_->open(settled);
    queue_control(write_ic_resp(HeaderBuffer(control_), options_.controller_policy(), settled));
    side_ = controller_.get();
  } else {
    side_ = host_.get();
  }
  receiver_.set_rules(settled.read_rules(role_, kAdminInCapsule));
  sender_.set_rules(settled.write_rules());
  state_ = State::kReady;
  set_deadline(0);

  weft_limits limits{};
  limits.size = sizeof limits;
  limits.caps = WEFT_CAP_SGL_IN_CAPSULE | WEFT_CAP_SGL_TRANSPORT | WEFT_CAP_IMPLIED_SUCCESS;
  limits.max_in_capsule = ControllerSide::kMaxInCapsule;
  limits.max_in_capsule_admin = kAdminInCapsule;
  limits.max_iov = kMaxIov;
  limits.max_descriptors = 1;
  limits.max_depth = 65536;
  limits.data_alignment = 1;
  limits.max_transfer = UINT32_MAX;
  group_.count_event();
  events_.on_ready(ctx_, &limits);
}

void Connection::set_max_in_capsule(std::uint32_t bytes) { receiver_.set_rules(settled_.read_rules(role_, bytes)); }

bool Connection::may_read() const { return controller_ == nullptr || controller_->may_read(); }

void Connection::payload_done(bool digest_ok, const std::byte* data, Slab* slab) {
  if (!digest_ok) ++stats_.digest_errors;
  side_->payload_done(digest_ok, data, slab);
}

void Connection::end_operations(std::int32_t error) {
  if (side_ != nullptr) side_->end_operations(error);
}

bool Connection::idle() const { return sender_.empty() && !control_waits_ && (side_ == nullptr || side_->idle()); }

}  // namespace weft::tcp
