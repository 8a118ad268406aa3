// capsules.hpp - NVMe/RDMA by hand: private data of the connection manager, SQEs with their descriptors, CQEs. Values
// may be as wrong as a test wants. Pure.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_CAPSULES_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_CAPSULES_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weft/endian.hpp"

namespace weft::rdma::model {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kSqeSize = 64, kCqeSize = 16;
constexpr unsigned kFabricsOpcode = 0x7f;
// Types and subtypes of SGL descriptors.
constexpr unsigned kAddress = 0x00, kOffset = 0x01, kLastSegment = 0x31, kKeyed = 0x40, kKeyedInvalidate = 0x4f;

struct RequestData {
  std::uint16_t format = 0, qid = 0, host_receives = 32, host_sends = 31, cntlid = 0;
  [[nodiscard]] Bytes bytes(std::size_t length = 32) const {
    Bytes data(32);
    store(data.data(), le16(format));
    store(data.data() + 2, le16(qid));
    store(data.data() + 4, le16(host_receives));
    store(data.data() + 6, le16(host_sends));
    store(data.data() + 8, le16(cntlid));
    data.resize(length);
    return data;
  }
};

// Of an accept: `value` is the receives of the controller; of a reject (4 bytes): the status.
inline Bytes answer_data(std::uint16_t value, std::uint16_t format = 0, std::size_t length = 32) {
  Bytes data(32);
  store(data.data(), le16(format));
  store(data.data() + 2, le16(value));
  data.resize(length);
  return data;
}

inline Bytes make_sqe(std::uint8_t opcode, std::uint16_t cid) {
  Bytes sqe(kSqeSize);
  sqe[0] = static_cast<std::byte>(opcode);
  sqe[1] = std::byte{0x40};  // PSDT: SGLs
  store(sqe.data() + 2, le16(cid));
  return sqe;
}

inline void put_keyed(std::byte* at, std::uint64_t address, std::uint32_t length, std::uint32_t rkey,
                      unsigned type = kKeyed) {
  store(at, le64(address));
  store(at + 8, le32(length & 0xffffff));
  store(at + 11, le32(rkey));
  at[15] = static_cast<std::byte>(type);
}

inline void put_offset(std::byte* at, std::uint64_t offset, std::uint32_t length, unsigned type = kOffset) {
  store(at, le64(offset));
  store(at + 8, le32(length));
  at[12] = at[13] = at[14] = std::byte{0};
  at[15] = static_cast<std::byte>(type);
}

inline Bytes keyed_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint64_t address, std::uint32_t length,
                       std::uint32_t rkey, unsigned type = kKeyed) {
  Bytes sqe = make_sqe(opcode, cid);
  put_keyed(sqe.data() + 24, address, length, rkey, type);
  return sqe;
}

inline Bytes in_capsule_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint64_t offset, std::uint32_t length,
                            const Bytes& data) {
  Bytes capsule = make_sqe(opcode, cid);
  put_offset(capsule.data() + 24, offset, length);
  capsule.resize(kSqeSize + data.size());
  std::copy(data.begin(), data.end(), capsule.begin() + kSqeSize);
  return capsule;
}

inline Bytes make_cqe(std::uint16_t cid, std::uint16_t status = 0) {
  Bytes cqe(kCqeSize);
  store(cqe.data() + 12, le16(cid));
  store(cqe.data() + 14, le16(static_cast<std::uint16_t>(status << 1)));
  return cqe;
}

inline std::uint16_t cid_of(const Bytes& capsule) { return load<le16>(capsule.data() + 2); }
// The keyed descriptor of an SQE.
inline std::uint64_t address_in(const Bytes& sqe) { return load<le64>(sqe.data() + 24); }
inline std::uint32_t length_in(const Bytes& sqe) { return load<le32>(sqe.data() + 32).value() & 0xffffff; }
inline std::uint32_t rkey_in(const Bytes& sqe) { return load<le32>(sqe.data() + 35); }
inline unsigned type_in(const Bytes& sqe) { return std::to_integer<unsigned>(sqe[39]); }

}  // namespace weft::rdma::model

#endif
