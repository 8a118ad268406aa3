// sgl.hpp - what the SGL of a received command capsule says about its data: in the capsule, in memory of the host's that
// keys name, none, or a status for the command. Pure; any thread. A bad SGL never ends a queue pair: the command gets
// its status.
//
// Accepted: a data block at an offset into the capsule (01h); one keyed data block (40h, or 4Fh: the response is to
// invalidate the key); a list of those in the capsule, named by a last segment descriptor with an offset (31h). For no
// data: anything of these of length 0, and a descriptor of zeroes.
#ifndef WEFT_RDMA_SGL_HPP
#define WEFT_RDMA_SGL_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::rdma {

constexpr std::uint32_t kMostDescriptors = 16;  // MSDBD that we offer, where lists are offered

enum class SglPlace : std::uint8_t {
  kNone,       // no data
  kInCapsule,  // `length` bytes at `offset` of the capsule's data
  kRemote,     // `length` bytes in `count` stretches of the host's memory
  kRefused,    // the command is to end with `status`
};

// A stretch of the host's memory.
struct RemoteSegment {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint32_t key = 0;
  friend bool operator==(const RemoteSegment&, const RemoteSegment&) = default;
};

struct SglVerdict {
  SglPlace place = SglPlace::kNone;
  bool invalidate = false;         // the response may invalidate `invalidate_key`
  std::uint16_t status = 0;        // SCT<<8|SC and DNR 4000h: weft_command.status
  std::uint16_t error_offset = 0;  // byte in the SQE of the lowest bad field
  std::uint32_t invalidate_key = 0;
  std::uint32_t length = 0;  // of all data
  std::uint32_t offset = 0;  // kInCapsule
  std::uint32_t count = 0;   // kRemote
};

// NVMe statuses that read_sgl gives, DNR included.
constexpr std::uint16_t kStatusInvalidField = 0x4002;
constexpr std::uint16_t kStatusSglSegmentInvalid = 0x400d;
constexpr std::uint16_t kStatusSglCountInvalid = 0x400e;
constexpr std::uint16_t kStatusSglLengthInvalid = 0x400f;
constexpr std::uint16_t kStatusSglTypeInvalid = 0x4011;
constexpr std::uint16_t kStatusSglOffsetInvalid = 0x4016;

struct SglLimits {
  std::uint32_t max_in_capsule = 0;   // bytes of data behind the SQE that were granted
  std::uint32_t max_descriptors = 1;  // to kMostDescriptors
};

// `sqe`: 64 bytes. `payload`: what the capsule carries behind them. `segments`: filled for kRemote, to `count`.
SglVerdict read_sgl(const std::byte* sqe, std::span<const std::byte> payload, const SglLimits& limits,
                    std::array<RemoteSegment, kMostDescriptors>& segments);

// Where byte `position` of a command's data lies in the host's memory, and how many bytes follow there. `position` is
// below the sum of the lengths.
RemoteSegment locate(std::span<const RemoteSegment> segments, std::uint64_t position);

}  // namespace weft::rdma

#endif
