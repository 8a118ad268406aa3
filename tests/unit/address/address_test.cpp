// Every spelling of an address, and what it is read as.
#include "weft/address.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

Address parsed(std::string_view text) {
  Result<Address> address = Address::parse(text);
  EXPECT_TRUE(address) << text << ": " << (address ? "" : address.error().text);
  return address ? *address : Address{};
}

Address split(std::string_view text, std::string_view service = "4420") {
  Address address = parsed(text);
  const Status done = address.split_service(service);
  EXPECT_TRUE(done) << text << ": " << (done ? "" : done.error().text);
  return address;
}

const char kDisk[] = "nqn.2026-01.org.example:disk";

TEST(Url, GivesSchemeLocationNqnAndOptions) {
  const Address a = parsed("tcp://192.0.2.1:4420/nqn.2026-01.org.example:disk?hdgst=on&queues=4");
  EXPECT_EQ(a.scheme, "tcp");
  EXPECT_EQ(a.traddr, "192.0.2.1:4420");
  EXPECT_FALSE(a.split);
  EXPECT_EQ(a.subnqn, kDisk);
  EXPECT_EQ(a.options, (std::vector<Option>{{"hdgst", "on"}, {"queues", "4"}}));
}

TEST(Url, SplitsHostAndPort) {
  const Address a = split("tcp://192.0.2.1:4421/nqn.2026-01.org.example:disk");
  EXPECT_TRUE(a.split);
  EXPECT_EQ(a.traddr, "192.0.2.1");
  EXPECT_EQ(a.trsvcid, "4421");
}

TEST(Url, TakesTheDefaultServiceWhereNoPortIsWritten) {
  EXPECT_EQ(split("tcp://disks.example.org", "8009").trsvcid, "8009");
}

TEST(Url, TakesBracketsAndScopeOffIpv6) {
  const Address a = split("tcp://[fe80::1%eth0]:4420");
  EXPECT_EQ(a.traddr, "fe80::1%eth0");
  EXPECT_EQ(a.trsvcid, "4420");
  EXPECT_EQ(split("tcp://[::1]").traddr, "::1");
}

TEST(Url, TakesAScopeAsUrlsElsewhereWriteIt) {
  EXPECT_EQ(split("tcp://[fe80::1%25eth0]:4420").traddr, "fe80::1%eth0");
  EXPECT_EQ(split("tcp://[fe80::1%25]:4420").traddr, "fe80::1%25");  // interface number 25
}

TEST(Url, TakesAnOpenSocketInPlaceOfAnAddress) {
  const Address a = split("tcp://[fd=7]/nqn.2026-01.org.example:disk");
  EXPECT_EQ(a.fd, 7);
  EXPECT_EQ(a.traddr, "");
  EXPECT_EQ(a.trsvcid, "");
  EXPECT_EQ(a.subnqn, kDisk);
}

TEST(Url, KeepsALocationOfTheTransportsOwnFormWhole) {
  const Address a = parsed("anyname:///run/disks/a.sock/nqn.2026-01.org.example:disk");
  EXPECT_EQ(a.traddr, "/run/disks/a.sock");
  EXPECT_EQ(a.subnqn, kDisk);
  EXPECT_EQ(parsed("anyname://pool/7").traddr, "pool/7");
}

TEST(Url, TakesOnlyTheLastSegmentForTheNqn) {
  const Address a = parsed("anyname://x/nqn.2026-01.a:b/nqn.2026-01.c:d");
  EXPECT_EQ(a.traddr, "x/nqn.2026-01.a:b");
  EXPECT_EQ(a.subnqn, "nqn.2026-01.c:d");
  EXPECT_EQ(parsed("anyname://x/nqn.2026-01.a:b/c").subnqn, "");
}

TEST(Url, DecodesPercentInNqnValuesAndLocation) {
  const Address a = parsed("anyname://a%3Fb/nqn.2026-01.a:b%2Fc?note=1%262%25%203");
  EXPECT_EQ(a.traddr, "a?b");
  EXPECT_EQ(a.subnqn, "nqn.2026-01.a:b/c");
  EXPECT_EQ(*a.option("note"), "1&2% 3");
}

