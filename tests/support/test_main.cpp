// Of every test program: its own tests, and after each of them a look at what it left behind.
#include <gmock/gmock.h>

#include "tests/support/leak_watch.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new weft::LeakWatch);  // the list owns it
  return RUN_ALL_TESTS();
}
