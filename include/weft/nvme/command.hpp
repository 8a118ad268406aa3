// command.hpp - what travels in capsules: SGL descriptors, submission and completion queue entries, opcodes, and the
// command specific dwords 10 to 15 as structs.
//
//   auto rw = sqe.arguments<nvme::ReadWriteArguments>();   std::uint64_t first = rw.slba;
//   sqe.set_arguments(rw);
//
// Value types; any thread.
#ifndef WEFT_NVME_COMMAND_HPP
#define WEFT_NVME_COMMAND_HPP

#include <bit>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"
#include "weft/status.hpp"

namespace weft::nvme {

// ---- SGL descriptors

// The identifier byte: type in bits 7:4, subtype in bits 3:0.
namespace sgl {
inline constexpr std::uint8_t kTypeDataBlock = 0x0;
inline constexpr std::uint8_t kTypeBitBucket = 0x1;
inline constexpr std::uint8_t kTypeSegment = 0x2;
inline constexpr std::uint8_t kTypeLastSegment = 0x3;
inline constexpr std::uint8_t kTypeKeyedDataBlock = 0x4;
inline constexpr std::uint8_t kTypeTransportDataBlock = 0x5;
inline constexpr std::uint8_t kTypeVendor = 0xF;

inline constexpr std::uint8_t kSubtypeAddress = 0x0;
inline constexpr std::uint8_t kSubtypeOffset = 0x1;
inline constexpr std::uint8_t kSubtypeTransport = 0xA;
inline constexpr std::uint8_t kSubtypeInvalidateKey = 0xF;

inline constexpr std::uint8_t kInCapsule = 0x01;          // data block, offset into the capsule
inline constexpr std::uint8_t kTransport = 0x5A;          // the transport moves the data (or there is none)
inline constexpr std::uint8_t kKeyed = 0x40;              // keyed data block
inline constexpr std::uint8_t kKeyedInvalidate = 0x4F;    // ... whose key the response is to invalidate
inline constexpr std::uint8_t kLastSegmentOffset = 0x31;  // a list of descriptors inside the capsule
}  // namespace sgl

// Data block, bit bucket, segment and transport data block.
struct SglDescriptor {
  le64 address{};  // or offset, by subtype
  le32 length{};
  WireBytes<3> reserved12{};
  std::uint8_t identifier{};

  [[nodiscard]] constexpr std::uint8_t type() const { return identifier >> 4; }
  [[nodiscard]] constexpr std::uint8_t subtype() const { return identifier & 0xF; }

  static constexpr SglDescriptor in_capsule(std::uint32_t length, std::uint64_t offset = 0) {
    return {.address = offset, .length = length, .identifier = sgl::kInCapsule};
  }
  static constexpr SglDescriptor transport(std::uint32_t length) {
    return {.length = length, .identifier = sgl::kTransport};
  }
};
WEFT_WIRE_SIZE(SglDescriptor, 16);
WEFT_WIRE_FIELD(SglDescriptor, address, 0);
WEFT_WIRE_FIELD(SglDescriptor, length, 8);
WEFT_WIRE_FIELD(SglDescriptor, reserved12, 12);
WEFT_WIRE_FIELD(SglDescriptor, identifier, 15);

// Keyed data block: the same 16 bytes with a 24-bit length and a key.
struct KeyedSglDescriptor {
  static constexpr std::uint32_t kMaxLength = 0xFFFFFF;

  le64 address{};
  WireBytes<3> length24{};
  le32 key{};
  std::uint8_t identifier{};

