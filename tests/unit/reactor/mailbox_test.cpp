#include "core/reactor/mailbox.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <vector>

namespace weft {
namespace {

bool readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 1;
}

TEST(Mailbox, RunsInOrderAndOnlyWhatWasPostedBefore) {
  const auto mailbox = *Mailbox::create();
  std::vector<int> order;
  mailbox->post([&] {
    order.push_back(1);
    mailbox->post([&] { order.push_back(3); });
  });
  mailbox->post([&] { order.push_back(2); });
  EXPECT_EQ(mailbox->run(), 2u);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_TRUE(mailbox->pending());
  EXPECT_EQ(mailbox->run(), 1u);
  EXPECT_FALSE(mailbox->pending());
}

TEST(Mailbox, DoesNotTouchTheDescriptorWhileTheOwnerIsAwake) {
  const auto mailbox = *Mailbox::create();
  mailbox->post([] {});
  EXPECT_FALSE(readable(mailbox->fd()));
}

TEST(Mailbox, RefusesSleepWhenAPostCameBefore) {
  const auto mailbox = *Mailbox::create();
  mailbox->post([] {});
  EXPECT_FALSE(mailbox->prepare_sleep());
  mailbox->run();
  mailbox->post([] {});  // awake again: no wake-up is owed
  EXPECT_FALSE(readable(mailbox->fd()));
}

TEST(Mailbox, WakesOnceForAllPostsAfterPrepareSleep) {
  const auto mailbox = *Mailbox::create();
  ASSERT_TRUE(mailbox->prepare_sleep());
  mailbox->post([] {});
  mailbox->post([] {});
  EXPECT_TRUE(readable(mailbox->fd()));
  mailbox->drain();
  EXPECT_FALSE(readable(mailbox->fd()));
  EXPECT_EQ(mailbox->run(), 2u);
}

TEST(Mailbox, DropsWhatNobodyRan) {
  const auto token = std::make_shared<int>(1);
  auto mailbox = *Mailbox::create();
  mailbox->post([token] {});
  EXPECT_EQ(token.use_count(), 2);
  mailbox.reset();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace weft