TEST(Url, TakesAllAfterTheHostForTheName) {
  EXPECT_EQ(split("tcp://h:1/blktests-subsystem-1").subnqn, "blktests-subsystem-1");
  EXPECT_EQ(split("tcp://[::1]:4420/disk").subnqn, "disk");
  EXPECT_EQ(split("tcp://[::1]/disk").subnqn, "disk");
  EXPECT_EQ(split("tcp://h:1/a/b").subnqn, "a/b");
  EXPECT_EQ(split("tcp://h:1/a%2Fb").subnqn, "a/b");
  EXPECT_EQ(split("tcp://h:1/nqn.2026-01.a:b/c").subnqn, "nqn.2026-01.a:b/c");
  EXPECT_EQ(split("tcp://h:1/a/nqn.2026-01.a:b").subnqn, "a/nqn.2026-01.a:b");
  EXPECT_EQ(split("tcp://h:1//nqn.2026-01.a:b").subnqn, "nqn.2026-01.a:b") << "a slash too many";
  EXPECT_EQ(split("tcp://h:1/nqn.").subnqn, "nqn.");
  EXPECT_EQ(split("tcp://h:1/").subnqn, "");
  const std::string longest(223, 'x');
  EXPECT_EQ(split("tcp://a-rather-long-host-name.example.org:4420/" + longest).subnqn, longest);
}

TEST(Url, RefusesNamesThatCannotBeCarried) {
  Address address = parsed("tcp://h:1/" + std::string(224, 'a'));
  EXPECT_FALSE(address.split_service("1"));
  for (const std::string text : {"tcp://h:1/a%00b", "tcp://h:1/nqn.a%00b", "tcp://[fd=7]/a%00b", "tcp://h:1?nqn="})
    EXPECT_FALSE(Address::parse(text)) << text;
}

TEST(Url, TakesAllAfterAnOpenSocketForTheName) {
  EXPECT_EQ(parsed("tcp://[fd=7]/disk").subnqn, "disk");
  EXPECT_EQ(parsed("tcp://[fd=7]/a/nqn.b").subnqn, "a/nqn.b");
  EXPECT_EQ(parsed("tcp://[fd=7]/").subnqn, "");
}

TEST(Url, TakesANameOfAnyFormAsAnOption) {
  const Address a = parsed("anyname://pool/7?nqn=disk%2F1&note=x");
  EXPECT_EQ(a.traddr, "pool/7");
  EXPECT_EQ(a.subnqn, "disk/1");
  EXPECT_EQ(a.options, (std::vector<Option>{{"note", "x"}}));
  EXPECT_EQ(split("tcp://h:1?nqn=disk"), split("tcp://h:1/disk"));
}

TEST(Url, TakesANameOfAnyBytesButNul) {
  EXPECT_EQ(split("tcp://h:1/%FF%20x").subnqn, "\xff x");
  EXPECT_EQ(split("tcp://h:1?nqn=a%0A").subnqn, "a\n");
  EXPECT_EQ(split("tcp://h:1/a%0A"), split("tcp://h:1?nqn=a%0A"));
  EXPECT_EQ(split("tcp://[::1]:1/%7F/nqn.x"), split("tcp://[::1]:1?nqn=%7F/nqn.x"));
  EXPECT_EQ(split("tcp://h/%09/").subnqn, "\t/");
  EXPECT_EQ(split("tcp://h:1/nqn.a%0A").subnqn, "nqn.a\n");
}

TEST(Url, ChoosesTheServiceByTheName) {
  const auto port = [](std::string_view text) {
    Address address = parsed(text);
    EXPECT_TRUE(address.split_service("4420", "8009"));
    return address.trsvcid;
  };
  EXPECT_EQ(port("tcp://h"), "8009");
  EXPECT_EQ(port("tcp://h/nqn.2014-08.org.nvmexpress.discovery"), "8009");
  EXPECT_EQ(port("tcp://h/disk"), "4420");
  EXPECT_EQ(port("transport=tcp,traddr=h,nqn=disk"), "4420");
}

TEST(Url, SkipsBlanksInFront) { EXPECT_EQ(split(" \ttcp://h:1/disk"), split("tcp://h:1/disk")); }

TEST(Url, SplitsFiltersOffTheScheme) {
  const Address a = parsed("Trace+fault+TCP://h");
  EXPECT_EQ(a.filters, (std::vector<std::string>{"trace", "fault"}));
  EXPECT_EQ(a.scheme, "tcp");
}

TEST(Url, ForgivesASlashAtTheEnd) { EXPECT_EQ(split("tcp://h:1/").trsvcid, "1"); }

TEST(Url, AllowsPortZeroAndTheWildcardForListeners) {
  EXPECT_EQ(split("tcp://0.0.0.0:0").trsvcid, "0");
  EXPECT_EQ(split("tcp://*:4420").traddr, "*");
}

TEST(KeyForm, ReadsKeysWithColonsAndBlanks) {
  const Address a = split("trtype:TCP adrfam:IPv4 traddr:192.0.2.1 trsvcid:4420 subnqn:nqn.2026-01.org.example:disk");
  EXPECT_EQ(a, split("tcp://192.0.2.1:4420/nqn.2026-01.org.example:disk"));
}

