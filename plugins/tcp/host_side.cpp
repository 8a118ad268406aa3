#include "host_side.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../common/arguments.hpp"
#include "connection.hpp"
#include "group.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint8_t kFabricsOpcode = 0x7f;
constexpr std::uint32_t kKnownFlags = WEFT_DIR_OUT | WEFT_DIR_IN;

std::uint16_t cid_of(const void* sqe) { return load<le16>(static_cast<const std::byte*>(sqe) + 2); }
bool is_fabrics(const std::byte* sqe) { return std::to_integer<std::uint8_t>(sqe[0]) == kFabricsOpcode; }

}  // namespace

HostSide::HostSide(Connection& connection, std::uint32_t outstanding_r2t)
    : connection_(connection),
      transfers_(connection.params().depth, outstanding_r2t),
      commands_(connection.params().depth) {
  connection_.group().ops().reserve(connection.params().depth);
}

HostSide::~HostSide() {
  for (Command& command : commands_)
    if (command.op != nullptr) connection_.group().ops().give_back(*command.op);
  connection_.group().ops().unreserve(static_cast<std::uint32_t>(commands_.size()));
}

int HostSide::send_command(const void* sqe, std::span<const weft_iov> iov, std::uint32_t flags) {
  const auto* bytes = static_cast<const std::byte*>(sqe);
  const std::uint64_t length = plugin::total_length(iov);
  const std::uint32_t direction = flags & (WEFT_DIR_OUT | WEFT_DIR_IN);
  if ((flags & ~kKnownFlags) != 0 || iov.size() > kMaxIov || length > UINT32_MAX) return -EINVAL;
  if ((direction == 0) != (length == 0) || direction == (WEFT_DIR_OUT | WEFT_DIR_IN)) return -EINVAL;
  const std::uint16_t cid = cid_of(sqe);
  const weft_qpair_params& params = connection_.params();
  const bool small_allowed = (params.flags & WEFT_QP_ADMIN) != 0 || is_fabrics(bytes);
  const std::uint64_t limit = small_allowed ? std::max(kAdminInCapsule, params.in_capsule) : params.in_capsule;
  const bool in_capsule = direction == WEFT_DIR_OUT && length <= limit;
  const HostData data = length == 0                 ? HostData::kNone
                        : in_capsule                ? HostData::kSentInCapsule
                        : direction == WEFT_DIR_OUT ? HostData::kOut
                                                    : HostData::kIn;
  if (!transfers_.begin(cid, data, static_cast<std::uint32_t>(length))) return -EINVAL;

  Command& command = commands_[cid];
  command.state = State::kQueued;
  command.in_capsule = in_capsule && length != 0;
  command.length = static_cast<std::uint32_t>(length);
  if (length != 0) {
    command.op = &connection_.group().ops().take(iov, length);
    command.op->kind = DataOp::Kind::kHost;
    command.op->connection = &connection_;
    command.op->index = cid;
  }
  capsules_.push_back(cid, hooks());
  connection_.group().mark_dirty(connection_);
  std::memcpy(command.sqe.data(), sqe, kSqeSize);  // last: the core wrote it just now, in smaller pieces
  return 0;
}

// ---- sending -------------------------------------------------------------------------------------------------------

void HostSide::dequeue(std::uint32_t cid) {
  if (commands_[cid].hook.list == kCapsules) capsules_.remove(cid, hooks());
  if (commands_[cid].hook.list == kData) data_.remove(cid, hooks());
}

bool HostSide::next_frame(Frame& frame) {
  if (!capsules_.empty()) {
    const std::uint32_t cid = capsules_.front();
    Command& command = commands_[cid];
    capsules_.remove(cid, hooks());
    frame.op = command.op;
    frame.index = cid;
    frame.kind = Frame::Kind::kCapsuleCmd;
    if (command.in_capsule) frame.length = command.length;
    return true;
  }
  while (!data_.empty()) {
    const std::uint32_t cid = data_.front();
    Command& command = commands_[cid];
    H2cChunk chunk;
    if (transfers_.next_h2c(static_cast<std::uint16_t>(cid), connection_.settled().max_h2c_data, chunk)) {
      ++command.op->frames;
      frame.op = command.op;
      frame.index = cid;
      frame.offset = chunk.offset;
      frame.length = chunk.length;
      frame.ttag = chunk.ttag;
      frame.kind = Frame::Kind::kH2cData;
      frame.last = chunk.last;
      if (!transfers_.has_h2c(static_cast<std::uint16_t>(cid))) data_.remove(cid, hooks());
      return true;
    }
    data_.remove(cid, hooks());
  }
  return false;
}

std::uint32_t HostSide::write_header(const Frame& frame, HeaderBuffer out) {
  const WriteRules& rules = connection_.sender().rules();
  const auto cid = static_cast<std::uint16_t>(frame.index);
  if (frame.kind == Frame::Kind::kH2cData)
    return write_h2c_data(rules, out, cid, frame.ttag, frame.offset, frame.length, frame.last);
  const Command& command = commands_[cid];
  return write_capsule_cmd(rules, out, command.sqe.data(),
                           command.in_capsule ? CommandData::kInCapsule : CommandData::kTransport, command.length);
}

