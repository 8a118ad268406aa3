#include "core/plugin/transport_address.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "support/loopback_transport.hpp"
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

// They may be in a name, but here no part of the path is one.
TEST(OwnPath, HasNoControlCharacters) {
  weft_transport table = *test::loopback_transport();
  TransportRegistry registry{SearchPath{}};
  ASSERT_TRUE(registry.add(&table, "loop"));
  const Address address = *Address::parse("loop://a/b%0A");
  TransportAddress where;
  const Status set = where.set(address, **registry.find(address, WEFT_ROLE_HOST));
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().text, "there is a control character in the address 'a/b\\x0a'");
}

// Of two with one name the better one declines: asked with the address as the other would get it.
TEST(Claim, ATransportThatDeclinesTheAddressIsPassedBy) {
  weft_transport plain = *test::loopback_transport(), special = plain;
  plain.claim = [](const weft_address*, std::uint32_t, weft_error*) { return 0; };
  special.default_trsvcid = "4420";
  special.priority = plain.priority + 1;
  special.claim = [](const weft_address* address, std::uint32_t, weft_error*) {
    const bool mine = address != nullptr && std::string_view(address->traddr) == "192.0.2.7" && address->fd < 0;
    return mine ? 0 : -ENOTSUP;
  };
  TransportRegistry registry{SearchPath{}};
  ASSERT_TRUE(registry.add(&plain, "plain"));
  ASSERT_TRUE(registry.add(&special, "special"));
  const auto origin = [&](const char* address) {
    const auto found = registry.find(*Address::parse(address), WEFT_ROLE_HOST);
    return found ? (*found)->origin() : found.error().text;
  };
  EXPECT_EQ(origin("loop://192.0.2.7:77/nqn.2026-01.a:b"), "special");
  EXPECT_EQ(origin("loop://192.0.2.8:77/nqn.2026-01.a:b"), "plain");
}

}  // namespace
}  // namespace weft
