// The table of malformed config strings. Each is refused with a sentence of its own, which says what is wrong where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "weft/address.hpp"

namespace weft {
namespace {

struct Bad {
  std::string text;
  std::string says;  // part of the sentence
};

std::vector<Bad> table() {
  using std::string;
  return {
      {"", "the address is empty"},
      {"  \t ", "all blanks"},
      {"tcp://" + string(5000, 'a'), "5006 bytes, the most is 4096"},
      {"tcp://h\n", "control character (byte 7)"},
      {"192.0.2.1", "is not an address"},
      {"192.0.2.1:4420", "does not say over which transport"},
      {"tcp:/192.0.2.1:4420", "followed by '://'"},
      {"://h:1", "transport's name is missing"},
      {"trace+://h", "empty name stands beside '+'"},
      {"1tcp://h", "has to start with a letter"},
      {"t_cp://h", "other than letters and digits"},
      {string(32, 'a') + "://h", "32 characters, the most is 31"},
      {"tcp://", "no address after '://'"},
      {"tcp://nqn.2026-01.org.example:disk", "names a subsystem but no address"},
      {"tcp://h h:1", "there is a space"},
      {"tcp://h:1#x", "'#' means nothing"},
      {"tcp://h%4:1", "two hexadecimal digits"},
      {"tcp://h%00:1", "stands for a control character"},
      {"tcp://h%0A:1/x", "%0A in 'h%0A:1' stands for a control character"},
      {"transport=tcp,traddr=h/a\tb", "a tab or a new line in the address"},
      {"tcp://%5B::1]:1", "must not be percent-encoded"},
      {"tcp://" + string(260, 'a'), "260 bytes, the most is 255"},
      {"tcp://[::1", "bracket in '[::1' is never closed"},
      {"tcp://[]:1", "nothing between the brackets"},
      {"tcp://[fe80::1%]:1", "no interface after '%'"},
      {"tcp://[192.0.2.1]:1", "takes no brackets"},
      {"tcp://[1::2::3]:1", "in brackets is not an IPv6 address"},
      {"tcp://[::1]4420", "after the closing bracket is not a ':'"},
      {"tcp://[fd=]", "lacks the number"},
      {"tcp://[fd=x]", "is not the number of a socket"},
      {"tcp://[fd=99999999999]", "no socket can have the number"},
      {"tcp://[fd=7]:4420", "an open socket has no port"},
      {"tcp://::1:4420", "the IPv6 address '::1:4420' needs brackets"},
      {"tcp://a:b:c", "more than one ':'"},
      {"tcp://:4420", "the host is missing before ':4420'"},
      {"tcp://h:", "the port is missing after ':'"},
      {"tcp://h:http", "the port 'http' is not a number"},
      {"tcp://h:65536", "larger than 65535"},
      {"tcp://user@h:1", "addresses have no user names"},
      {"tcp://h!:1", "neither a host name nor a numeric address"},
      {"tcp://" + string(254, 'a'), "254 characters, the most is 253"},
      {"tcp://h:1/nqn." + string(220, 'a'), "224 bytes, more than the 223"},
      {"tcp://h:1?nqn=a%00b", "%00 in 'a%00b' stands for"},
      {"tcp://h:1/a?nqn=b", "two names of a subsystem: 'a' and 'b'"},
      {"tcp://h:1/nqn.2026-01.a:b?nqn=b", "names the subsystem twice"},
      {"tcp://h:1?", "nothing follows the '?'"},
      {"tcp://h:1?hdgst=on&", "an empty option"},
      {"tcp://h:1?hdgst", "option 'hdgst' has no value"},
      {"tcp://h:1?=on", "no key before its '='"},
      {"tcp://h:1?HDGST=on", "the key 'HDGST' has characters other than"},
      {"tcp://h:1?hdgst=", "option 'hdgst' has an empty value"},
      {"tcp://h:1?hdgst=on&hdgst=off", "given twice: as 'on' and as 'off'"},
      {"tcp://h:1?hdgst=maybe", "'maybe' is neither on nor off"},
      {"tcp://h:1?rcvbuf=big", "'big' is not a size"},
      {"tcp://h:1?rcvbuf=4Q", "'Q' in the size '4Q' is no unit"},
      {"tcp://h:1?rcvbuf=99999999999T", "does not fit in 64 bits"},
      {"tcp://h:1?linger=long", "'long' is not a duration"},
      {"tcp://h:1?linger=5y", "'y' in the duration '5y' is no unit"},
      {"tcp://h:1?linger=9999999999h", "longer than 292 years"},
      {"tcp://h:1?dscp=x", "'x' is not a whole number"},
      {"tcp://h:1?mode=medium", "'medium' is none of fast|slow"},
      {"tcp://h:1?queues=0", "option 'queues': '0' is not between 1 and 1024"},
      {"tcp://h:1?kato=25h", "'25h' is not between 0 ms and 24 h"},
      {"tcp://h:1?wait=spin", "'spin' is no way to wait"},
      {"tcp://h:1?hostnqn=" + string(224, 'h'), "224 bytes, more than"},
      {"tcp://h:1?ctrl_loss_tmo=600", "does not connect again by itself"},
      {"tcp://h:1?dhchap_secret=x", "no in-band authentication"},
      {"transport=tcp,traddr=h,tls", "there is no TLS yet"},
      {"transport=tcp,traddr=h,nr-poll-queues=2", "'queues' says how many"},
      {"tcp://h:1?duplicate_connect=off", "an association of its own"},
      {"tcp://h:1?hostid=12", "'12' is not a UUID"},
      {"tcp://h:1?hdgts=on", "did you mean 'hdgst'?"},
      {"tcp://h:1?colour=red", "known are"},
      {"trace+tcp://h:1", "there is no filter 'trace'"},
      {"transport=tcp,traddr=h,rcvbuf", "option 'rcvbuf' is no switch: write rcvbuf=VALUE"},
      {"transport=tcp,traddr=h,keep-alive-tmo", "option 'keep-alive-tmo' stands alone and needs a value"},
      {"tcp://h?hdr-digest=on&hdr_digest=off", "'hdr-digest=on' and 'hdr_digest=off' contradict each other"},
      {"trtype:TCP traddr", "'traddr' is not a key with a value"},
      {"trtype:TCP tradr:192.0.2.1", "did you mean 'traddr'?"},
      {"trtype:TCP traddr:", "nothing follows 'traddr'"},
      {"trtype:TCP transport:rdma traddr:h", "comes after the same was given as 'TCP'"},
      {"traddr:192.0.2.1 trsvcid:4420", "does not say the transport"},
      {"transport=tcp,trsvcid=4420", "lacks the address"},
      {"transport=tcp,,traddr=h", "nothing between two commas"},
      {"transport=tcp,traddr=h,note=a\tb", "has a tab or a new line"},
      {"transport=tcp,traddr:h", "has ':' where '=' belongs"},
      {"trtype:TCP adrfam:IPX traddr:h", "the address family 'IPX' is not known"},
      {"trtype:TCP adrfam:IPv4 traddr:::1", "adrfam says IPv4"},
      {"trtype:TCP adrfam:IPv6 traddr:192.0.2.1", "yet adrfam says IPv6"},
      {"trtype:TCP traddr:[fd=3] trsvcid:4420", "a socket that is open has its port"},
      {"trtype:TCP traddr:h subnqn:" + string(224, 'a'), "the value of subnqn has 224 bytes"},
  };
}

const weft_option_info kDeclared[] = {{"hdgst", "bool", "", ""},  {"hdr_digest", "bool", "", ""},
                                      {"rcvbuf", "size", "", ""}, {"linger", "duration", "", ""},
                                      {"dscp", "count", "", ""},  {"mode", "fast|slow", "", ""}};

// All that an address goes through on the way to a transport that splits host:port.
Status take(std::string_view text) {
  Result<Address> address = Address::parse(text);
  if (!address) return address.error();
  if (Status split = address->split_service("4420"); !split) return split;
  if (Result<HostOptions> options = take_host_options(*address); !options) return options.error();
  return check_transport_options(*address, kDeclared, host_option_keys());
}

// The sentence without what it quotes and counts: what is left is the sentence itself.
std::string template_of(const std::string& sentence) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    const char c = sentence[i];
    if (c == '\'') quoted = !quoted;
    if (!quoted && (c < '0' || c > '9')) out += c;
  }
  return out;
}