  [[nodiscard]] constexpr std::uint32_t length() const {
    return static_cast<std::uint32_t>(length24[0]) | (static_cast<std::uint32_t>(length24[1]) << 8) |
           (static_cast<std::uint32_t>(length24[2]) << 16);
  }
  // `length` is at most kMaxLength.
  constexpr void set_length(std::uint32_t length) {
    length24 = {static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(length >> 8),
                static_cast<std::uint8_t>(length >> 16)};
  }
  [[nodiscard]] constexpr SglDescriptor descriptor() const { return std::bit_cast<SglDescriptor>(*this); }
  static constexpr KeyedSglDescriptor from(const SglDescriptor& descriptor) {
    return std::bit_cast<KeyedSglDescriptor>(descriptor);
  }
};
WEFT_WIRE_SIZE(KeyedSglDescriptor, 16);
WEFT_WIRE_FIELD(KeyedSglDescriptor, address, 0);
WEFT_WIRE_FIELD(KeyedSglDescriptor, length24, 8);
WEFT_WIRE_FIELD(KeyedSglDescriptor, key, 11);
WEFT_WIRE_FIELD(KeyedSglDescriptor, identifier, 15);

// ---- Opcodes

enum class Direction : std::uint8_t { kNone = 0, kHostToController = 1, kControllerToHost = 2, kBoth = 3 };

// The two low bits of an opcode; of FCTYPE when the opcode is kFabricsOpcode (see Sqe::direction).
[[nodiscard]] constexpr Direction opcode_direction(std::uint8_t opcode) { return static_cast<Direction>(opcode & 3); }

inline constexpr std::uint8_t kFabricsOpcode = 0x7F;

namespace admin {
inline constexpr std::uint8_t kDeleteIoSq = 0x00;
inline constexpr std::uint8_t kCreateIoSq = 0x01;
inline constexpr std::uint8_t kGetLogPage = 0x02;
inline constexpr std::uint8_t kDeleteIoCq = 0x04;
inline constexpr std::uint8_t kCreateIoCq = 0x05;
inline constexpr std::uint8_t kIdentify = 0x06;
inline constexpr std::uint8_t kAbort = 0x08;
inline constexpr std::uint8_t kSetFeatures = 0x09;
inline constexpr std::uint8_t kGetFeatures = 0x0A;
inline constexpr std::uint8_t kAsyncEventRequest = 0x0C;
inline constexpr std::uint8_t kKeepAlive = 0x18;
}  // namespace admin

namespace io {
inline constexpr std::uint8_t kFlush = 0x00;
inline constexpr std::uint8_t kWrite = 0x01;
inline constexpr std::uint8_t kRead = 0x02;
inline constexpr std::uint8_t kWriteUncorrectable = 0x04;
inline constexpr std::uint8_t kCompare = 0x05;
inline constexpr std::uint8_t kWriteZeroes = 0x08;
inline constexpr std::uint8_t kDatasetManagement = 0x09;
inline constexpr std::uint8_t kVerify = 0x0C;
inline constexpr std::uint8_t kReservationRegister = 0x0D;
inline constexpr std::uint8_t kReservationReport = 0x0E;
inline constexpr std::uint8_t kReservationAcquire = 0x11;
inline constexpr std::uint8_t kReservationRelease = 0x15;
inline constexpr std::uint8_t kCopy = 0x19;
}  // namespace io

inline constexpr std::uint32_t kNsidAll = 0xFFFFFFFF;

// ---- Submission queue entry

namespace flags {  // byte 1 of a submission queue entry
inline constexpr std::uint8_t kFuseMask = 0x03;
inline constexpr std::uint8_t kFuseNone = 0x00;
inline constexpr std::uint8_t kFuseFirst = 0x01;
inline constexpr std::uint8_t kFuseSecond = 0x02;
inline constexpr std::uint8_t kPsdtMask = 0xC0;
inline constexpr std::uint8_t kPsdtPrp = 0x00;
inline constexpr std::uint8_t kPsdtSgl = 0x40;          // SGL, metadata pointer: what Fabrics commands carry
inline constexpr std::uint8_t kPsdtSglMetadata = 0x80;  // SGL, metadata by SGL too
}  // namespace flags

struct Sqe {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  le32 nsid{};  // on a Fabrics command the low byte is FCTYPE
  le32 cdw2{};
  le32 cdw3{};
  le64 mptr{};
  SglDescriptor sgl{};  // DPTR
  le32 cdw10{};
  le32 cdw11{};
  le32 cdw12{};
  le32 cdw13{};
  le32 cdw14{};
  le32 cdw15{};

