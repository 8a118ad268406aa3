// Options as the core passes them: values in their range, each where it belongs.
#include "plugins/rdma/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::rdma {
namespace {

using testing::HasSubstr;

plugin::Made<Options> of_address(const char* key, const char* value) {
  const weft_option option{key, value};
  return Options::parse({&option, 1}, {});
}
plugin::Made<Options> of_domain(const char* key, const char* value) {
  const weft_option option{key, value};
  return Options::parse_domain({&option, 1});
}

TEST(Options, GoWhereTheyBelong) {
  EXPECT_EQ(of_address("depth", "64")->depth, 64U);
  EXPECT_EQ(of_address("incapsule", "8192")->in_capsule, 8192U);
  EXPECT_EQ(of_address("srq", "on")->srq, ShareReceives::kOn);
  EXPECT_EQ(of_address("srq", "off")->srq, ShareReceives::kOff);
  EXPECT_EQ(of_address("srq", "auto")->srq, ShareReceives::kAuto);
  EXPECT_EQ(of_address("reads", "4")->reads, 4U);
  EXPECT_EQ(of_address("retries", "3")->retries, 3);
  EXPECT_EQ(of_address("tos", "104")->tos, 104);
  EXPECT_EQ(of_address("send_timeout", "0")->send_timeout, 0U);
  EXPECT_EQ(of_address("ack_timeout", "1000000")->ack_timeout, plugin::kMillisecond);
  EXPECT_EQ(of_address("resolve_timeout", "1000000")->resolve_timeout, plugin::kMillisecond);
  EXPECT_EQ(of_address("connect_timeout", "2000000000")->connect_timeout, 2 * plugin::kSecond);
  EXPECT_EQ(of_address("close_timeout", "2000000000")->close_timeout, 2 * plugin::kSecond);
  EXPECT_EQ(of_domain("staging", "1048576")->staging, 1U << 20);
  EXPECT_EQ(of_domain("windows", "off")->windows, WindowUse::kOff);
  EXPECT_EQ(of_domain("windows", "on")->windows, WindowUse::kOn);
  EXPECT_EQ(of_domain("windows", "auto")->windows, WindowUse::kAuto);
  EXPECT_FALSE(of_domain("invalidate", "off")->invalidate);
}

TEST(Options, AnAcknowledgementTimeOutIsRoundedUpToAPowerOfTwo) {
  const auto exponent = [](std::uint64_t ns) { return Options{.ack_timeout = ns}.tuning().ack_timeout; };
  EXPECT_EQ(exponent(0), 0) << "as the system has it";
  EXPECT_EQ(exponent(1), 1) << "0 would stand for no time-out";
  EXPECT_EQ(exponent(8192), 1);
  EXPECT_EQ(exponent(8193), 2);
  EXPECT_EQ(exponent(500 * plugin::kMillisecond), 17);
  EXPECT_EQ(exponent(std::uint64_t{4096} << 31), 31);
}

TEST(Options, OfTheDomainAreWhereAddressesStart) {
  const auto base = of_domain("depth", "64");
  ASSERT_TRUE(base);
  EXPECT_EQ(Options::parse({}, *base)->depth, 64U);
}

TEST(Options, OutOfRangeAreAnErrorThatNamesKeyAndValue) {
  for (const auto& [key, value] : {std::pair{"depth", "1"},
                                   {"depth", "4097"},
                                   {"incapsule", "65552"},
                                   {"incapsule", "8"},
                                   {"reads", "256"},
                                   {"retries", "8"},
                                   {"tos", "256"},
                                   {"ack_timeout", "9000000000000"},
                                   {"srq", "yes"},
                                   {"resolve_timeout", "0"},
                                   {"depth", "many"}}) {
    const auto refused = of_address(key, value);
    ASSERT_FALSE(refused) << key << '=' << value;
    EXPECT_THAT(refused.error().text, HasSubstr(std::string("option ") + key + '=' + value));
  }
  for (const auto& [key, value] : {std::pair{"staging", "4096"}, {"staging", "1073741824"}, {"windows", "1"}})
    EXPECT_FALSE(of_domain(key, value)) << key << '=' << value;
}

TEST(Options, OfTheWholeTransportAreRefusedInAnAddress) {
  for (const char* const key : {"staging", "windows", "invalidate"})
    EXPECT_THAT(of_address(key, "0").error().text, HasSubstr("is of the whole rdma transport"));
}

TEST(Options, EachThatIsDeclaredIsTaken) {
  for (const weft_option_info* info = kOptionInfo; info->key != nullptr; ++info) {
    const auto refused = of_domain(info->key, "nonsense");
    ASSERT_FALSE(refused) << info->key;
    EXPECT_THAT(refused.error().text, testing::Not(HasSubstr("no option"))) << info->key;
  }
  EXPECT_THAT(of_address("colour", "red").error().text, HasSubstr("no option 'colour'"));
}

}  // namespace
}  // namespace weft::rdma
