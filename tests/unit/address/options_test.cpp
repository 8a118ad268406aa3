// The core's keys of an address, and the check of what is left against what the transport declares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/address.hpp"

namespace weft {
namespace {

using testing::HasSubstr;

const weft_option_info kDeclared[] = {{"hdgst", "bool", "off", "header digest"},
                                      {"rcvbuf", "size", "", "socket buffer"},
                                      {"linger", "duration", "1s", ""},
                                      {"dscp", "count", "0", ""},
                                      {"cc", "text", "", ""},
                                      {"max_burst", "count", "", ""},
                                      {"mode", "fast|slow", "fast", ""}};

Status check(std::string_view query) {
  Result<Address> address = Address::parse(std::string("tcp://h?").append(query));
  if (!address) return address.error();
  if (Result<HostOptions> taken = take_host_options(*address); !taken) return taken.error();
  return check_transport_options(*address, kDeclared, host_option_keys());
}

std::string refusal(std::string_view query) {
  const Status status = check(query);
  return status ? "accepted" : status.error().text;
}

TEST(HostOptions, HaveDefaults) {
  Address address = *Address::parse("tcp://h");
  const Result<HostOptions> options = take_host_options(address);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->queues, 1u);
  EXPECT_EQ(options->qsize, 128u);
  EXPECT_EQ(options->wait, WaitPolicy::kAdaptive);
}

TEST(HostOptions, AreTakenOutAndTheRestIsLeft) {
  Address address = *Address::parse(
      "tcp://h?queues=4&hdgst=on&qsize=1024&admin_qsize=16&kato=15s&timeout=500ms&sqfc=on&wait=poll"
      "&host_traddr=192.0.2.1&host_iface=eth0&hostnqn=nqn.2026-01.org.example:h&hostid=0A000000-0000-4000-8000-"
      "00000000000f");
  const Result<HostOptions> options = take_host_options(address);
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->queues, 4u);
  EXPECT_EQ(options->qsize, 1024u);
  EXPECT_EQ(options->admin_qsize, 16u);
  EXPECT_EQ(options->kato.count(), 15000);
  EXPECT_EQ(options->timeout.count(), 500);
  EXPECT_TRUE(options->sq_flow_control);
  EXPECT_EQ(options->wait, WaitPolicy::kPoll);
  EXPECT_EQ(options->host_traddr, "192.0.2.1");
  EXPECT_EQ(options->host_iface, "eth0");
  EXPECT_EQ(options->hostnqn, "nqn.2026-01.org.example:h");
  EXPECT_EQ(options->hostid, "0a000000-0000-4000-8000-00000000000f");
  EXPECT_EQ(address.options, (std::vector<Option>{{"hdgst", "on"}}));
}

TEST(HostOptions, TakeTheKernelsNames) {
  Address address = *Address::parse("transport=tcp,traddr=h,disable_sqflow=off,duplicate_connect,host-iface=eth0");
  address.options.push_back({"nr_io_queues", "3"});  // as it comes from a command line
  const Result<HostOptions> options = take_host_options(address);
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_TRUE(options->sq_flow_control);
  EXPECT_EQ(options->host_iface, "eth0");
  EXPECT_EQ(options->queues, 3u);
  EXPECT_TRUE(address.options.empty());
}

TEST(HostOptions, TakeAHostNqnOfAnyForm) {
  Address address = *Address::parse("tcp://h?hostnqn=me%0A");
  const Result<HostOptions> options = take_host_options(address);
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->hostnqn, "me\n");
}

TEST(HostOptions, RoundATimeBelowAMillisecondUp) {
  Address address = *Address::parse("tcp://h?timeout=1500us&kato=0");
  const Result<HostOptions> options = take_host_options(address);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->timeout.count(), 2);
  EXPECT_EQ(options->kato.count(), 0);
}

TEST(TransportOptions, PassWhenTheyFitTheirType) {
  EXPECT_TRUE(check("hdgst=yes&rcvbuf=1M&linger=5ms&dscp=46&cc=bbr&mode=slow"));
}

TEST(TransportOptions, MayBeSpelledWithDashes) {
  Address address = *Address::parse("tcp://h?max-burst=4&max_burst=0x4");
  address.options[1].value = "4";
  EXPECT_TRUE(check_transport_options(address, kDeclared, {}));
  ASSERT_TRUE(canonicalize_options(address, kDeclared));
  EXPECT_EQ(address.options, (std::vector<Option>{{"max_burst", "4"}, {"max_burst", "4"}}));
}

TEST(TransportOptions, AreRefusedWhereTwoSpellingsContradictEachOther) {
  EXPECT_THAT(refusal("max-burst=4&max_burst=5"), HasSubstr("'max-burst=4' and 'max_burst=5' contradict"));
  EXPECT_THAT(refusal("sqfc=on&disable-sqflow=on"), HasSubstr("'sqfc=on' and 'disable_sqflow=on' contradict"));
  EXPECT_TRUE(check("sqfc=on&disable-sqflow=off"));
}

TEST(TransportOptions, ThatStandAloneMustBeSwitches) {
  const auto alone = [](const std::string& key) {
    const Result<Address> address = Address::parse("transport=tcp,traddr=h," + key);
    const Status status = address ? check_transport_options(*address, kDeclared, {}) : address.error();
    return status ? "accepted" : status.error().text;
  };
  EXPECT_EQ(alone("hdgst"), "accepted");
  for (const char* key : {"rcvbuf", "linger", "max-burst", "mode", "hostnqn", "host-traddr", "queues"})
    EXPECT_THAT(alone(key), HasSubstr(std::string(key) + "=VALUE"));
}

TEST(TransportOptions, NameTheNearestKnownKeyOfTheTransport) {
  EXPECT_THAT(refusal("hdgest=on"), HasSubstr("did you mean 'hdgst'?"));
}

TEST(TransportOptions, NameTheNearestKnownKeyOfTheCore) {
  EXPECT_THAT(refusal("queue=4"), HasSubstr("did you mean 'queues'?"));
}

TEST(TransportOptions, ListWhatIsKnownWhenNothingIsNear) {
  EXPECT_THAT(refusal("zzzzzzzz=4"), HasSubstr("known are queues, qsize"));
}

TEST(TransportOptions, RefuseFiltersAsLongAsThereAreNone) {
  const Address address = *Address::parse("trace+tcp://h");
  const Status status = check_transport_options(address, kDeclared, {});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text, HasSubstr("no filter 'trace'"));
}

TEST(TransportOptions, RefuseAKeyOfTheCoreThatThisEndDoesNotTake) {
  const Address address = *Address::parse("tcp://h?kato=5s");
  const Status status = check_transport_options(address, kDeclared, host_option_keys());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text, HasSubstr("'kato' has no meaning for this end"));
}

TEST(TransportOptions, ReachTheTransportInOneForm) {
  Address address = *Address::parse("tcp://h?hdgst=Yes&rcvbuf=1MiB&linger=1h&dscp=7&cc=Reno&mode=slow&else=1k");
  ASSERT_TRUE(canonicalize_options(address, kDeclared));
  EXPECT_EQ(address.options, (std::vector<Option>{{"hdgst", "on"},
                                                  {"rcvbuf", "1048576"},
                                                  {"linger", "3600000000000"},
                                                  {"dscp", "7"},
                                                  {"cc", "Reno"},
                                                  {"mode", "slow"},
                                                  {"else", "1k"}}));
  Address bad = *Address::parse("tcp://h?linger=soon");
  const Status refused = canonicalize_options(bad, kDeclared);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("linger"));
}

}  // namespace
}  // namespace weft
