// sgl.hpp - what the SGL of a received command capsule says about its data: in the capsule, by R2T or C2HData, none, or
// a status for the command. Pure; any thread. A bad SGL never ends a connection: the command gets its status.
#ifndef WEFT_TCP_SGL_HPP
#define WEFT_TCP_SGL_HPP

#include <cstddef>
#include <cstdint>

namespace weft::tcp {

enum class SglPlace : std::uint8_t {
  kNone,       // no data
  kInCapsule,  // `length` bytes, all of them in this capsule
  kTransport,  // `length` bytes, by R2T and H2CData or by C2HData
  kRefused,    // the command is to end with `status`; what data the capsule carries is to be taken and dropped
};

struct SglVerdict {
  SglPlace place = SglPlace::kNone;
  std::uint32_t length = 0;
  std::uint16_t status = 0;        // SCT<<8|SC and DNR 4000h: weft_command.status
  std::uint16_t error_offset = 0;  // byte in the SQE of the lowest bad field: weft_command.error_offset
};

// NVMe statuses that classify_sgl gives, DNR included.
constexpr std::uint16_t kStatusInvalidField = 0x4002;
constexpr std::uint16_t kStatusSglLengthInvalid = 0x400f;
constexpr std::uint16_t kStatusSglTypeInvalid = 0x4011;
constexpr std::uint16_t kStatusSglOffsetInvalid = 0x4016;
// Without DNR: what a data digest error gives the command (Transient Transport Error).
constexpr std::uint16_t kStatusTransientTransport = 0x0022;

struct SglLimits {
  bool admin_queue = false;
  std::uint32_t max_in_capsule = 0;  // I/O commands: IOCCSZ*16 - 64; admin and Fabrics commands may have 8192 anyway
};

// `sqe`: 64 bytes. `payload`: bytes of data that the capsule really carries.
SglVerdict classify_sgl(const std::byte* sqe, std::uint32_t payload, const SglLimits& limits);

// Which way data of the command goes, by its opcode (FCTYPE for Fabrics): bit 0 host to controller, bit 1 back.
struct DataDirection {
  bool to_controller = false;
  bool to_host = false;
};
DataDirection data_direction(const std::byte* sqe);

}  // namespace weft::tcp

#endif