TEST(KeyForm, ReadsKeysWithEqualsAndCommas) {
  const Address a = split("transport=tcp,traddr=192.0.2.1,trsvcid=4420,nqn=nqn.2026-01.org.example:disk");
  EXPECT_EQ(a, split("tcp://192.0.2.1:4420/nqn.2026-01.org.example:disk"));
}

TEST(KeyForm, AllowsTabsNewlinesAndBlanksAfterCommas) {
  EXPECT_EQ(split("trtype:TCP\n\ttraddr:h\ttrsvcid:1 "), split("tcp://h:1"));
  EXPECT_EQ(split("transport=tcp, traddr=h, trsvcid=1"), split("tcp://h:1"));
}

TEST(KeyForm, TakesIpv6WithAndWithoutBrackets) {
  EXPECT_EQ(split("trtype:TCP adrfam:IPv6 traddr:fe80::1%eth0 trsvcid:4420"), split("tcp://[fe80::1%eth0]:4420"));
  EXPECT_EQ(split("transport=tcp,traddr=[::1],trsvcid=4420"), split("tcp://[::1]:4420"));
  EXPECT_EQ(split("transport=tcp,traddr=::1"), split("tcp://[::1]:4420"));
}

TEST(KeyForm, TakesTheDefaultServiceWhereNoneIsWritten) {
  EXPECT_EQ(split("transport=tcp,traddr=192.0.2.1", "8009").trsvcid, "8009");
  EXPECT_EQ(split("transport=tcp,traddr=192.0.2.1,trsvcid=none", "8009").trsvcid, "8009");
}

TEST(KeyForm, TakesAnOpenSocket) { EXPECT_EQ(parsed("trtype:TCP traddr:[fd=3]").fd, 3); }

TEST(KeyForm, KeepsFurtherKeysAsOptions) {
  const Address a = parsed("transport=tcp,traddr=h,trsvcid=1,hdgst=on,nr_io_queues=4");
  EXPECT_EQ(a.options, (std::vector<Option>{{"hdgst", "on"}, {"queues", "4"}}));
}

TEST(KeyForm, ABlankInFrontOrBeforeACommaChangesNothing) {
  const Address a = split("transport=tcp,traddr=h,trsvcid=1,nqn=disk");
  EXPECT_EQ(split(" transport=tcp,traddr=h,trsvcid=1,nqn=disk"), a);
  EXPECT_EQ(split("transport=tcp , traddr=h ,trsvcid=1, nqn=disk"), a);
  EXPECT_EQ(split(" trtype:tcp traddr:h trsvcid:1 subnqn:disk"), a);
}

TEST(KeyForm, TakesTheNamesOfNvmeCli) {
  const Address a = parsed("transport=tcp,traddr=h,nr-io-queues=4,queue_size=64,keep_alive_tmo=5,hdr_digest");
  EXPECT_EQ(a.options, (std::vector<Option>{{"queues", "4"}, {"qsize", "64"}, {"kato", "5"}, {"hdr_digest", "on"}}));
  EXPECT_EQ(parsed("tcp://h?nr_io_queues=4").options, (std::vector<Option>{{"queues", "4"}}));
  EXPECT_FALSE(Address::parse("tcp://h?nr_io_queues=4&queues=2"));
}

TEST(KeyForm, LeavesAPathAsItIs) { EXPECT_EQ(parsed("trtype:anyname traddr:/run/a%20b").traddr, "/run/a%20b"); }

TEST(Backend, GivesPathAndOptions) {
  const auto b = BackendAddress::parse("file:///srv/a%20disk.img?size=10G&block=4096");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->scheme, "file");
  EXPECT_EQ(b->path, "/srv/a disk.img");
  EXPECT_EQ(b->options, (std::vector<Option>{{"size", "10G"}, {"block", "4096"}}));
}

TEST(Backend, NeedsNoPathAndNoOptions) {
  const auto b = BackendAddress::parse("ram://");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->path, "");
}

TEST(Backend, RefusesWhatIsNoBackend) {
  for (const char* text : {"", "ram", "ram:/", "://x", "trace+ram://", "ram://?", "ram://?size", "ram://?size=1&size=2",
                           "file:///%zz", "file:///a\nb"}) {
    EXPECT_FALSE(BackendAddress::parse(text)) << text;
  }
}

TEST(NearestWord, FindsSlipsOfTheFingersOnly) {
  const std::string_view known[] = {"tcp", "rdma", "hdgst", "queues"};
  EXPECT_EQ(nearest_word("tpc", known), "tcp");
  EXPECT_EQ(nearest_word("hdgest", known), "hdgst");
  EXPECT_EQ(nearest_word("QUEUE", known), "queues");
  EXPECT_EQ(nearest_word("fibre", known), "");
  EXPECT_EQ(nearest_word("", known), "");
}

}  // namespace
}  // namespace weft