void HostSide::frame_sent(const Frame& frame) {
  const auto cid = static_cast<std::uint16_t>(frame.index);
  Command& command = commands_[cid];
  if (frame.length != 0) transfers_.moved(cid, frame.length);
  if (frame.kind == Frame::Kind::kCapsuleCmd) {
    command.state = State::kSent;
    ++connection_.counters().commands;
    return;
  }
  if (--command.op->frames == 0 && command.state == State::kAnswered) connection_.group().finish(*command.op);
}

// ---- receiving -----------------------------------------------------------------------------------------------------

bool HostSide::was_sent(std::uint16_t cid) const {
  return transfers_.active(cid) && commands_[cid].state == State::kSent;
}

Take HostSide::take(const Pdu& pdu, Payload& payload, Violation& violation) {
  switch (pdu.type) {
    case PduType::kR2t:
      return take_r2t(pdu, violation);
    case PduType::kC2hData:
      return take_data(pdu, payload, violation);
    default:
      return take_response(pdu, violation);
  }
}

Take HostSide::take_r2t(const Pdu& pdu, Violation& violation) {
  violation = was_sent(pdu.cccid) ? transfers_.on_r2t(pdu) : violates(rules::kR2tUnknownCommand, pdu.type, pdu.cccid);
  if (violation) return Take::kViolation;
  if (commands_[pdu.cccid].hook.list == 0) data_.push_back(pdu.cccid, hooks());
  connection_.group().mark_dirty(connection_);
  return Take::kTaken;
}

Take HostSide::take_data(const Pdu& pdu, Payload& payload, Violation& violation) {
  violation = was_sent(pdu.cccid) ? transfers_.on_c2h(pdu) : violates(rules::kC2hUnknownCommand, pdu.type, pdu.cccid);
  if (violation) return Take::kViolation;
  payload.to = Payload::To::kOp;
  payload.op = commands_[pdu.cccid].op;
  payload.position = pdu.offset;
  data_cid_ = pdu.cccid;
  data_length_ = pdu.length;
  data_success_ = pdu.success();
  return Take::kTaken;
}

void HostSide::payload_done(bool digest_ok, const std::byte*, Slab*) {
  if (digest_ok) {
    transfers_.moved(data_cid_, data_length_);
  } else {
    transfers_.fail(data_cid_);
  }
  if (!data_success_) return;
  const std::array<std::byte, kCqeSize> cqe = implied_cqe(data_cid_);
  answered(data_cid_, cqe.data(), true);
}

Take HostSide::take_response(const Pdu& pdu, Violation& violation) {
  const std::uint16_t cid = load<le16>(pdu.cqe() + 12);
  violation = transfers_.on_response(cid);
  if (!violation && commands_[cid].state != State::kSent)
    violation = violates(rules::kResponseUnknownCommand, pdu.type, cid);
  if (violation) return Take::kViolation;
  answered(cid, pdu.cqe(), false);
  return Take::kTaken;
}

// The controller is done with the command: what was still to be sent for it is not.
void HostSide::answered(std::uint16_t cid, const std::byte* cqe, bool implied) {
  Command& command = commands_[cid];
  dequeue(cid);
  if (command.op != nullptr && command.op->frames != 0) {
    command.op->frames = static_cast<std::uint16_t>(command.op->frames - connection_.sender().recall(*command.op));
    if (command.op->frames != 0) {
      command.state = State::kAnswered;
      command.implied = implied;
      std::memcpy(command.sqe.data(), cqe, kCqeSize);
      return;
    }
  }
  tell_response(cid, cqe, implied, 0);
}

void HostSide::tell_finished(DataOp& op) {
  const auto cid = static_cast<std::uint16_t>(op.index);
  std::array<std::byte, kCqeSize> cqe;
  std::copy_n(commands_[cid].sqe.begin(), kCqeSize, cqe.begin());
  tell_response(cid, cqe.data(), commands_[cid].implied, 0);
}

void HostSide::tell_response(std::uint16_t cid, const std::byte* cqe, bool implied, std::int32_t error) {
  Command& command = commands_[cid];
  const HostTransfers::Outcome outcome = transfers_.finish(cid);
  if (command.op != nullptr) connection_.group().ops().give_back(*command.op);
  command.op = nullptr;
  command.state = State::kFree;
  weft_response response{};
  response.size = sizeof response;
  response.flags = cqe != nullptr && !implied ? WEFT_SQHD_VALID : 0;
  response.cqe = cqe;
  response.moved = outcome.moved;
  response.error = error != 0 ? error : outcome.failed ? -EBADMSG : 0;
  response.cid = cid;
  ++connection_.counters().responses;
  connection_.group().count_event();
  connection_.events().on_response(connection_.context(), &response);
}

void HostSide::end_operations(std::int32_t error) {
  for (std::uint32_t cid = 0; cid < commands_.size(); ++cid) {
    if (commands_[cid].state == State::kFree) continue;
    dequeue(cid);
    if (commands_[cid].state == State::kAnswered) {
      tell_finished(*commands_[cid].op);
    } else {
      tell_response(static_cast<std::uint16_t>(cid), nullptr, false, error);
    }
  }
}

}  // namespace weft::tcp
