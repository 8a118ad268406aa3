#include "tests/peer/hostile/raw_controller.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint8_t kFabrics = 0x7f, kIdentify = 0x06, kSetFeatures = 0x09, kNumberOfQueues = 0x07;
constexpr std::uint8_t kConnect = 0x01, kPropertyGet = 0x04;
constexpr std::uint16_t kCntlid = 1;

std::uint64_t property(std::uint32_t offset) {
  switch (offset) {
    case 0x00:  // CAP: the NVM command set, time-out 7.5 s, contiguous queues, 128 entries
      return std::uint64_t{1} << 37 | 15u << 24 | 1u << 16 | 127u;
    case 0x08:  // VS 1.4
      return 0x00010400;
    case 0x1c:  // CSTS: ready
      return 1;
    default:
      return 0;
  }
}

// No events, no keep-alive; in-capsule data of 8 KiB.
Bytes identity() {
  Bytes data(4096);
  put(std::span(data), 78, kCntlid);
  put(std::span(data), 80, std::uint32_t{0x00010400});
  data[111] = 1;
  put(std::span(data), 536, std::uint32_t{0x00300001});
  put(std::span(data), 1792, std::uint32_t{516});
  put(std::span(data), 1796, std::uint32_t{1});
  return data;
}

}  // namespace

std::string RawController::url(const std::string& options) const {
  return "tcp://127.0.0.1:" + listener_.port() + "/nqn.2026-01.org.example:raw?kato=0" + options;
}

bool RawController::take_ic_req() {
  socket = listener_.accept();
  if (!socket.open()) return false;
  const auto request = socket.receive();
  if (!request || request->type() != kIcReq) return false;
  digests = {.header = (request->bytes[11] & 1) != 0, .data = (request->bytes[11] & 2) != 0};
  return true;
}

bool RawController::give_ic_resp() {
  RawPdu response(kIcResp);
  return socket.send(response.u8(11, (digests.header ? 1u : 0u) | (digests.data ? 2u : 0u)));
}

std::optional<ReceivedPdu> RawController::command() {
  auto pdu = socket.receive();
  if (pdu && pdu->type() != kCapsuleCmd) return std::nullopt;
  return pdu;
}

RawPdu RawController::response(std::uint16_t cid, std::uint64_t result, std::uint16_t status,
                               std::uint16_t head) const {
  RawPdu pdu(kCapsuleResp, digests);
  pdu.u32(8, static_cast<std::uint32_t>(result)).u32(12, static_cast<std::uint32_t>(result >> 32));
  return pdu.u16(16, head).u16(20, cid).u16(22, unsigned{status} << 1).flag(response_flags);
}

bool RawController::respond(std::uint16_t cid, std::uint64_t result, std::uint16_t status, std::uint16_t head) {
  return socket.send(response(cid, result, status, head));
}

bool RawController::serve(const ReceivedPdu& command, bool& identified, bool& asked) {
  const std::uint8_t opcode = command.bytes[8], fctype = command.bytes[12];
  const std::uint16_t cid = cid_of(command);
  if (opcode == kIdentify) {
    RawPdu data(kC2hData, digests, identity());
    identified = true;
    return (withholds_data || socket.send(data.u16(8, cid))) && respond(cid, 0, 0, sqhd);
  }
  if (opcode == kSetFeatures && command.bytes[8 + 40] == kNumberOfQueues) asked = true;
  if (opcode != kFabrics) return respond(cid, 0, 0, sqhd);
  if (fctype == kConnect) return respond(cid, kCntlid, 0, connect_sqhd);
  return respond(cid, fctype == kPropertyGet ? property(command.u32(8 + 44)) : 0, 0, sqhd);
}

bool RawController::serve_until_queues_are_asked_for() {
  for (bool identified = false, asked = false; !asked;) {
    const auto next = command();
    if (!next || !serve(*next, identified, asked)) return false;
  }
  return true;
}

bool RawController::serve_until_identified() {
  for (bool identified = false, asked = false; !identified;) {
    const auto next = command();
    if (!next || !serve(*next, identified, asked)) return false;
  }
  return true;
}

}  // namespace weft::hostile
