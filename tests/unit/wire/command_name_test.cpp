#include "core/wire/command_name.hpp"

#include <gtest/gtest.h>

#include "core/wire/sqe.hpp"

namespace weft::wire {
namespace {

TEST(CommandName, DependsOnTheQueue) {
  nvme::Sqe sqe;
  sqe.opcode = 0x02;
  EXPECT_EQ(command_name(sqe, true), "Get Log Page");
  EXPECT_EQ(command_name(sqe, false), "Read");
}

TEST(CommandName, OfFabricsCommandsDependsOnTheirType) {
  EXPECT_EQ(command_name(connect({}), false), "Connect");
  EXPECT_EQ(command_name(property_get(0, true), true), "Property Get");
  nvme::Sqe vendor;
  vendor.opcode = nvme::kFabricsOpcode;
  vendor.nsid = fabrics::fctype::kVendorFirst;
  EXPECT_EQ(command_name(vendor, true), "Fabrics type C0h");
}

TEST(CommandName, OfUnknownOpcodesIsTheirNumber) {
  nvme::Sqe sqe;
  sqe.opcode = 0x9A;
  EXPECT_EQ(command_name(sqe, true), "opcode 9Ah");
  EXPECT_EQ(command_name(sqe, false), "opcode 9Ah");
}

}  // namespace
}  // namespace weft::wire
