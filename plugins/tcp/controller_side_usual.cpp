// controller_side_usual.cpp - the straight line for what a controller mostly receives and sends on a connection without
// digests: capsules without data, and those of writes with all of their data; responses, and reads in one C2HData. What it
// takes, the code in controller_side_rx.cpp and sgl.cpp would take with the same outcome; it refuses nothing. What it sends,
// the code in controller_side_tx.cpp and pdu_writer.cpp would send next, byte for byte.
#include <cstring>

#include "connection.hpp"
#include "controller_side.hpp"
#include "group.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint32_t kCapsuleSize = header_size(PduType::kCapsuleCmd);
constexpr std::uint32_t kNotUsual = 0xffffffffu;

// What is judged of the SQE: its first word (opcode, flags) and SGL1 (address; length and identifier as one number).
constexpr std::size_t kSgl1Address = 24, kSgl1Length = 32;
constexpr std::uint32_t kWordPsdt = 0xc000, kWordPsdtSgl = 0x4000;
constexpr std::uint32_t kWordDirection = 3, kWordToController = 1;  // Fabrics (7fh) has both bits
constexpr std::uint64_t kSgl1InCapsule = 0x01, kSgl1Transport = 0x5a;

// Bytes of data in the capsule that lies at `at`; kNotUsual: not a usual one, or not all of it lies there.
std::uint32_t usual_payload(const std::byte* at, const std::byte* end, std::uint32_t max_in_capsule) {
  const std::uint64_t header = load<le64>(at);
  const std::byte* const sqe = at + kCommonHeaderSize;
  const std::uint32_t word = load<le32>(sqe);
  const std::uint64_t sgl = load<le64>(sqe + kSgl1Length);
  if ((word & kWordPsdt) != kWordPsdtSgl) return kNotUsual;
  if (header == plain_header(PduType::kCapsuleCmd, 0, 0)) return sgl >> 56 == kSgl1Transport ? 0 : kNotUsual;
  const auto length = static_cast<std::uint32_t>(sgl);
  const bool fits = length - 1 < kLargePayload - 1 && length <= max_in_capsule &&
                    static_cast<std::size_t>(end - at) >= kCapsuleSize + std::size_t{length};
  if (!fits || header != plain_header(PduType::kCapsuleCmd, 0, length)) return kNotUsual;
  const bool usual = sgl >> 56 == kSgl1InCapsule && load<le64>(sqe + kSgl1Address) == 0 &&
                     (word & kWordDirection) == kWordToController;
  return usual ? length : kNotUsual;
}

}  // namespace

const std::byte* ControllerSide::take_usual(Slab* slab, const std::byte* at, const std::byte* end) {
  while (static_cast<std::size_t>(end - at) >= kCapsuleSize) {
    const std::uint32_t payload = usual_payload(at, end, usual_in_capsule_);
    if (payload == kNotUsual || unanswered_ >= depth_ || free_.empty()) break;
    std::uint32_t token = 0;
    Command& command = take_token(token);
    const std::byte* const sqe = at + kCommonHeaderSize;
    std::memcpy(command.sqe.data(), sqe, kSqeSize);
    command.data_length = load<le32>(sqe + kSgl1Length);
    command.status = 0;
    command.error_offset = 0;
    const bool inside = payload != 0;
    command.place = inside ? SglPlace::kInCapsule : command.data_length != 0 ? SglPlace::kTransport : SglPlace::kNone;
    static_cast<void>(transfers_->begin(token, load<le16>(sqe + 2), inside ? 0 : command.data_length));
    at += kCapsuleSize;
    if (inside) {
      command.data = at;
      command.slab = slab;
      SlabPool::hold(*slab);
      capsule_bytes_ += payload;
      at += payload;
    }
    deliver(token);
    if (!connection_.is_ready()) break;
  }
  return at;
}

// ---- sending -------------------------------------------------------------------------------------------------------

void ControllerSide::add_usual(Batch& batch) {
  while (!batch.full() && (!urgent_.empty() || !bulk_.empty())) {
    const std::uint32_t token = !urgent_.empty() ? urgent_.front() : bulk_.front();
    const Added added = add_usual_of(token, batch);
    if (added == Added::kNothing) return;
    if (added == Added::kAll) dequeue(token);
  }
}

// kAll: a response was the command's last PDU. Its token leaves its list at once: nothing can be sent for it any more.
ControllerSide::Added ControllerSide::add_usual_of(std::uint32_t token, Batch& batch) {
  Command& command = at(token);
  DataOp* const op = command.ops;
  if (op == nullptr) {
    if (!command.response_waits) return Added::kNothing;
    command.response_waits = false;
    add_response(batch, token, nullptr);
    return Added::kAll;
  }
  const bool is_last = op->kind == DataOp::Kind::kSend && op->next == nullptr && op->final_response && !op->cancelled;
  if (!is_last) return Added::kNothing;
  if (op->progress == op->length) {
    op->final_response = false;
    ++op->frames;
    add_response(batch, token, op);
    return Added::kAll;
  }
  if (!is_whole_read(command, *op) || !batch.has_room(*op, command.data_length)) return Added::kNothing;
  add_whole_read(batch, token, *op);
  return op->final_response ? Added::kPart : Added::kAll;
}

bool ControllerSide::is_whole_read(const Command& command, const DataOp& op) const {
  return op.progress == 0 && op.offset == 0 && op.length == command.data_length && op.length <= max_c2h_;
}

void ControllerSide::add_response(Batch& batch, std::uint32_t token, DataOp* op) {
  Frame frame;
  frame.op = op;
  frame.index = token;
  frame.kind = Frame::Kind::kCapsuleResp;
  std::byte* const out = batch.add(frame, header_size(PduType::kCapsuleResp));
  store(out, le64(plain_header(PduType::kCapsuleResp, 0, 0)));
  std::memcpy(out + kCommonHeaderSize, at(token).cqe.data(), kCqeSize);
}

void ControllerSide::add_whole_read(Batch& batch, std::uint32_t token, DataOp& op) {
  const auto length = static_cast<std::uint32_t>(op.length);
  op.progress = length;
  ++op.frames;
  if (op.may_fold) op.final_response = false;
  Frame frame;
  frame.op = &op;
  frame.index = token;
  frame.length = length;
  frame.kind = Frame::Kind::kC2hData;
  frame.last = true;
  frame.success = op.may_fold;
  const auto flags = static_cast<std::uint8_t>(kFlagLast | (op.may_fold ? kFlagSuccess : 0));
  std::byte* const out = batch.add(frame, header_size(PduType::kC2hData));
  store(out, le64(plain_header(PduType::kC2hData, flags, length)));
  store(out + offsetof(DataPdu, cccid), le64(load<le16>(at(token).sqe.data() + 2).value()));  // and DATAO 0
  store(out + offsetof(DataPdu, datal), le64(length));
  batch.add_payload(op, length);
}

void ControllerSide::frames_sent(std::span<const Frame> frames) {
  for (const Frame& frame : frames) ControllerSide::frame_sent(frame);
}

}  // namespace weft::tcp
