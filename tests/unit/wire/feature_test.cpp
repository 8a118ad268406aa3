#include "weft/nvme/feature.hpp"

#include <gtest/gtest.h>

namespace weft::nvme {
namespace {

TEST(Feature, QueueCountsAreZeroBasedOnTheWire) {
  EXPECT_EQ((QueueCounts{.submission = 1, .completion = 4}.encode()), 0x00030000U);
  EXPECT_EQ(QueueCounts::decode(0x007F007F), (QueueCounts{.submission = 128, .completion = 128}));
  EXPECT_EQ(QueueCounts::decode(0xFFFFFFFF), (QueueCounts{.submission = 65536, .completion = 65536}));
}

TEST(Feature, AsyncEventsAreCodedAsHostsExpect) {
  constexpr AsyncEvent kNamespace{async_event::kTypeNotice, async_event::kNoticeNamespaceAttribute, 0x04};
  constexpr AsyncEvent kAna{async_event::kTypeNotice, async_event::kNoticeAnaChange, 0x0C};
  constexpr AsyncEvent kDiscovery{async_event::kTypeNotice, async_event::kNoticeDiscovery, 0x70};
  EXPECT_EQ(kNamespace.encode(), 0x00040002U);
  EXPECT_EQ(kAna.encode(), 0x000C0302U);
  EXPECT_EQ(kDiscovery.encode(), 0x0070F002U);
  EXPECT_EQ(AsyncEvent::decode(0x0070F002), kDiscovery);
}

}  // namespace
}  // namespace weft::nvme
