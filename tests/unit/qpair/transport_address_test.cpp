#include "core/qpair/transport_address.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/scripted_transport.hpp"

namespace weft {
namespace {

class TransportAddressTest : public ::testing::Test {
 protected:
  void set(const char* text) {
    const Status done = address_.set(*Address::parse(text), script_.transport());
    ASSERT_TRUE(done) << done.error().text;
  }
  test::ScriptedTransport script_;  // names a default service: 4420
  TransportAddress address_;
};

TEST_F(TransportAddressTest, SplitsHostAndPort) {
  set("script://[2001:db8::1]:77/nqn.2026-01.a:b");
  EXPECT_STREQ(address_.get()->traddr, "2001:db8::1");
  EXPECT_STREQ(address_.get()->trsvcid, "77");
  EXPECT_EQ(address_.get()->fd, -1);
}

TEST_F(TransportAddressTest, FillsInTheDefaultService) {
  set("script://192.0.2.1/nqn.2026-01.a:b");
  EXPECT_STREQ(address_.get()->traddr, "192.0.2.1");
  EXPECT_STREQ(address_.get()->trsvcid, "4420");
}

TEST_F(TransportAddressTest, PassesAnOpenDescriptorInsteadOfAnAddress) {
  set("script://[fd=7]/nqn.2026-01.a:b");
  EXPECT_EQ(address_.get()->fd, 7);
  EXPECT_EQ(address_.get()->traddr, nullptr);
}

TEST_F(TransportAddressTest, PassesTheOptionsInOrder) {
  set("script://a:1/nqn.2026-01.a:b?x=1&y=two");
  ASSERT_EQ(address_.get()->option_count, 2u);
  EXPECT_STREQ(address_.get()->options[0].key, "x");
  EXPECT_STREQ(address_.get()->options[1].value, "two");
}

}  // namespace
}  // namespace weft
