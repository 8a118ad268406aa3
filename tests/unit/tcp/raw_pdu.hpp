// raw_pdu.hpp - PDUs byte by byte, written down a second time and apart from the plugin's writer, for tests that damage
// them. A RawPdu starts as a valid PDU of its type for the rules; fields may then be set to anything.
#ifndef WEFT_TESTS_TCP_RAW_PDU_HPP
#define WEFT_TESTS_TCP_RAW_PDU_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plugins/tcp/digest.hpp"
#include "plugins/tcp/pdu_reader.hpp"

namespace weft::tcp::test {

using Bytes = std::vector<std::byte>;

inline void put16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = std::byte(value & 0xff);
  bytes[at + 1] = std::byte(value >> 8);
}
inline void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, static_cast<std::uint16_t>(value & 0xffff));
  put16(bytes, at + 2, static_cast<std::uint16_t>(value >> 16));
}

inline std::uint32_t table_hlen(PduType type) {
  switch (type) {
    case PduType::kIcReq:
    case PduType::kIcResp:
      return 128;
    case PduType::kCapsuleCmd:
      return 72;
    default:
      return 24;
  }
}

struct RawPdu {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint8_t hlen = 0;
  std::uint8_t pdo = 0;
  std::uint32_t plen = 0;
  Bytes specific;              // the bytes after the common header
  std::uint32_t data_len = 0;  // data of the valid PDU
  bool digested = false;       // a header digest follows the header
  bool data_digested = false;

  // Data of `data_len` bytes where the type can have it; LAST on data PDUs; 152 bytes of TermReq when data_len is 128.
  static RawPdu valid(PduType pdu_type, std::uint32_t data_len, bool header_digest, bool data_digest,
                      std::uint32_t alignment = 4) {
    RawPdu pdu;
    const std::uint32_t hlen = table_hlen(pdu_type);
    pdu.type = static_cast<std::uint8_t>(pdu_type);
    pdu.hlen = static_cast<std::uint8_t>(hlen);
    pdu.specific.assign(hlen - 8, std::byte{0});
    pdu.data_len = data_len;
    if (pdu_type == PduType::kH2cTermReq || pdu_type == PduType::kC2hTermReq) {
      pdu.plen = hlen + data_len;
      return pdu;
    }
    pdu.digested = header_digest && hlen != 128;
    pdu.data_digested = data_digest && data_len != 0;
    const std::uint32_t framed = hlen + (pdu.digested ? 4 : 0);
    const std::uint32_t start = (framed + alignment - 1) / alignment * alignment;
    pdu.flags = static_cast<std::uint8_t>((pdu.digested ? 1 : 0) | (pdu.data_digested ? 2 : 0));
    pdu.plen = data_len == 0 ? framed : start + data_len + (pdu.data_digested ? 4 : 0);
    pdu.pdo = static_cast<std::uint8_t>(data_len == 0 ? 0 : start);
    if (pdu_type == PduType::kH2cData || pdu_type == PduType::kC2hData) {
      pdu.flags |= 4;
      put32(pdu.specific, 8, data_len);
    }
    return pdu;
  }

  RawPdu& transfer(std::uint16_t cccid, std::uint16_t ttag, std::uint32_t offset, std::uint32_t length) {
    put16(specific, 0, cccid);
    put16(specific, 2, ttag);
    put32(specific, 4, offset);
    put32(specific, 8, length);
    return *this;
  }

  [[nodiscard]] Bytes header() const {
    Bytes bytes(8 + specific.size());
    bytes[0] = std::byte{type};
    bytes[1] = std::byte{flags};
    bytes[2] = std::byte{hlen};
    bytes[3] = std::byte{pdo};
    put32(bytes, 4, plen);
    std::copy(specific.begin(), specific.end(), bytes.begin() + 8);
    return bytes;
  }

  // Header, digest of `signed_header` (the header itself unless told), and zeroes up to `total` bytes.
  [[nodiscard]] Bytes bytes(const Bytes* signed_header = nullptr, std::size_t total = 0) const {
    Bytes out = header();
    if (digested) {
      const Bytes& covered = signed_header != nullptr ? *signed_header : out;
      const std::uint32_t crc = crc32c(covered.data(), covered.size());
      out.resize(out.size() + 4);
      put32(out, out.size() - 4, crc);
    }
    if (total > out.size()) {
      out.resize(total);
    }
    return out;
  }
};

}  // namespace weft::tcp::test

#endif
