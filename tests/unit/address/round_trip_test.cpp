// parse(to_string(a)) is a, for addresses that are put together from a seed out of every piece the grammar has.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "weft/address.hpp"

namespace weft {
namespace {

class Pieces {
 public:
  explicit Pieces(std::uint32_t seed) : random_(seed) {}

  std::string address() {
    std::string text = pick({"tcp", "rdma", "a", "trace+tcp", "x+y+z9"}) + "://" + location();
    if (below(4) == 0) {
      text += "?nqn=" + word({"disk", "%2F", "%20", "%0A", "%FF", "nqn."});
      return text;
    }
    if (coin()) text += "/nqn." + word({"2026-01.org", ":", "disk", "%2F", "%20", "%25", "e%C3%A9"});
    const std::size_t options = below(4);
    for (std::size_t i = 0; i < options; ++i) {
      text += (i == 0 ? "?" : "&") + std::string("k") + std::to_string(i) + "=" +
              word({"a", "%26", "%3D", "=", "+", "%23", ":", "%25", "[", "/"});
    }
    return text;
  }

  std::string host_and_port() {
    return pick({"192.0.2.1", "[::1]", "[fe80::1%eth0]", "h", "a-b.example.org", "*"}) +
           pick({"", ":0", ":4420", ":65535"}) +
           pick({"", "", "/", "/disk", "/a/b", "/nqn.a%2Fb", "/%2F%20", "/%0A/x%1B", "?nqn=x%0A"});
  }

 private:
  std::string location() {
    if (coin()) return pick({"192.0.2.1", "[::1]:1", "h:65535", "*"});
    return pick({"[fd=7]", "/a/b", "pool/7%09", "[::1]/x", "a%3Fb%23", "x/%6Eqn.y", "nqnx", "a:b:c"});
  }
  std::string word(std::initializer_list<const char*> of) {
    std::string out = pick(of);
    while (below(3) != 0) out += pick(of);
    return out;
  }
  std::string pick(std::initializer_list<const char*> of) { return *(of.begin() + below(of.size())); }
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool coin() { return below(2) == 0; }

  std::mt19937 random_;
};

TEST(RoundTrip, HoldsForAnyAddress) {
  Pieces pieces(1);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = pieces.address();
    const Result<Address> first = Address::parse(text);
    ASSERT_TRUE(first) << text << ": " << first.error().text;
    const std::string printed = first->to_string();
    const Result<Address> second = Address::parse(printed);
    ASSERT_TRUE(second) << text << " -> " << printed << ": " << second.error().text;
    ASSERT_EQ(*first, *second) << text << " -> " << printed;
    ASSERT_EQ(second->to_string(), printed);
  }
}

TEST(RoundTrip, HoldsForASplitAddressOnceItIsSplitAgain) {
  Pieces pieces(2);
  for (int i = 0; i < 2000; ++i) {
    Result<Address> first = Address::parse("tcp://" + pieces.host_and_port());
    ASSERT_TRUE(first);
    ASSERT_TRUE(first->split_service("4420"));
    Result<Address> second = Address::parse(first->to_string());
    ASSERT_TRUE(second) << first->to_string();
    ASSERT_TRUE(second->split_service("1"));
    ASSERT_EQ(*first, *second) << first->to_string();
  }
}

TEST(RoundTrip, HoldsForTheKeySpellings) {
  for (const char* text :
       {"trtype:any traddr:/a?b#c%41/nqn.x subnqn:nqn.2026-01.a:b", "transport=any,traddr=a:b:c,note=x%2Cy",
        "trtype:tcp traddr:fe80::1%eth0", "transport=any,traddr=[fd=3],nqn=nqn.2026-01.a:%2F"}) {
    const Result<Address> first = Address::parse(text);
    ASSERT_TRUE(first) << text << ": " << first.error().text;
    const Result<Address> second = Address::parse(first->to_string());
    ASSERT_TRUE(second) << first->to_string() << ": " << second.error().text;
    EXPECT_EQ(*first, *second) << first->to_string();
  }
}

TEST(RoundTrip, HoldsForBackends) {
  for (const char* text : {"ram://?size=1G", "file:///a%20b%3Fc?size=1&note=a%26b", "null://", "x://a/b/c"}) {
    const Result<BackendAddress> first = BackendAddress::parse(text);
    ASSERT_TRUE(first) << text;
    EXPECT_EQ(first->to_string(), text);
  }
}

}  // namespace
}  // namespace weft