  [[nodiscard]] constexpr std::uint8_t fuse() const { return flags & flags::kFuseMask; }
  [[nodiscard]] constexpr std::uint8_t psdt() const { return flags & flags::kPsdtMask; }
  [[nodiscard]] constexpr bool is_fabrics() const { return opcode == kFabricsOpcode; }
  [[nodiscard]] constexpr std::uint8_t fctype() const { return static_cast<std::uint8_t>(nsid & 0xFF); }
  [[nodiscard]] constexpr Direction direction() const { return opcode_direction(is_fabrics() ? fctype() : opcode); }

  // Dwords 10 to 15 as one of the structs below.
  template <class Arguments>
  [[nodiscard]] constexpr Arguments arguments() const {
    return std::bit_cast<Split<Arguments>>(*this).arguments;
  }
  // One field of any of them, at its byte of the entry. For the data path: the whole struct, out of an entry that was copied just
  // now, is read across two parts of that copy, and waits for both.
  template <class Field>
  [[nodiscard]] Field argument_at(std::size_t byte) const {
    return load<Field>(reinterpret_cast<const std::byte*>(this) + byte);
  }
  template <class Arguments>
  constexpr void set_arguments(const Arguments& arguments) {
    auto split = std::bit_cast<Split<Arguments>>(*this);
    split.arguments = arguments;
    *this = std::bit_cast<Sqe>(split);
  }

 private:
  template <class Arguments>
  struct Split {
    WireBytes<40> head{};
    Arguments arguments{};
  };
};
WEFT_WIRE_SIZE(Sqe, 64);
WEFT_WIRE_FIELD(Sqe, opcode, 0);
WEFT_WIRE_FIELD(Sqe, flags, 1);
WEFT_WIRE_FIELD(Sqe, cid, 2);
WEFT_WIRE_FIELD(Sqe, nsid, 4);
WEFT_WIRE_FIELD(Sqe, cdw2, 8);
WEFT_WIRE_FIELD(Sqe, cdw3, 12);
WEFT_WIRE_FIELD(Sqe, mptr, 16);
WEFT_WIRE_FIELD(Sqe, sgl, 24);
WEFT_WIRE_FIELD(Sqe, cdw10, 40);
WEFT_WIRE_FIELD(Sqe, cdw11, 44);
WEFT_WIRE_FIELD(Sqe, cdw12, 48);
WEFT_WIRE_FIELD(Sqe, cdw13, 52);
WEFT_WIRE_FIELD(Sqe, cdw14, 56);
WEFT_WIRE_FIELD(Sqe, cdw15, 60);

// ---- Completion queue entry

struct Cqe {
  le32 dw0{};
  le32 dw1{};
  le16 sqhd{};
  le16 sqid{};  // reserved on Fabrics
  le16 cid{};
  le16 status_field{};  // phase bit (0 on Fabrics) below the status

  [[nodiscard]] constexpr NvmeStatus status() const {
    return NvmeStatus(static_cast<std::uint16_t>(status_field >> 1));
  }
  constexpr void set_status(NvmeStatus status) { status_field = static_cast<std::uint16_t>(status.value() << 1); }
  [[nodiscard]] constexpr std::uint64_t result() const { return dw0 | (static_cast<std::uint64_t>(dw1) << 32); }
  constexpr void set_result(std::uint64_t value) {
    dw0 = static_cast<std::uint32_t>(value);
    dw1 = static_cast<std::uint32_t>(value >> 32);
  }
};
WEFT_WIRE_SIZE(Cqe, 16);
WEFT_WIRE_FIELD(Cqe, dw0, 0);
WEFT_WIRE_FIELD(Cqe, dw1, 4);
WEFT_WIRE_FIELD(Cqe, sqhd, 8);
WEFT_WIRE_FIELD(Cqe, sqid, 10);
WEFT_WIRE_FIELD(Cqe, cid, 12);
WEFT_WIRE_FIELD(Cqe, status_field, 14);

}  // namespace weft::nvme

#include "weft/nvme/arguments.hpp"  // IWYU pragma: export

#endif
