#include "tests/peer/hostile/raw_pdu.hpp"

#include <algorithm>

namespace weft::hostile {
namespace {

constexpr std::uint32_t header_length(Type type) {
  switch (type) {
    case kIcReq:
    case kIcResp:
      return 128;
    case kCapsuleCmd:
      return 72;
    default:
      return 24;
  }
}

constexpr bool is_control(Type type) { return type <= kC2hTermReq; }

}  // namespace

// Bit by bit: slow, and plainly the polynomial.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

RawPdu::RawPdu(Type of, const Digests& digests, Bytes given, std::uint32_t alignment)
    : type(of),
      hlen(static_cast<std::uint8_t>(header_length(of))),
      specific(header_length(of) - 8),
      data(std::move(given)) {
  header_digest = digests.header && !is_control(of);
  data_digest = digests.data && !data.empty();
  const std::uint32_t framed = hlen + (header_digest ? 4u : 0u);
  data_at = (framed + alignment - 1) / alignment * alignment;
  const auto length = static_cast<std::uint32_t>(data.size());
  plen = data.empty() ? framed : data_at + length + (data_digest ? 4 : 0);
  if (!data.empty()) pdo = static_cast<std::uint8_t>(data_at);
  flags = static_cast<std::uint8_t>((header_digest ? kHdgstFlag : 0) | (data_digest ? kDdgstFlag : 0));
  if (of == kH2cData || of == kC2hData) flag(kLast).u32(16, length);
  if (of == kIcResp) u32(12, 65536);
}

RawPdu::RawPdu(const Sqe& sqe, const Digests& digests, Bytes given) : RawPdu(kCapsuleCmd, digests, std::move(given)) {
  std::copy(sqe.bytes.begin(), sqe.bytes.end(), specific.begin());
}

RawPdu& RawPdu::u8(std::size_t at, unsigned value) {
  specific[at - 8] = static_cast<std::uint8_t>(value);
  return *this;
}
RawPdu& RawPdu::u16(std::size_t at, unsigned value) {
  put(std::span(specific), at - 8, static_cast<std::uint16_t>(value));
  return *this;
}
RawPdu& RawPdu::u32(std::size_t at, std::uint32_t value) {
  put(std::span(specific), at - 8, value);
  return *this;
}
RawPdu& RawPdu::transfer(std::uint16_t cid, std::uint16_t tag, std::uint32_t offset, std::uint32_t length) {
  return u16(8, cid).u16(10, tag).u32(12, offset).u32(16, length);
}

Bytes RawPdu::header() const {
  Bytes out = {type, flags, hlen, pdo, 0, 0, 0, 0};
  put(std::span(out), 4, plen);
  out.insert(out.end(), specific.begin(), specific.end());
  return out;
}

Bytes RawPdu::bytes() const {
  const auto append = [](Bytes& to, std::uint32_t value) {
    to.resize(to.size() + 4);
    put(std::span(to), to.size() - 4, value);
  };
  Bytes out = header();
  if (header_digest) append(out, header_digest_sent());
  if (data.empty()) return out;
  out.resize(std::max<std::size_t>(out.size(), data_at));
  out.insert(out.end(), data.begin(), data.end());
  if (data_digest) append(out, crc32c(data) ^ data_damage);
  return out;
}

}  // namespace weft::hostile
