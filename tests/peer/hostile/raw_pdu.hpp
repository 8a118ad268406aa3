// raw_pdu.hpp - NVMe/TCP PDUs, submission queue entries and digests, written down apart from the plugin, for peers that lie.
//
// Nothing here is shared with plugins/tcp: a mistake there is not repeated here. A RawPdu starts right; every field may then be
// set to anything, and what is sent is exactly what the fields say, whatever they say. Value types.
#ifndef WEFT_TESTS_PEER_HOSTILE_RAW_PDU_HPP
#define WEFT_TESTS_PEER_HOSTILE_RAW_PDU_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::hostile {

using Bytes = std::vector<std::uint8_t>;

enum Type : std::uint8_t {
  kIcReq = 0,
  kIcResp = 1,
  kH2cTermReq = 2,
  kC2hTermReq = 3,
  kCapsuleCmd = 4,
  kCapsuleResp = 5,
  kH2cData = 6,
  kC2hData = 7,
  kUnknown = 8,
  kR2t = 9,
};
enum Flag : std::uint8_t { kHdgstFlag = 1, kDdgstFlag = 2, kLast = 4, kSuccess = 8 };

std::uint32_t crc32c(std::span<const std::uint8_t> bytes);

template <class T>
T get(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) value = value << 8 | bytes[at + i];
  return static_cast<T>(value);
}
template <class T>
void put(std::span<std::uint8_t> bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[at + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> 8 * i);
}
inline std::uint16_t u16(std::span<const std::uint8_t> bytes, std::size_t at) { return get<std::uint16_t>(bytes, at); }
inline std::uint32_t u32(std::span<const std::uint8_t> bytes, std::size_t at) { return get<std::uint32_t>(bytes, at); }

struct Digests {
  bool header = false, data = false;
};

// 64 bytes of a command.
struct Sqe {
  std::array<std::uint8_t, 64> bytes{};

  Sqe(std::uint8_t opcode, std::uint16_t cid) {
    bytes[0] = opcode;
    bytes[1] = 0x40;
    u16(2, cid);
  }
  Sqe& u8(std::size_t at, unsigned value) {
    bytes[at] = static_cast<std::uint8_t>(value);
    return *this;
  }
  Sqe& u16(std::size_t at, unsigned value) {
    put(std::span(bytes), at, static_cast<std::uint16_t>(value));
    return *this;
  }
  Sqe& u32(std::size_t at, std::uint32_t value) {
    put(std::span(bytes), at, value);
    return *this;
  }
  Sqe& u64(std::size_t at, std::uint64_t value) {
    put(std::span(bytes), at, value);
    return *this;
  }
  Sqe& in_capsule(std::uint32_t length) { return u32(32, length).u8(39, 0x01); }
  Sqe& transport(std::uint32_t length) { return u32(32, length).u8(39, 0x5a); }
  [[nodiscard]] std::uint16_t cid() const { return hostile::u16(bytes, 2); }
};

struct RawPdu {
  std::uint8_t type = 0, flags = 0, hlen = 0, pdo = 0;
  std::uint32_t plen = 0;
  Bytes specific;  // the header after its first 8 bytes
  Bytes data;      // sent from byte `data_at` on
  std::uint32_t data_at = 0;
  bool header_digest = false, data_digest = false;   // are they sent?
  std::uint32_t header_damage = 0, data_damage = 0;  // xor on the digests

  // As the type has to be. Data PDUs are marked LAST and name their data.
  RawPdu(Type type, const Digests& digests = {}, Bytes data = {}, std::uint32_t alignment = 4);
  RawPdu(const Sqe& sqe, const Digests& digests = {}, Bytes data = {});

  RawPdu& u8(std::size_t at, unsigned value);  // `at` counts from the start of the PDU, 8 and up
  RawPdu& u16(std::size_t at, unsigned value);
  RawPdu& u32(std::size_t at, std::uint32_t value);
  RawPdu& transfer(std::uint16_t cid, std::uint16_t tag, std::uint32_t offset, std::uint32_t length);
  RawPdu& flag(unsigned bits) {
    flags = static_cast<std::uint8_t>(flags | bits);
    return *this;
  }
  RawPdu& no_flag(unsigned bits) {
    flags = static_cast<std::uint8_t>(flags & ~bits);
    return *this;
  }

  [[nodiscard]] Bytes header() const;
  [[nodiscard]] std::uint32_t header_digest_sent() const { return crc32c(header()) ^ header_damage; }
  [[nodiscard]] Bytes bytes() const;
};

}  // namespace weft::hostile

#endif
