#include "tools/weft/histogram.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace weft::tools {
namespace {

TEST(Histogram, OfNothingIsZero) {
  const auto h = std::make_unique<Histogram>();
  EXPECT_EQ(h->quantile(0.5), 0u);
  EXPECT_EQ(h->max(), 0u);
  EXPECT_EQ(h->mean(), 0.0);
}

TEST(Histogram, IsExactForSmallValues) {
  const auto h = std::make_unique<Histogram>();
  for (std::uint64_t v = 1; v <= 200; ++v) h->add(v);
  EXPECT_EQ(h->quantile(0.5), 100u);
  EXPECT_EQ(h->quantile(0.99), 198u);
  EXPECT_EQ(h->quantile(1), 200u);
  EXPECT_EQ(h->mean(), 100.5);
}

TEST(Histogram, IsRightWithinOnePercentForLargeValues) {
  for (std::uint64_t value = 1; value < (1ull << 62); value = value * 3 + 1) {
    const auto h = std::make_unique<Histogram>();
    h->add(value);
    h->add(value * 2);
    const double found = static_cast<double>(h->quantile(0.5));
    EXPECT_GE(found, static_cast<double>(value)) << value;
    EXPECT_LE(found, static_cast<double>(value) * 1.01) << value;
  }
}

TEST(Histogram, TakesTheGreatestValueThereIs) {
  const auto h = std::make_unique<Histogram>();
  h->add(UINT64_MAX);
  EXPECT_EQ(h->quantile(0.5), UINT64_MAX);
  EXPECT_EQ(h->max(), UINT64_MAX);
}

TEST(Histogram, KeepsTheOutlierOutOfTheMedian) {
  const auto h = std::make_unique<Histogram>();
  for (int i = 0; i < 999; ++i) h->add(1000);
  h->add(1'000'000);
  EXPECT_LE(h->quantile(0.999), 1010u);
  EXPECT_EQ(h->quantile(0.9999), 1'000'000u);
}

}  // namespace
}  // namespace weft::tools
