#include "core/wire/sqe.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace weft::wire {
namespace {

// A command as the list of its bytes that are not zero, by offset.
std::map<std::size_t, int> bytes_of(const nvme::Sqe& sqe) {
  std::array<std::uint8_t, 64> raw{};
  store(raw.data(), sqe);
  std::map<std::size_t, int> set;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != 0) set[i] = raw[i];
  }
  return set;
}
using Bytes = std::map<std::size_t, int>;

TEST(Sqe, ConnectOfTheAdminQueueIsWrittenByteForByte) {
  const Bytes expected = {{0, 0x7F}, {4, 0x01}, {44, 31}, {48, 0x30}, {49, 0x75}};
  EXPECT_EQ(bytes_of(connect({.qid = 0, .entries = 32, .kato_ms = 30000})), expected);
}

TEST(Sqe, ConnectOfAnIoQueueCarriesNoKeepAlive) {
  const Bytes expected = {{0, 0x7F}, {4, 0x01}, {42, 0x02}, {43, 0x01}, {44, 127}, {46, 0x04}};
  EXPECT_EQ(bytes_of(connect({.qid = 0x102, .entries = 128, .disable_sq_flow_control = true, .kato_ms = 5000})),
            expected);
}

TEST(Sqe, ConnectOfTheLargestQueueUsesTheWholeField) {
  const Bytes expected = {{0, 0x7F}, {4, 0x01}, {42, 1}, {44, 0xFF}, {45, 0xFF}};
  EXPECT_EQ(bytes_of(connect({.qid = 1, .entries = kMaxQueueEntries})), expected);
}

TEST(Sqe, PropertyGetNamesWidthAndOffset) {
  EXPECT_EQ(bytes_of(property_get(nvme::property::kCap, true)), (Bytes{{0, 0x7F}, {4, 0x04}, {40, 1}}));
  EXPECT_EQ(bytes_of(property_get(nvme::property::kCsts, false)), (Bytes{{0, 0x7F}, {4, 0x04}, {44, 0x1C}}));
}

TEST(Sqe, PropertySetCarriesItsValue) {
  const Bytes expected = {{0, 0x7F}, {44, 0x14}, {48, 0x01}, {50, 0x46}};
  EXPECT_EQ(bytes_of(property_set(nvme::property::kCc, 0x00460001, false)), expected);
  const Bytes wide = {{0, 0x7F}, {40, 1}, {44, 0x14}, {48, 8}, {55, 1}};
  EXPECT_EQ(bytes_of(property_set(nvme::property::kCc, 0x0100000000000008, true)), wide);
}

TEST(Sqe, DisconnectIsAlmostEmpty) { EXPECT_EQ(bytes_of(disconnect()), (Bytes{{0, 0x7F}, {4, 0x08}})); }

TEST(Sqe, IdentifyCarriesAllItsFields) {
  const Bytes expected = {{0, 0x06}, {4, 9}, {40, 0x05}, {42, 0x34}, {43, 0x12}, {47, 0x02}};
  EXPECT_EQ(bytes_of(identify({.cns = 5, .nsid = 9, .cntid = 0x1234, .csi = nvme::csi::kZoned})), expected);
}

TEST(Sqe, GetLogPageSplitsItsLength) {
  // (10001h + 1) dwords of page 70h
  const Bytes expected = {{0, 0x02},  {40, 0x70}, {41, 0x83}, {42, 0x01},
                          {44, 0x01}, {46, 0x07}, {49, 0x04}, {52, 0x01}};
  EXPECT_EQ(bytes_of(get_log_page({.lid = nvme::log_page::kDiscovery,
                                   .offset = 0x0000000100000400,
                                   .length = 0x10002 * 4,
                                   .lsp = 3,
                                   .lsi = 7,
                                   .retain_async_event = true})),
            expected);
}

TEST(Sqe, GetLogPageLengthSurvivesTheWire) {
  for (const std::uint64_t length :
       {std::uint64_t{4}, std::uint64_t{4096}, std::uint64_t{1} << 18, std::uint64_t{1} << 34}) {
    const auto arguments = get_log_page({.lid = 2, .length = length}).arguments<nvme::GetLogPageArguments>();
    EXPECT_EQ(arguments.length(), length);
  }
}

TEST(Sqe, FeaturesCarryIdentifierAndValue) {
  EXPECT_EQ(bytes_of(set_features(nvme::feature::kNumberOfQueues, nvme::QueueCounts{4, 4}.encode())),
            (Bytes{{0, 0x09}, {40, 0x07}, {44, 3}, {46, 3}}));
  EXPECT_EQ(bytes_of(set_features(nvme::feature::kVolatileWriteCache, 1, 2, true)),
            (Bytes{{0, 0x09}, {4, 2}, {40, 0x06}, {43, 0x80}, {44, 1}}));
  EXPECT_EQ(bytes_of(get_features(nvme::feature::kKeepAliveTimer, 0, 0, nvme::feature::kSelectSupported)),
            (Bytes{{0, 0x0A}, {40, 0x0F}, {41, 3}}));
}

TEST(Sqe, ControllerWideCommandsNameNoNamespace) {
  EXPECT_EQ(bytes_of(keep_alive()), (Bytes{{0, 0x18}}));
  EXPECT_EQ(bytes_of(async_event_request()), (Bytes{{0, 0x0C}}));
  EXPECT_EQ(bytes_of(abort(0x0102, 0x0304)), (Bytes{{0, 0x08}, {40, 2}, {41, 1}, {42, 4}, {43, 3}}));
}

