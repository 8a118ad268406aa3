// What every transport of ours refuses in what the core passes.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "plugins/common/arguments.hpp"

namespace weft::plugin {
namespace {

int code_of(std::uint32_t depth, std::uint32_t flags) {
  weft_qpair_params params{};
  params.size = sizeof params;
  params.depth = depth;
  params.flags = flags;
  const Made<void> checked = check_params(params);
  return checked ? 0 : checked.error().code;
}

TEST(Arguments, AQueueHasFrom1To65536Entries) {
  EXPECT_EQ(code_of(0, 0), EINVAL);
  EXPECT_EQ(code_of(1, 0), 0);
  EXPECT_EQ(code_of(65536, WEFT_QP_ADMIN | WEFT_QP_SQ_FLOW_CONTROL), 0);
  EXPECT_EQ(code_of(65537, 0), EINVAL);
}

TEST(Arguments, FlagsThatAreNotKnownAreRefused) { EXPECT_EQ(code_of(32, 1U << 31), ENOTSUP); }

TEST(Arguments, AFieldOfAnAddressThatIsNotKnownIsRefused) {
  weft_address address{};
  address.size = sizeof address;
  EXPECT_TRUE(check_address(address));
  address.reserved = 1;
  EXPECT_EQ(check_address(address).error().code, ENOTSUP);
}

TEST(Arguments, ALengthThatOverflowsIsTheLargest) {
  const std::array<weft_iov, 2> iov{weft_iov{nullptr, UINT64_MAX, nullptr}, weft_iov{nullptr, 2, nullptr}};
  EXPECT_EQ(total_length(iov), UINT64_MAX);
  EXPECT_EQ(total_length(std::span(iov).last(1)), 2U);
}

}  // namespace
}  // namespace weft::plugin
