// Commands that are wrong in themselves: their PDU is right, so the command fails, and nothing else.
//
// Namespace 1 has 32768 blocks of 512 bytes; MDTS is 1 MiB. In-capsule data is pattern(): no right range of anything.
#include "tests/peer/hostile/rows.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint16_t kCidUsed = 0x1234;
constexpr std::uint8_t kFabrics = 0x7f;
constexpr std::uint32_t kBlocks = 32768;

Sqe read(std::uint64_t lba = 0, std::uint32_t blocks = 1) {
  return Sqe(0x02, kCidUsed).u32(4, 1).u64(40, lba).u16(48, blocks - 1).transport(blocks * 512);
}
Sqe write() { return Sqe(0x01, kCidUsed).u32(4, 1).in_capsule(512); }
Sqe deallocate(std::uint32_t ranges) { return Sqe(0x09, kCidUsed).u32(4, 1).u32(40, ranges - 1).u32(44, 4); }
Sqe identify(std::uint32_t cns) { return Sqe(0x06, kCidUsed).u32(40, cns).transport(4096); }
Sqe log_page(std::uint32_t lid, std::uint32_t numd) {
  return Sqe(0x02, kCidUsed).u32(40, lid | (numd & 0xffff) << 16).u32(44, numd >> 16).transport((numd + 1) * 4);
}
Sqe set_features(std::uint32_t cdw10) { return Sqe(0x09, kCidUsed).u32(40, cdw10); }
Sqe fabrics(std::uint8_t fctype) { return Sqe(kFabrics, kCidUsed).u8(4, fctype); }
Sqe get_property(std::uint32_t offset, std::uint8_t attrib) { return fabrics(4).u8(40, attrib).u32(44, offset); }

