// host_transfer.cpp - the host's side of transfer.hpp.
#include <algorithm>

#include "transfer.hpp"

namespace weft::tcp {

HostTransfers::HostTransfers(std::uint32_t depth, std::uint32_t outstanding_r2t)
    : outstanding_r2t_(outstanding_r2t), commands_(depth), r2ts_(std::size_t{depth} * outstanding_r2t) {}

bool HostTransfers::begin(std::uint16_t cid, HostData data, std::uint32_t length) {
  if (cid >= commands_.size() || commands_[cid].active) {
    return false;
  }
  commands_[cid] = Command{};
  commands_[cid].active = true;
  commands_[cid].data = data;
  commands_[cid].length = length;
  ++in_flight_;
  return true;
}

HostTransfers::R2t& HostTransfers::r2t(std::uint16_t cid, std::uint32_t position) {
  const std::uint32_t slot = (commands_[cid].r2t_first + position) % outstanding_r2t_;
  return r2ts_[std::size_t{cid} * outstanding_r2t_ + slot];
}

Violation HostTransfers::on_r2t(const Pdu& pdu) {
  if (!active(pdu.cccid) || commands_[pdu.cccid].data != HostData::kOut) {
    return violates(rules::kR2tUnknownCommand, pdu.type, pdu.cccid);
  }
  Command& command = commands_[pdu.cccid];
  const std::uint64_t end = std::uint64_t{pdu.offset} + pdu.length;
  if (pdu.length == 0) {
    return violates(rules::kR2tEmpty, pdu.type, pdu.cccid);
  }
  if (end > command.length) {
    return violates(rules::kR2tOutOfRange, pdu.type, pdu.offset, end, command.length);
  }
  if (pdu.offset != command.granted) {
    return violates(rules::kR2tOutOfOrder, pdu.type, pdu.offset, end, command.granted);
  }
  if (command.r2t_count == outstanding_r2t_) {
    return violates(rules::kR2tTooMany, pdu.type, pdu.cccid, command.r2t_count);
  }
  r2t(pdu.cccid, command.r2t_count) = R2t{.ttag = pdu.ttag, .offset = pdu.offset, .left = pdu.length};
  ++command.r2t_count;
  command.granted = end;
  return {};
}

bool HostTransfers::next_h2c(std::uint16_t cid, std::uint32_t max_h2c_data, H2cChunk& chunk) {
  Command& command = commands_[cid];
  if (command.r2t_count == 0) {
    return false;
  }
  R2t& first = r2t(cid, 0);
  const std::uint32_t length = std::min(first.left, max_h2c_data);
  chunk = H2cChunk{
      .cccid = cid, .ttag = first.ttag, .offset = first.offset, .length = length, .last = length == first.left};
  first.offset += length;
  first.left -= length;
  if (chunk.last) {
    command.r2t_first = static_cast<std::uint8_t>((command.r2t_first + 1u) % outstanding_r2t_);
    --command.r2t_count;
  }
  return true;
}

Violation HostTransfers::on_c2h(const Pdu& pdu) {
  if (!active(pdu.cccid) || commands_[pdu.cccid].data != HostData::kIn) {
    return violates(rules::kC2hUnknownCommand, pdu.type, pdu.cccid);
  }
  Command& command = commands_[pdu.cccid];
  const std::uint64_t end = std::uint64_t{pdu.offset} + pdu.length;
  if (pdu.length != pdu.data_len) {
    return violates(rules::kC2hLength, pdu.type, pdu.length, pdu.data_len);
  }
  if (pdu.length == 0) {
    return violates(rules::kC2hEmpty, pdu.type, pdu.cccid);
  }
  if (command.last_seen) {
    return violates(rules::kC2hAfterLast, pdu.type, pdu.cccid);
  }
  if (end > command.length) {
    return violates(rules::kC2hOutOfRange, pdu.type, pdu.offset, end, command.length);
  }
  if (pdu.offset != command.granted) {
    return violates(rules::kC2hOutOfOrder, pdu.type, pdu.offset, end, command.granted);
  }
  if (pdu.last() && end != command.length) {
    return violates(rules::kC2hLastEarly, pdu.type, end, command.length);
  }
  // LAST may be missing where the data is complete: go-nvme's target never sets it, and Linux's host does not miss it.
  command.granted = end;
  command.last_seen = end == command.length;
  return {};
}

Violation HostTransfers::on_response(std::uint16_t cid) const {
  return active(cid) ? Violation{} : violates(rules::kResponseUnknownCommand, PduType::kCapsuleResp, cid);
}

HostTransfers::Outcome HostTransfers::finish(std::uint16_t cid) {
  Command& command = commands_[cid];
  const Outcome outcome{.moved = command.moved, .failed = command.failed};
  command = Command{};
  --in_flight_;
  return outcome;
}

}  // namespace weft::tcp
