#include "tests/peer/hostile/raw_host.hpp"

#include <algorithm>

namespace weft::hostile {
namespace {

constexpr std::uint8_t kFabrics = 0x7f;
constexpr std::uint8_t kPropertySet = 0, kConnect = 1, kPropertyGet = 4;
constexpr std::uint32_t kCc = 0x14, kEnabled = 0x00460061;  // IOCQES 4, IOSQES 6, CSS 6, EN

bool succeeded(const std::optional<Answer>& answer) { return answer && answer->status == 0; }

}  // namespace

Sqe connect_command(std::uint16_t qid, std::uint16_t entries) {
  return Sqe(kFabrics, 0).u8(4, kConnect).u16(42, qid).u16(44, entries - 1u).u8(46, 4).in_capsule(1024);
}

Bytes connect_data(std::uint16_t cntlid, const std::string& subnqn, const std::string& hostnqn) {
  Bytes data(1024);
  for (std::size_t i = 0; i < 16; ++i) data[i] = static_cast<std::uint8_t>(0x11 * (i + 1));
  put(std::span(data), 16, cntlid);
  std::copy(subnqn.begin(), subnqn.end(), data.begin() + 256);
  std::copy(hostnqn.begin(), hostnqn.end(), data.begin() + 512);
  return data;
}

Sqe property_set(std::uint16_t cid, std::uint32_t offset, std::uint32_t value) {
  return Sqe(kFabrics, cid).u8(4, kPropertySet).u32(44, offset).u32(48, value);
}

Sqe property_get(std::uint16_t cid, std::uint32_t offset, bool eight_bytes) {
  return Sqe(kFabrics, cid).u8(4, kPropertyGet).u8(40, eight_bytes ? 1 : 0).u32(44, offset);
}

bool RawHost::shake_hands(const ConnectPlan& plan) {
  socket = RawSocket::connect(plan.port, plan.from, plan.receive_buffer);
  if (!socket.open()) return false;
  RawPdu request(kIcReq);
  request.u8(11, (plan.digests.header ? 1u : 0u) | (plan.digests.data ? 2u : 0u)).u32(12, plan.maxr2t);
  if (!send(request)) return false;
  const auto response = receive();
  if (!response || response->type() != kIcResp) return false;
  digests = {.header = (response->bytes[11] & 1) != 0, .data = (response->bytes[11] & 2) != 0};
  max_h2c_data = response->u32(12);
  return true;
}

std::optional<Answer> RawHost::answer() {
  Answer answer;
  for (;;) {
    const auto pdu = receive();
    if (!pdu) return std::nullopt;
    if (pdu->type() == kC2hData) {
      const Bytes part = pdu->data();
      answer.data.insert(answer.data.end(), part.begin(), part.end());
      if ((pdu->flags() & kSuccess) == 0) continue;
      answer.cid = pdu->u16(8);
      return answer;
    }
    if (pdu->type() != kCapsuleResp) return std::nullopt;
    answer.cqe = Bytes(pdu->bytes.begin() + 8, pdu->bytes.begin() + 24);
    answer.result = get<std::uint64_t>(answer.cqe, 0);
    answer.cid = u16(answer.cqe, 12);
    answer.status = u16(answer.cqe, 14) >> 1 & 0x7ff;
    return answer;
  }
}

std::optional<Answer> RawHost::call(const Sqe& sqe, const Bytes& data) {
  if (!send(capsule(sqe, data))) return std::nullopt;
  return answer();
}

bool RawAssociation::open_admin(const ConnectPlan& plan) {
  if (!admin.shake_hands(plan)) return false;
  const auto connected = admin.call(connect_command(0, 32), connect_data(0xffff, plan.subnqn, plan.hostnqn));
  if (!succeeded(connected)) return false;
  cntlid = static_cast<std::uint16_t>(connected->result);
  return true;
}

bool RawAssociation::enable() { return succeeded(admin.call(property_set(1, kCc, kEnabled))); }

bool RawAssociation::open_io(const ConnectPlan& plan) {
  if (!io.shake_hands(plan)) return false;
  return succeeded(io.call(connect_command(1, plan.entries), connect_data(cntlid, plan.subnqn, plan.hostnqn)));
}

bool RawAssociation::open(const ConnectPlan& plan) { return open_admin(plan) && enable() && open_io(plan); }

}  // namespace weft::hostile