TEST(Sqe, ReadIsWrittenByteForByte) {
  const Bytes expected = {{0, 0x02}, {4, 1}, {40, 8}, {47, 1}, {48, 7}, {51, 0x40}};
  EXPECT_EQ(bytes_of(read(1, 0x0100000000000008, 8, nvme::ReadWriteArguments::kForceUnitAccess)), expected);
}

TEST(Sqe, BlockCommandsDifferInTheirOpcodeOnly) {
  const auto arguments = Bytes{{4, 1}, {40, 2}, {48, 2}};
  const std::vector<std::pair<nvme::Sqe, int>> table = {
      {write(1, 2, 3), 0x01},   {read(1, 2, 3), 0x02},         {write_uncorrectable(1, 2, 3), 0x04},
      {compare(1, 2, 3), 0x05}, {write_zeroes(1, 2, 3), 0x08}, {verify(1, 2, 3), 0x0C}};
  for (const auto& [sqe, opcode] : table) {
    Bytes expected = arguments;
    expected[0] = opcode;
    EXPECT_EQ(bytes_of(sqe), expected);
  }
}

TEST(Sqe, TheLargestCommandHas65536Blocks) {
  const auto arguments = write(1, 0, kMaxBlocksPerCommand).arguments<nvme::ReadWriteArguments>();
  EXPECT_EQ(arguments.nlb, 0xFFFF);
  EXPECT_EQ(arguments.blocks(), 65536U);
}

TEST(Sqe, WriteZeroesCarriesDeallocate) {
  EXPECT_EQ(bytes_of(write_zeroes(1, 0, 1, nvme::ReadWriteArguments::kDeallocate)),
            (Bytes{{0, 8}, {4, 1}, {51, 0x02}}));
}

TEST(Sqe, FlushNamesItsNamespace) {
  EXPECT_EQ(bytes_of(flush(nvme::kNsidAll)), (Bytes{{4, 0xFF}, {5, 0xFF}, {6, 0xFF}, {7, 0xFF}}));
}

TEST(Sqe, DatasetManagementCountsItsRanges) {
  const nvme::Sqe sqe = dataset_management(1, 256, nvme::DatasetManagementArguments::kDeallocate);
  EXPECT_EQ(bytes_of(sqe), (Bytes{{0, 9}, {4, 1}, {40, 0xFF}, {44, 4}}));
  EXPECT_EQ(sqe.arguments<nvme::DatasetManagementArguments>().ranges(), 256U);
}

TEST(Sqe, FusedKeepsTheOtherFlags) {
  nvme::Sqe sqe = compare(1, 0, 1);
  sqe.flags = nvme::flags::kPsdtSgl;
  const nvme::Sqe first = fused(sqe, nvme::flags::kFuseFirst);
  EXPECT_EQ(first.flags, 0x41);
  EXPECT_EQ(fused(first, nvme::flags::kFuseSecond).flags, 0x42);
}

TEST(Sqe, DirectionFollowsTheOpcode) {
  EXPECT_EQ(read(1, 0, 1).direction(), nvme::Direction::kControllerToHost);
  EXPECT_EQ(write(1, 0, 1).direction(), nvme::Direction::kHostToController);
  EXPECT_EQ(compare(1, 0, 1).direction(), nvme::Direction::kHostToController);
  EXPECT_EQ(dataset_management(1, 1, 4).direction(), nvme::Direction::kHostToController);
  EXPECT_EQ(flush(1).direction(), nvme::Direction::kNone);
  EXPECT_EQ(write_zeroes(1, 0, 1).direction(), nvme::Direction::kNone);
  EXPECT_EQ(identify({}).direction(), nvme::Direction::kControllerToHost);
}

TEST(Sqe, DirectionOfFabricsCommandsFollowsTheirType) {
  EXPECT_EQ(connect({}).direction(), nvme::Direction::kHostToController);
  EXPECT_EQ(property_get(0, true).direction(), nvme::Direction::kNone);
  EXPECT_EQ(property_set(0x14, 0, false).direction(), nvme::Direction::kNone);
  EXPECT_EQ(disconnect().direction(), nvme::Direction::kNone);
  nvme::Sqe receive;
  receive.opcode = nvme::kFabricsOpcode;
  receive.nsid = fabrics::fctype::kAuthenticationReceive;
  EXPECT_EQ(receive.direction(), nvme::Direction::kControllerToHost);
}

TEST(Sqe, ArgumentsChangeNothingBeforeDword10) {
  nvme::Sqe sqe = read(1, 2, 3);
  sqe.cid = 0xABCD;
  sqe.sgl = nvme::SglDescriptor::transport(4096);
  const Bytes before = bytes_of(sqe);
  auto arguments = sqe.arguments<nvme::ReadWriteArguments>();
  arguments.reference_tag = 0x01020304;
  sqe.set_arguments(arguments);
  Bytes expected = before;
  expected.insert({{56, 4}, {57, 3}, {58, 2}, {59, 1}});
  EXPECT_EQ(bytes_of(sqe), expected);
}

}  // namespace
}  // namespace weft::wire
