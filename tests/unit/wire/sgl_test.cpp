#include "core/wire/sgl.hpp"

#include <gtest/gtest.h>

#include "core/wire/sqe.hpp"

namespace weft::wire {
namespace {

nvme::Sqe write_with(const nvme::SglDescriptor& sgl, std::uint8_t flags = nvme::flags::kPsdtSgl) {
  nvme::Sqe sqe = write(1, 0, 1);
  sqe.flags = flags;
  sqe.sgl = sgl;
  return sqe;
}

nvme::SglDescriptor descriptor(std::uint8_t identifier, std::uint64_t address, std::uint32_t length) {
  return {.address = address, .length = length, .identifier = identifier};
}

TEST(Sgl, AcceptsDataInTheCapsule) {
  EXPECT_TRUE(check_sgl(write_with(nvme::SglDescriptor::in_capsule(512)), {.capsule_bytes = 512}).ok());
  EXPECT_TRUE(check_sgl(write_with(nvme::SglDescriptor::in_capsule(512, 512)), {.capsule_bytes = 1024}).ok());
}

TEST(Sgl, RejectsDataBeyondTheCapsule) {
  const SglRules rules{.capsule_bytes = 512};
  const auto invalid = nvme::status::kSglOffsetInvalid.dnr();
  EXPECT_EQ(check_sgl(write_with(nvme::SglDescriptor::in_capsule(513)), rules), invalid);
  EXPECT_EQ(check_sgl(write_with(nvme::SglDescriptor::in_capsule(512, 1)), rules), invalid);
  EXPECT_EQ(check_sgl(write_with(nvme::SglDescriptor::in_capsule(0, 513)), rules), invalid);
}

TEST(Sgl, RejectsOffsetsWhoseSumWraps) {
  const auto sqe = write_with(nvme::SglDescriptor::in_capsule(2, 0xFFFFFFFFFFFFFFFF));
  EXPECT_EQ(check_sgl(sqe, {.capsule_bytes = 512}), nvme::status::kSglOffsetInvalid.dnr());
}

TEST(Sgl, RejectsTypesThatTheTransportDoesNotHave) {
  const auto invalid = nvme::status::kSglDescriptorTypeInvalid.dnr();
  EXPECT_EQ(check_sgl(write_with(descriptor(nvme::sgl::kKeyed, 0, 0)), {}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(nvme::sgl::kTransport, 0, 512)), {.transport = false}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(nvme::sgl::kInCapsule, 0, 0)), {.in_capsule = false}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(nvme::sgl::kLastSegmentOffset, 0, 16)), {.keyed = true}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(0x10, 0, 16)), {}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(0xF0, 0, 16)), {}), invalid);
}

TEST(Sgl, RejectsSubtypesThatDoNotBelongToTheType) {
  const auto invalid = nvme::status::kInvalidField.dnr();
  EXPECT_EQ(check_sgl(write_with(descriptor(0x00, 0, 512)), {.capsule_bytes = 512}),
            invalid);  // an address of the host
  EXPECT_EQ(check_sgl(write_with(descriptor(0x50, 0, 512)), {}), invalid);
  EXPECT_EQ(check_sgl(write_with(descriptor(0x41, 0, 512)), {.keyed = true}), invalid);
}

TEST(Sgl, AcceptsKeyedDataWhereTheTransportHasIt) {
  EXPECT_TRUE(check_sgl(write_with(descriptor(nvme::sgl::kKeyed, 0, 0)), {.keyed = true}).ok());
  EXPECT_TRUE(check_sgl(write_with(descriptor(nvme::sgl::kKeyedInvalidate, 0, 0)), {.keyed = true}).ok());
}

TEST(Sgl, RejectsCommandsWithoutSgl) {
  const auto sgl = nvme::SglDescriptor::transport(512);
  EXPECT_EQ(check_sgl(write_with(sgl, nvme::flags::kPsdtPrp), {}), nvme::status::kInvalidField.dnr());
  EXPECT_EQ(check_sgl(write_with(sgl, nvme::flags::kPsdtSglMetadata), {}), nvme::status::kInvalidField.dnr());
}

TEST(Sgl, AcceptsFabricsCommandsWithoutFlags) {
  EXPECT_TRUE(check_sgl(property_get(0, true), {}).ok());
  nvme::Sqe sqe = property_get(0, true);
  sqe.flags = nvme::flags::kPsdtSglMetadata;
  EXPECT_FALSE(check_sgl(sqe, {}).ok());
}

TEST(Sgl, LooksAtNoDescriptorOfACommandWithoutData) {
  nvme::Sqe sqe = flush(1);
  sqe.flags = nvme::flags::kPsdtSgl;
  sqe.sgl = descriptor(0xFF, 1, 2);
  EXPECT_TRUE(check_sgl(sqe, {}).ok());
}

TEST(Sgl, LengthHasToBeWhatTheCommandNeeds) {
  const auto sqe = write_with(nvme::SglDescriptor::transport(4096));
  EXPECT_TRUE(check_sgl_length(sqe, 4096).ok());
  EXPECT_EQ(check_sgl_length(sqe, 4095), nvme::status::kDataSglLengthInvalid.dnr());
  EXPECT_EQ(check_sgl_length(sqe, 4096 + (1ULL << 32)), nvme::status::kDataSglLengthInvalid.dnr());
}

TEST(Sgl, LengthOfAKeyedDescriptorHas24Bits) {
  nvme::KeyedSglDescriptor keyed{.key = 0xFFFFFFFF, .identifier = nvme::sgl::kKeyed};
  keyed.set_length(0x20000);
  EXPECT_EQ(sgl_length(keyed.descriptor()), 0x20000U);
}

TEST(Sgl, IsDescribedInWords) {
  EXPECT_EQ(describe_sgl(nvme::SglDescriptor::in_capsule(4096)), "in-capsule data, offset 0, 4096 bytes");
  EXPECT_EQ(describe_sgl(nvme::SglDescriptor::transport(7)), "transport data, 7 bytes");
  nvme::KeyedSglDescriptor keyed{.address = 0x1000, .key = 0xAB, .identifier = nvme::sgl::kKeyedInvalidate};
  keyed.set_length(512);
  EXPECT_EQ(describe_sgl(keyed.descriptor()), "keyed data (invalidate), address 0x1000, key 0xab, 512 bytes");
  EXPECT_EQ(describe_sgl(descriptor(0x31, 0, 32)), "last segment in the capsule, offset 0, 32 bytes");
  EXPECT_EQ(describe_sgl(descriptor(0xF3, 0, 1)), "SGL descriptor type Fh subtype 3h, 1 bytes");
}

}  // namespace
}  // namespace weft::wire