TEST(BadAddress, HasATableOfAtLeastSixty) { EXPECT_GE(table().size(), 60u); }

TEST(BadAddress, IsRefusedWithASentenceThatSaysWhatIsWrong) {
  for (const Bad& bad : table()) {
    const Status status = take(bad.text);
    ASSERT_FALSE(status) << bad.text;
    EXPECT_NE(status.error().code, 0) << bad.text;
    EXPECT_THAT(status.error().text, testing::HasSubstr(bad.says)) << bad.text;
    EXPECT_NE(status.error().text.back(), '.') << bad.text;
    EXPECT_LT(status.error().text.size(), 400u) << bad.text;
  }
}

TEST(BadAddress, IsRefusedWithASentenceOfItsOwn) {
  std::map<std::string, std::string> seen;
  for (const Bad& bad : table()) {
    const Status status = take(bad.text);
    ASSERT_FALSE(status);
    const auto [other, fresh] = seen.emplace(template_of(status.error().text), bad.text);
    EXPECT_TRUE(fresh) << bad.text << " and " << other->second << " both say: " << status.error().text;
  }
}

// Every place of every spelling, and of every malformed one, with every kind of byte that a terminal or log acts upon.
TEST(BadAddress, NeverPutsAByteThatIsNotPrintableIntoASentence) {
  std::vector<std::string> texts = {"tcp://192.0.2.1:4420/nqn.2026-01.a:b?hdgst=on&queues=4",
                                    "trtype:TCP adrfam:IPv4 traddr:192.0.2.1 trsvcid:4420 subnqn:nqn.2026-01.a:b",
                                    "transport=tcp,traddr=[fe80::1%eth0],trsvcid=4420,nqn=nqn.2026-01.a:b,hdgst=on",
                                    "transport=tcp,traddr=[fd=2]QQ]x"};
  for (const Bad& bad : table()) {
    if (bad.text.size() < 100) texts.push_back(bad.text);
  }
  for (const std::string& text : texts) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      for (const char c : {'\n', '\r', '\x1b', '\x7f', '\x9b', '\xff'}) {
        const std::string broken = std::string(text).insert(at, 1, c);
        const Status status = take(broken);
        if (status) continue;
        for (const char out : status.error().text) ASSERT_TRUE(out >= ' ' && out <= '~') << status.error().text;
      }
    }
  }
}

// Found by fuzz_values.
TEST(BadAddress, ALineFeedInADescriptorIsEscaped) {
  const Status status = take("transport=tcp,traddr=[fd=2QQ\n\x1b[2J]x");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text, testing::HasSubstr("[fd=2QQ\\x0a\\x1b[2J]"));
}

}  // namespace
}  // namespace weft
