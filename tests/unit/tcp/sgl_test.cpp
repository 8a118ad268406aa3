#include "plugins/tcp/sgl.hpp"

#include <gtest/gtest.h>

#include "raw_pdu.hpp"

namespace weft::tcp::test {
namespace {

struct SglRow {
  const char* name;
  std::uint8_t opcode;
  std::uint8_t flags;  // byte 1 of the SQE
  std::uint8_t identifier;
  std::uint64_t address;
  std::uint32_t length;
  std::uint32_t payload;
  bool admin;
  SglPlace place;
  std::uint16_t status;
  std::uint16_t offset;
};

constexpr auto kNone = SglPlace::kNone;
constexpr auto kIn = SglPlace::kInCapsule;
constexpr auto kTransport = SglPlace::kTransport;
constexpr auto kRefused = SglPlace::kRefused;

// I/O queues take 4096 bytes in the capsule here. Opcodes: 1 write, 2 read, 0 flush, 6 (admin) identify, 7Fh Fabrics.
constexpr SglRow kRows[] = {
    {"flush with an empty transport descriptor", 0, 0x40, 0x5a, 0, 0, 0, false, kNone, 0, 0},
    {"flush with no descriptor", 0, 0x40, 0x00, 0, 0, 0, false, kNone, 0, 0},
    {"flush with an empty in-capsule descriptor", 0, 0x40, 0x01, 0, 0, 0, false, kNone, 0, 0},
    {"write by R2T", 1, 0x40, 0x5a, 0, 131072, 0, false, kTransport, 0, 0},
    {"write of everything that a descriptor can say", 1, 0x40, 0x5a, 0, 0xffffffff, 0, false, kTransport, 0, 0},
    {"write in the capsule", 1, 0x40, 0x01, 0, 4096, 4096, false, kIn, 0, 0},
    {"write of an odd length in the capsule", 1, 0x40, 0x01, 0, 1, 1, false, kIn, 0, 0},
    {"first of a fused pair", 5, 0x41, 0x01, 0, 512, 512, false, kIn, 0, 0},
    {"read", 2, 0x40, 0x5a, 0, 4096, 0, false, kTransport, 0, 0},
    {"identify", 6, 0x40, 0x5a, 0, 4096, 0, true, kTransport, 0, 0},
    {"admin data in the capsule beyond IOCCSZ", 0x11, 0x40, 0x01, 0, 8192, 8192, true, kIn, 0, 0},
    {"Connect on an I/O queue", 0x7f, 0x40, 0x01, 0, 1024, 1024, false, kIn, 0, 0},
    {"Fabrics data beyond IOCCSZ on an I/O queue", 0x7f, 0x40, 0x01, 0, 8192, 8192, false, kIn, 0, 0},
    {"Fabrics with PSDT 00b", 0x7f, 0x00, 0x01, 0, 1024, 1024, true, kIn, 0, 0},
    {"Fabrics with PSDT 00b and no data", 0x7f, 0x00, 0x00, 0, 0, 0, true, kNone, 0, 0},
    {"write with PRPs", 1, 0x00, 0x5a, 0, 4096, 0, false, kRefused, 0x4002, 1},
    {"write with metadata by SGL", 1, 0x80, 0x5a, 0, 4096, 0, false, kRefused, 0x4002, 1},
    {"write with PSDT 11b", 1, 0xc0, 0x5a, 0, 4096, 0, false, kRefused, 0x4002, 1},
    {"Fabrics with metadata by SGL", 0x7f, 0x80, 0x01, 0, 1024, 1024, true, kRefused, 0x4002, 1},
    {"bit bucket", 2, 0x40, 0x10, 0, 4096, 0, false, kRefused, 0x4011, 39},
    {"segment", 1, 0x40, 0x21, 0, 4096, 4096, false, kRefused, 0x4011, 39},
    {"last segment", 1, 0x40, 0x31, 0, 4096, 4096, false, kRefused, 0x4011, 39},
    {"keyed", 1, 0x40, 0x40, 0, 4096, 0, false, kRefused, 0x4011, 39},
    {"keyed with invalidate", 1, 0x40, 0x4f, 0x1000, 4096, 0, false, kRefused, 0x4011, 39},
    {"vendor type", 1, 0x40, 0xf0, 0, 4096, 0, false, kRefused, 0x4011, 39},
    {"data block by address", 1, 0x40, 0x00, 0x1000, 4096, 0, false, kRefused, 0x4002, 39},
    {"data block by address 0 with a length", 1, 0x40, 0x00, 0, 4096, 0, false, kRefused, 0x4002, 39},
    {"no descriptor but data", 1, 0x40, 0x00, 0, 0, 512, false, kRefused, 0x4002, 39},
    {"transport block with subtype 0", 1, 0x40, 0x50, 0, 4096, 0, false, kRefused, 0x4002, 39},
    {"transport block with reserved bytes set", 1, 0x40, 0x5a, 1, 4096, 0, false, kTransport, 0, 0},
    {"empty transport block with reserved bytes set", 0, 0x40, 0x5a, 0xffffffffffffffff, 0, 0, false, kNone, 0, 0},
    {"transport block with data in the capsule", 1, 0x40, 0x5a, 0, 512, 512, false, kRefused, 0x4002, 39},
    {"empty transport block with data in the capsule", 0, 0x40, 0x5a, 0, 0, 512, false, kRefused, 0x4002, 39},
    {"in-capsule offset", 1, 0x40, 0x01, 64, 512, 512, false, kRefused, 0x4016, 24},
    {"in-capsule offset before a wrong length", 1, 0x40, 0x01, 0x8000000000000000, 512, 4, false, kRefused, 0x4016, 24},
    {"in-capsule data beyond IOCCSZ", 1, 0x40, 0x01, 0, 4097, 4097, false, kRefused, 0x4016, 32},
    {"in-capsule length beyond IOCCSZ", 1, 0x40, 0x01, 0, 0xffffffff, 512, false, kRefused, 0x4016, 32},
    {"in-capsule payload beyond IOCCSZ", 1, 0x40, 0x01, 0, 512, 8192, false, kRefused, 0x4016, 32},
    {"admin data beyond 8192", 0x11, 0x40, 0x01, 0, 8193, 8193, true, kRefused, 0x4016, 32},
    {"less data than the descriptor says", 1, 0x40, 0x01, 0, 512, 511, false, kRefused, 0x400f, 32},
    {"more data than the descriptor says", 1, 0x40, 0x01, 0, 512, 513, false, kRefused, 0x400f, 32},
    {"data for an empty descriptor", 1, 0x40, 0x01, 0, 0, 4, false, kRefused, 0x400f, 32},
    {"descriptor without its data", 1, 0x40, 0x01, 0, 512, 0, false, kRefused, 0x400f, 32},
    {"read with data in the capsule", 2, 0x40, 0x01, 0, 512, 512, false, kRefused, 0x4002, 39},
    {"identify with data in the capsule", 6, 0x40, 0x01, 0, 4096, 4096, true, kRefused, 0x4002, 39},
    {"PSDT before the descriptor", 1, 0x00, 0x21, 5, 4096, 4096, false, kRefused, 0x4002, 1},
};

Bytes sqe_of(const SglRow& row) {
  Bytes sqe(64);
  sqe[0] = std::byte{row.opcode};
  sqe[1] = std::byte{row.flags};
  sqe[4] = std::byte{row.opcode == 0x7f ? std::uint8_t{1} : std::uint8_t{0}};
  put32(sqe, 24, static_cast<std::uint32_t>(row.address));
  put32(sqe, 28, static_cast<std::uint32_t>(row.address >> 32));
  put32(sqe, 32, row.length);
  sqe[39] = std::byte{row.identifier};
  return sqe;
}

TEST(Sgl, SaysWhereTheDataIsOrWhyTheCommandFails) {
  for (const SglRow& row : kRows) {
    SCOPED_TRACE(row.name);
    const SglVerdict verdict =
        classify_sgl(sqe_of(row).data(), row.payload, {.admin_queue = row.admin, .max_in_capsule = 4096});
    EXPECT_EQ(verdict.place, row.place);
    EXPECT_EQ(verdict.status, row.status);
    EXPECT_EQ(verdict.error_offset, row.offset);
    EXPECT_EQ(verdict.length, row.place == kRefused ? 0 : row.length);
  }
}

TEST(Sgl, LetsAdminAndFabricsCommandsUseWhatIoCommandsMay) {
  const SglRow row{"admin", 0x11, 0x40, 0x01, 0, 16384, 16384, true, kIn, 0, 0};
  EXPECT_EQ(classify_sgl(sqe_of(row).data(), 16384, {.admin_queue = true, .max_in_capsule = 16384}).place, kIn);
  EXPECT_EQ(classify_sgl(sqe_of(row).data(), 16384, {.admin_queue = true, .max_in_capsule = 0}).place, kRefused);
}

TEST(Sgl, KnowsTheDirectionOfFabricsCommandsByTheirType) {
  Bytes sqe(64);
  sqe[0] = std::byte{0x7f};
  sqe[4] = std::byte{0x05};  // Authentication Send
  EXPECT_TRUE(data_direction(sqe.data()).to_controller);
  EXPECT_FALSE(data_direction(sqe.data()).to_host);
  sqe[4] = std::byte{0x06};  // Authentication Receive
  EXPECT_FALSE(data_direction(sqe.data()).to_controller);
  EXPECT_TRUE(data_direction(sqe.data()).to_host);
}

}  // namespace
}  // namespace weft::tcp::test
