#include "core/wire/uuid.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace weft::wire {
namespace {

constexpr Uuid kUuid = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
constexpr std::string_view kText = "01234567-89ab-cdef-fedc-ba9876543210";

TEST(UuidText, IsReadInTheOrderOfItsText) {
  EXPECT_EQ(parse_uuid(kText).value(), kUuid);
  EXPECT_EQ(parse_uuid("01234567-89AB-CDEF-FEDC-BA9876543210").value(), kUuid);
}

TEST(UuidText, IsPrintedInLowerCase) { EXPECT_EQ(format_uuid(kUuid), kText); }

TEST(UuidText, BadTextsAreRejected) {
  const std::string good(kText);
  for (const std::string& text :
       {std::string(), good.substr(1), good + "0", "{" + good + "}", " " + good.substr(1),
        std::string("0123456789abcdeffedcba9876543210"), std::string("01234567+89ab-cdef-fedc-ba9876543210"),
        std::string("0123456-789ab-cdef-fedc-ba9876543210"), std::string("01234567-89ab-cdef-fedc-ba987654321g"),
        std::string("01234567-89ab-cdef-fedc--a9876543210"), std::string(36, '\0'), std::string(4096, 'a')}) {
    const auto uuid = parse_uuid(text);
    ASSERT_FALSE(uuid) << text;
    EXPECT_EQ(uuid.error().code, EINVAL);
    EXPECT_LT(uuid.error().text.size(), 400U);
  }
}

TEST(UuidText, ErrorNamesTheCharacter) {
  EXPECT_EQ(parse_uuid("01234567-89ab-cdef-fedc-ba987654321g").error().text,
            "'01234567-89ab-cdef-fedc-ba987654321g' is not a UUID: character 36 is no hexadecimal digit");
}

TEST(DeriveUuid, IsTheSameForTheSameName) { EXPECT_EQ(derive_uuid("host", "a"), derive_uuid("host", "a")); }

// Serial numbers and identifiers of namespaces hang on this value: it may never change.
TEST(DeriveUuid, IsTheSameInEveryRelease) {
  EXPECT_EQ(format_uuid(derive_uuid("host", "0123456789abcdef0123456789abcdef")),
            "9e4869d8-751b-5462-9591-7ed8e186da44");
}

TEST(DeriveUuid, DiffersByPurposeAndName) {
  const std::set<Uuid> all = {derive_uuid("host", "a"), derive_uuid("host", "b"), derive_uuid("hosta", ""),
                              derive_uuid("", "hosta"), derive_uuid("hos", "ta")};
  EXPECT_EQ(all.size(), 5U);
}

TEST(DeriveUuid, SaysThatItIsDerived) {
  const Uuid uuid = derive_uuid("host", "a");
  EXPECT_EQ(uuid[6] >> 4, 5);
  EXPECT_EQ(uuid[8] >> 6, 2);
}

TEST(RandomUuid, SaysThatItIsRandomAndDiffers) {
  const Uuid uuid = random_uuid();
  EXPECT_EQ(uuid[6] >> 4, 4);
  EXPECT_EQ(uuid[8] >> 6, 2);
  EXPECT_NE(uuid, random_uuid());
}

TEST(UuidNil, IsAllZeroes) {
  EXPECT_TRUE(is_nil(Uuid{}));
  EXPECT_FALSE(is_nil(kUuid));
}

}  // namespace
}  // namespace weft::wire
