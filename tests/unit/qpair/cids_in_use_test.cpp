#include "core/qpair/cids_in_use.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(CidsInUse, RefusesOneThatIsOutstandingUntilItIsGivenBack) {
  CidsInUse cids(4);
  EXPECT_TRUE(cids.take(0, 0x1234));
  EXPECT_FALSE(cids.take(1, 0x1234));
  cids.give_back(1);  // it took nothing
  EXPECT_FALSE(cids.take(1, 0x1234));
  cids.give_back(0);
  EXPECT_TRUE(cids.take(1, 0x1234));
}

TEST(CidsInUse, TakesThoseThatShareAPlace) {
  CidsInUse cids(4);
  EXPECT_TRUE(cids.take(0, 0x0001));
  EXPECT_TRUE(cids.take(1, 0x1001));
  EXPECT_TRUE(cids.take(2, 0xffff));
  EXPECT_FALSE(cids.take(3, 0x1001));
  cids.give_back(0);
  EXPECT_FALSE(cids.take(3, 0x1001));
  EXPECT_TRUE(cids.take(3, 0x0001));
}

TEST(CidsInUse, KnowsThemStillWhenThereIsRoomForMore) {
  CidsInUse cids(2);
  EXPECT_TRUE(cids.take(1, 0x0103));
  cids.resize(100);
  EXPECT_FALSE(cids.take(99, 0x0103));
  EXPECT_TRUE(cids.take(99, 0x0003));
  cids.give_back(1);
  EXPECT_TRUE(cids.take(0, 0x0103));
}

}  // namespace
}  // namespace weft
