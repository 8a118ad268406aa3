// What SGLs of received capsules mean, and which status a bad one gives its command.
#include "plugins/rdma/sgl.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "weft/nvme.hpp"

namespace weft::rdma {
namespace {

using nvme::KeyedSglDescriptor;
using nvme::SglDescriptor;

nvme::Sqe command(std::uint8_t opcode, const SglDescriptor& sgl) {
  nvme::Sqe sqe;
  sqe.opcode = opcode;
  sqe.flags = nvme::flags::kPsdtSgl;
  sqe.sgl = sgl;
  return sqe;
}

KeyedSglDescriptor keyed(std::uint64_t address, std::uint32_t length, std::uint32_t key,
                         std::uint8_t identifier = nvme::sgl::kKeyed) {
  KeyedSglDescriptor descriptor{.address = address, .key = key, .identifier = identifier};
  descriptor.set_length(length);
  return descriptor;
}

SglDescriptor list(std::uint32_t count, std::uint64_t offset = 0) {
  return {.address = offset, .length = count * 16, .identifier = nvme::sgl::kLastSegmentOffset};
}

struct Read {
  SglVerdict verdict;
  std::array<RemoteSegment, kMostDescriptors> segments;
};

Read read(const nvme::Sqe& sqe, std::span<const std::byte> payload = {},
          const SglLimits& limits = {.max_in_capsule = 4096, .max_descriptors = 4}) {
  Read result{};
  std::array<std::byte, 64> bytes;
  store(bytes.data(), sqe);
  result.verdict = read_sgl(bytes.data(), payload, limits, result.segments);
  return result;
}

std::vector<std::byte> payload_of(const std::vector<KeyedSglDescriptor>& descriptors, std::size_t offset = 0) {
  std::vector<std::byte> payload(offset + descriptors.size() * 16);
  for (std::size_t i = 0; i < descriptors.size(); ++i) store(payload.data() + offset + i * 16, descriptors[i]);
  return payload;
}

TEST(Sgl, AKeyedDescriptorNamesTheHostsMemory) {
  const Read got = read(command(nvme::io::kRead, keyed(0x123456789a, 0xabcdef, 0x11223344).descriptor()));
  EXPECT_EQ(got.verdict.place, SglPlace::kRemote);
  EXPECT_EQ(got.verdict.length, 0xabcdefU);
  ASSERT_EQ(got.verdict.count, 1U);
  EXPECT_EQ(got.segments[0], (RemoteSegment{.address = 0x123456789a, .length = 0xabcdef, .key = 0x11223344}));
  EXPECT_FALSE(got.verdict.invalidate);
}

TEST(Sgl, TheSubtypeAsksToInvalidateTheKey) {
  const Read got = read(command(nvme::io::kWrite, keyed(1, 512, 0x55, nvme::sgl::kKeyedInvalidate).descriptor()));
  EXPECT_TRUE(got.verdict.invalidate);
  EXPECT_EQ(got.verdict.invalidate_key, 0x55U);
}

TEST(Sgl, NoDataIsSaidInSeveralWays) {
  for (const SglDescriptor& sgl : {keyed(0, 0, 0).descriptor(), SglDescriptor{}, SglDescriptor::in_capsule(0)}) {
    const Read got = read(command(nvme::io::kFlush, sgl));
    EXPECT_EQ(got.verdict.place, SglPlace::kNone);
    EXPECT_EQ(got.verdict.length, 0U);
    EXPECT_EQ(got.verdict.status, 0U);
  }
}

// What is reserved there, or means nothing without bytes, is not judged.
TEST(Sgl, ADescriptorOfNoBytesIsNoDataWhateverElseItSays) {
  for (const unsigned identifier : {0x00U, 0x01U, 0x40U, 0x4fU}) {
    SglDescriptor odd{.address = 0x1234, .length = 0, .identifier = static_cast<std::uint8_t>(identifier)};
    EXPECT_EQ(read(command(nvme::io::kFlush, odd)).verdict.place, SglPlace::kNone) << identifier;
    if (identifier >= 0x40) continue;
    auto* const bytes = reinterpret_cast<std::byte*>(&odd);
    std::fill(bytes + 12, bytes + 15, std::byte{0xff});
    EXPECT_EQ(read(command(nvme::io::kFlush, odd)).verdict.place, SglPlace::kNone) << identifier;
  }
}

TEST(Sgl, InCapsuleDataMayStartBehindTheBeginning) {
  const std::vector<std::byte> payload(1000);
  const Read got = read(command(nvme::io::kWrite, SglDescriptor::in_capsule(512, 488)), payload);
  EXPECT_EQ(got.verdict.place, SglPlace::kInCapsule);
  EXPECT_EQ(got.verdict.length, 512U);
  EXPECT_EQ(got.verdict.offset, 488U);
}

TEST(Sgl, AListGivesItsSegmentsInOrderAndTheLastKeyToInvalidate) {
  const std::vector<std::byte> payload = payload_of(
      {keyed(100, 10, 1, nvme::sgl::kKeyedInvalidate), keyed(0, 0, 9), keyed(300, 30, 3, nvme::sgl::kKeyedInvalidate)},
      32);
  const Read got = read(command(nvme::io::kRead, list(3, 32)), payload);
  EXPECT_EQ(got.verdict.place, SglPlace::kRemote);
  EXPECT_EQ(got.verdict.length, 40U);
  ASSERT_EQ(got.verdict.count, 2U);
  EXPECT_EQ(got.segments[0], (RemoteSegment{100, 10, 1}));
  EXPECT_EQ(got.segments[1], (RemoteSegment{300, 30, 3}));
  EXPECT_TRUE(got.verdict.invalidate);
  EXPECT_EQ(got.verdict.invalidate_key, 3U);
}

TEST(Sgl, TheLongestListIsTheSumOfItsLengths) {
  const std::vector<KeyedSglDescriptor> full(kMostDescriptors, keyed(4096, KeyedSglDescriptor::kMaxLength, 7));
  const std::vector<std::byte> payload = payload_of(full);
  const Read got = read(command(nvme::io::kRead, list(kMostDescriptors)), payload,
                        {.max_in_capsule = 4096, .max_descriptors = kMostDescriptors});
  EXPECT_EQ(got.verdict.length, kMostDescriptors * KeyedSglDescriptor::kMaxLength);
  EXPECT_EQ(got.verdict.count, kMostDescriptors);
}

TEST(Sgl, FabricsCommandsMaySayNothingOfSgls) {
  nvme::Sqe sqe = command(nvme::kFabricsOpcode, keyed(0, 0, 0).descriptor());
  sqe.flags = 0;
  EXPECT_EQ(read(sqe).verdict.status, 0U);
}

struct Bad {
  const char* name;
  nvme::Sqe sqe;
  std::vector<std::byte> payload;
  std::uint16_t status, offset;
};

class BadSgl : public testing::TestWithParam<Bad> {};

TEST_P(BadSgl, GivesItsStatus) {
  const Bad& bad = GetParam();
  const Read got = read(bad.sqe, bad.payload);
  EXPECT_EQ(got.verdict.place, SglPlace::kRefused);
  EXPECT_EQ(got.verdict.status, bad.status);
  EXPECT_EQ(got.verdict.error_offset, bad.offset);
  EXPECT_EQ(got.verdict.length, 0U);
}

nvme::Sqe with_psdt(std::uint8_t psdt) {
  nvme::Sqe sqe = command(nvme::io::kFlush, keyed(0, 0, 0).descriptor());
  sqe.flags = psdt;
  return sqe;
}

SglDescriptor of_type(std::uint8_t identifier, std::uint32_t length = 512, std::uint64_t address = 0) {
  return {.address = address, .length = length, .identifier = identifier};
}

std::vector<Bad> bad_sgls() {
  constexpr std::uint8_t kWrite = nvme::io::kWrite, kRead = nvme::io::kRead;
  const std::vector<std::byte> some(4096), little(256);
  const std::vector<std::byte> two = payload_of({keyed(0, 512, 1), keyed(0, 512, 2)});
  const std::vector<std::byte> wraps = payload_of({keyed(0, 512, 1), keyed(UINT64_MAX - 510, 512, 2)});
  const std::vector<std::byte> plain = payload_of({KeyedSglDescriptor::from(of_type(0x00))});
  return {
      {"Prp", with_psdt(0x00), {}, kStatusInvalidField, 1},
      {"MetadataSgl", with_psdt(0x80), {}, kStatusInvalidField, 1},
      {"BothPsdtBits", with_psdt(0xc0), {}, kStatusInvalidField, 1},
      {"BitBucket", command(kRead, of_type(0x10)), {}, kStatusSglTypeInvalid, 39},
      {"Segment", command(kRead, of_type(0x21)), {}, kStatusSglTypeInvalid, 39},
      {"Transport", command(kRead, of_type(0x5a)), {}, kStatusSglTypeInvalid, 39},
      {"Vendor", command(kRead, of_type(0xf0)), {}, kStatusSglTypeInvalid, 39},
      {"KeyedOffset", command(kRead, of_type(0x41)), {}, kStatusInvalidField, 39},
      {"DataBlockAddress", command(kWrite, of_type(0x00)), {}, kStatusInvalidField, 39},
      {"LastSegmentAddress", command(kRead, of_type(0x30, 32)), two, kStatusInvalidField, 39},
      {"WrapsAround", command(kWrite, keyed(UINT64_MAX - 510, 512, 1).descriptor()), {}, kStatusInvalidField, 24},
      {"InCapsuleRead", command(kRead, SglDescriptor::in_capsule(512)), some, kStatusInvalidField, 39},
      {"InCapsuleBeyondGranted", command(kWrite, SglDescriptor::in_capsule(4097)), some, kStatusSglOffsetInvalid, 32},
      {"InCapsuleOffset", command(kWrite, SglDescriptor::in_capsule(16, 4097)), some, kStatusSglOffsetInvalid, 24},
      {"InCapsuleOffsetWraps", command(kWrite, SglDescriptor::in_capsule(16, UINT64_MAX - 7)), some,
       kStatusSglOffsetInvalid, 24},
      {"InCapsuleMoreThanCame", command(kWrite, SglDescriptor::in_capsule(512)), little, kStatusSglLengthInvalid, 32},
      {"InCapsuleNothingCame", command(kWrite, SglDescriptor::in_capsule(1)), {}, kStatusSglLengthInvalid, 32},
      {"ListOfNothing", command(kRead, list(0)), two, kStatusSglSegmentInvalid, 32},
      {"ListOfPart", command(kRead, of_type(0x31, 24)), two, kStatusSglSegmentInvalid, 32},
      {"ListTooLong", command(kRead, list(5)), some, kStatusSglCountInvalid, 32},
      {"ListLengthHuge", command(kRead, of_type(0x31, 0xfffffff0)), some, kStatusSglCountInvalid, 32},
      {"ListBeyondCapsule", command(kRead, list(3)), two, kStatusSglOffsetInvalid, 24},
      {"ListBehindCapsule", command(kRead, list(1, 33)), two, kStatusSglOffsetInvalid, 24},
      {"ListOffsetWraps", command(kRead, list(1, UINT64_MAX - 7)), two, kStatusSglOffsetInvalid, 24},
      {"ListOfPlain", command(kRead, list(1)), plain, kStatusSglTypeInvalid, 39},
      {"ListWrapsAround", command(kRead, list(2)), wraps, kStatusInvalidField, 24},
  };
}

INSTANTIATE_TEST_SUITE_P(Sgl, BadSgl, testing::ValuesIn(bad_sgls()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Locate, FindsTheSegmentOfAPosition) {
  const RemoteSegment segments[] = {{1000, 10, 1}, {2000, 20, 2}};
  EXPECT_EQ(locate(segments, 0), (RemoteSegment{1000, 10, 1}));
  EXPECT_EQ(locate(segments, 9), (RemoteSegment{1009, 1, 1}));
  EXPECT_EQ(locate(segments, 10), (RemoteSegment{2000, 20, 2}));
  EXPECT_EQ(locate(segments, 29), (RemoteSegment{2019, 1, 2}));
}

}  // namespace
}  // namespace weft::rdma
