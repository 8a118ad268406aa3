// Tests that leave something behind, and one that does not: what LeakWatch says of each is leak_watch_test's to judge.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <thread>

#include "tests/support/leak_watch.hpp"

namespace weft {
namespace {

TEST(Leaking, NothingThatStays) {
  EXPECT_EQ(close(open("/dev/null", O_RDONLY)), 0);
  std::thread([] {}).detach();
}

TEST(Leaking, ADescriptor) { EXPECT_GE(open("/dev/null", O_RDONLY), 0); }

TEST(Leaking, AThread) {
  std::thread([] {
    pthread_setname_np(pthread_self(), "left-behind");
    for (;;) pause();
  }).detach();
}

TEST(Leaking, NothingAgain) {}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new weft::LeakWatch(std::chrono::milliseconds(500)));
  return RUN_ALL_TESTS();
}