const CommandRow kRows[] = {
    // ---- I/O queue
    {state::kIo, field::kPsdt, kind::kFlat, 0x002, read().u8(1, 0x00)},
    {state::kIo, field::kPsdt, kind::kUnexpected, 0x002, read().u8(1, 0x80)},
    {state::kIo, field::kFuse, kind::kReserved, 0x002, read().u8(1, 0x43)},
    {state::kIo, field::kFuse, kind::kAlone, 0x00a, write().u8(1, 0x42), 512},
    {state::kIo, field::kOpcode, kind::kUnknown, 0x001, Sqe(0x84, kCidUsed).u32(4, 1)},
    {state::kIo, field::kNsid, kind::kZero, 0x00b, read().u32(4, 0)},
    {state::kIo, field::kNsid, kind::kUnknown, 0x00b, read().u32(4, 77)},
    {state::kIo, field::kSglType, kind::kUnknown, 0x011, read().u8(39, 0x40)},
    {state::kIo, field::kSglType, kind::kWrongWay, 0x002, read().in_capsule(512), 512},
    {state::kIo, field::kSglType, kind::kMismatch, 0x002, write().transport(512), 512},
    {state::kIo, field::kSglSubtype, kind::kUnknown, 0x002, read().u8(39, 0x50)},
    {state::kIo, field::kSglSubtype, kind::kUnexpected, 0x002, read().u8(39, 0x00)},
    {state::kIo, field::kSglAddress, kind::kNotZero, 0x016, write().u64(24, 8), 512},
    {state::kIo, field::kSglLength, kind::kMismatch, 0x00f, write().in_capsule(1024), 512},
    {state::kIo, field::kSglLength, kind::kAbove, 0x016, write().in_capsule(16384), 512},
    {state::kIo, field::kSglLength, kind::kBelow, 0x00f, read(0, 2).transport(512)},
    {state::kIo, field::kSglLength, kind::kHuge, 0x00f, read().transport(0xffffffff)},
    {state::kIo, field::kSglLength, kind::kNothing, 0x00f, read().transport(0)},
    {state::kIo, field::kLba, kind::kBeyond, 0x080, read(kBlocks)},
    {state::kIo, field::kLba, kind::kAcross, 0x080, read(kBlocks - 1, 2)},
    {state::kIo, field::kLba, kind::kWrap64, 0x080, read(UINT64_MAX, 2)},
    {state::kIo, field::kBlocks, kind::kAbove, 0x002, read(0, 4096)},
    {state::kIo, field::kRanges, kind::kMismatch, 0x00f, deallocate(256).in_capsule(16), 16},
    {state::kIo, field::kRanges, kind::kBeyond, 0x080, deallocate(1).in_capsule(16), 16},
    {state::kIo, field::kFctype, kind::kRepeated, 0x00c, fabrics(1).in_capsule(1024), 1024},
    {state::kIo, field::kFctype, kind::kUnexpected, 0x001, get_property(0x1c, 0)},

    // ---- Admin queue
    {state::kAdmin, field::kPsdt, kind::kFlat, 0x002, identify(1).u8(1, 0x00)},
    {state::kAdmin, field::kFuse, kind::kUnexpected, 0x002, identify(1).u8(1, 0x41)},
    {state::kAdmin, field::kOpcode, kind::kUnknown, 0x001, Sqe(0xc0, kCidUsed)},
    {state::kAdmin, field::kOpcode, kind::kUnexpected, 0x001, Sqe(0x01, kCidUsed).u32(40, 0x1f0001)},  // Create I/O SQ
    {state::kAdmin, field::kSglLength, kind::kBelow, 0x00f, identify(1).transport(512)},
    {state::kAdmin, field::kSglLength, kind::kUnexpected, 0x00f, Sqe(0x18, kCidUsed).transport(512)},
    {state::kAdmin, field::kSglType, kind::kUnknown, 0x011, identify(1).u8(39, 0x30)},
    {state::kAdmin, field::kSglType, kind::kWrongWay, 0x002, identify(1).in_capsule(4096), 4096},
    {state::kAdmin, field::kCns, kind::kUnknown, 0x002, identify(0xff)},
    {state::kAdmin, field::kNsid, kind::kZero, 0x00b, identify(0)},
    {state::kAdmin, field::kNsid, kind::kHuge, 0x00b, identify(2).u32(4, 0xffffffff)},
    {state::kAdmin, field::kLid, kind::kUnknown, 0x109, log_page(0xef, 127)},
    {state::kAdmin, field::kNumd, kind::kAbove, 0x002, log_page(2, 0x7ffff)},
    {state::kAdmin, field::kNumd, kind::kWrap, 0x002, log_page(2, 0x4000007f)},
    {state::kAdmin, field::kNumd, kind::kMismatch, 0x00f, log_page(2, 127).transport(4096)},
    {state::kAdmin, field::kFid, kind::kUnknown, 0x002, set_features(0x7e)},
    {state::kAdmin, field::kFid, kind::kUnexpected, 0x10d, set_features(0x8000000b)},  // to be saved
    {state::kAdmin, field::kFid, kind::kReadOnly, 0x00c, set_features(0x81).u32(44, 1)},
    {state::kAdmin, field::kProperty, kind::kUnknown, 0x002, get_property(0x28, 0)},
    {state::kAdmin, field::kProperty, kind::kMisaligned, 0x002, get_property(0x1d, 0)},
    {state::kAdmin, field::kProperty, kind::kReadOnly, 0x002, fabrics(0).u8(40, 1).u32(44, 0)},
    {state::kAdmin, field::kAttrib, kind::kReserved, 0x002, get_property(0x1c, 7)},
    {state::kAdmin, field::kAttrib, kind::kMismatch, 0x002, get_property(0x1c, 1)},
    {state::kAdmin, field::kFctype, kind::kUnknown, 0x001, fabrics(0x3f)},
    {state::kAdmin, field::kFctype, kind::kRepeated, 0x00c, fabrics(1).in_capsule(1024), 1024},
    {state::kAdmin, field::kFctype, kind::kUnexpected, 0x185, fabrics(8)},
    {state::kDisabled, field::kOpcode, kind::kEarly, 0x00c, identify(1)},
    {state::kReady, field::kOpcode, kind::kEarly, 0x00c, Sqe(0x18, kCidUsed)},
    {state::kReady, field::kFctype, kind::kEarly, 0x00c, get_property(0, 1)},
};

}  // namespace

std::span<const CommandRow> command_rows() { return kRows; }

}  // namespace weft::hostile
