#include "weft/nvme/property.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace weft::nvme {
namespace {

TEST(Property, CapHasEachFieldInItsBits) {
  EXPECT_EQ(Cap().with_mqes(127).value(), 127U);
  EXPECT_EQ(Cap().with_cqr(true).value(), 1ULL << 16);
  EXPECT_EQ(Cap().with_ams(3).value(), 3ULL << 17);
  EXPECT_EQ(Cap().with_to(15).value(), 15ULL << 24);
  EXPECT_EQ(Cap().with_dstrd(1).value(), 1ULL << 32);
  EXPECT_EQ(Cap().with_nssrs(true).value(), 1ULL << 36);
  EXPECT_EQ(Cap().with_css(Cap::kCssNvm | Cap::kCssSelectable).value(), (1ULL << 37) | (1ULL << 43));
  EXPECT_EQ(Cap().with_css(Cap::kCssNoIo).value(), 1ULL << 44);
  EXPECT_EQ(Cap().with_bps(true).value(), 1ULL << 45);
  EXPECT_EQ(Cap().with_cps(3).value(), 3ULL << 46);
  EXPECT_EQ(Cap().with_mpsmin(1).value(), 1ULL << 48);
  EXPECT_EQ(Cap().with_mpsmax(1).value(), 1ULL << 52);
  EXPECT_EQ(Cap().with_pmrs(true).value(), 1ULL << 56);
  EXPECT_EQ(Cap().with_cmbs(true).value(), 1ULL << 57);
  EXPECT_EQ(Cap().with_nsss(true).value(), 1ULL << 58);
  EXPECT_EQ(Cap().with_crwms(true).value(), 1ULL << 59);
  EXPECT_EQ(Cap().with_crims(true).value(), 1ULL << 60);
  EXPECT_EQ(Cap().with_nsses(true).value(), 1ULL << 61);
}

TEST(Property, CapGivesBackWhatWasPutIn) {
  const Cap all(~std::uint64_t{0});
  EXPECT_EQ(all.mqes(), 0xFFFFU);
  EXPECT_EQ(all.to(), 0xFFU);
  EXPECT_EQ(all.timeout_ms(), 127500U);
  EXPECT_EQ(all.css(), 0xFFU);
  EXPECT_EQ(all.mpsmax(), 15U);
  const Cap cleared = all.with_mqes(0).with_to(0).with_css(0).with_mpsmax(0).with_crwms(false);
  EXPECT_EQ(cleared.mqes() + cleared.to() + cleared.css() + cleared.mpsmax(), 0U);
  EXPECT_FALSE(cleared.crwms());
  EXPECT_TRUE(cleared.crims());
  EXPECT_EQ(cleared.mpsmin(), 15U);
}

TEST(Property, VersionsAreWrittenAsTheSpecificationDoes) {
  EXPECT_EQ(Vs(2, 0, 0).value(), 0x00020000U);
  EXPECT_EQ(Vs(1, 4, 0).value(), 0x00010400U);
  EXPECT_EQ(Vs(0x00020103).major_number(), 2U);
  EXPECT_EQ(Vs(0x00020103).minor_number(), 1U);
  EXPECT_EQ(Vs(0x00020103).tertiary_number(), 3U);
}

TEST(Property, CcHasEachFieldInItsBits) {
  const Cc enabled = Cc().with_enable(true).with_iosqes(Cc::kIosqes).with_iocqes(Cc::kIocqes);
  EXPECT_EQ(enabled.value(), 0x00460001U);
  EXPECT_EQ(enabled.with_shn(Cc::kShutdownNormal).value(), 0x00464001U);
  EXPECT_EQ(enabled.with_css(Cc::kCssAllIo).value(), 0x00460061U);
  EXPECT_EQ(Cc().with_mps(15).value(), 0x780U);
  EXPECT_EQ(Cc().with_ams(7).value(), 0x3800U);
  EXPECT_EQ(Cc().with_crime(true).value(), 1U << 24);
  EXPECT_FALSE(enabled.with_enable(false).enable());
  EXPECT_EQ(Cc(0xFFFFFFFF).shn(), 3U);
  EXPECT_EQ(Cc(0xFFFFFFFF).iosqes(), 15U);
}

TEST(Property, FieldsDropBitsThatDoNotFit) {
  EXPECT_EQ(Cc().with_css(0xFF).value(), 0x70U);
  EXPECT_EQ(Cap().with_mqes(0x1FFFF).value(), 0xFFFFU);
}

TEST(Property, CstsHasEachFieldInItsBits) {
  EXPECT_EQ(Csts().with_ready(true).value(), 1U);
  EXPECT_EQ(Csts().with_fatal(true).value(), 2U);
  EXPECT_EQ(Csts().with_shst(Csts::kShutdownComplete).value(), 8U);
  EXPECT_EQ(Csts().with_nssro(true).value(), 16U);
  EXPECT_EQ(Csts().with_paused(true).value(), 32U);
  EXPECT_EQ(Csts().with_shutdown_type(true).value(), 64U);
  EXPECT_TRUE(Csts(0xFFFFFFFF).fatal());
}

TEST(Property, CrtoHasTwoTimes) {
  EXPECT_EQ(Crto().with_crwmt(30).with_crimt(2).value(), 0x0002001EU);
  EXPECT_EQ(Crto(0x0002001E).crwmt(), 30U);
  EXPECT_EQ(Crto(0x0002001E).crimt(), 2U);
}

}  // namespace
}  // namespace weft::nvme
