#include "core/plugin/table.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "support/loopback_transport.hpp"
#include "weft/transport.hpp"

namespace weft {
namespace {

// The loopback's table is right; each test spoils one field.
weft_transport good() { return *test::loopback_transport(); }

std::string verdict(const weft_transport& table) {
  const Result<weft_transport> checked = check_table(&table);
  return checked ? "" : checked.error().text;
}

TEST(Table, ARightOneIsCopied) {
  const weft_transport table = good();
  const Result<weft_transport> copy = check_table(&table);
  ASSERT_TRUE(copy) << copy.error().text;
  EXPECT_EQ(std::memcmp(&*copy, &table, sizeof table), 0);
}

TEST(Table, ALargerNewerOneKeepsWhatIsKnown) {
  struct Newer {
    weft_transport known;
    void (*more)();
  } newer{good(), nullptr};
  newer.known.size = sizeof newer;
  newer.known.abi_minor = WEFT_ABI_MINOR + 1;
  const Result<weft_transport> copy = check_table(&newer.known);
  ASSERT_TRUE(copy) << copy.error().text;
  EXPECT_EQ(copy->size, sizeof(weft_transport));
}

struct Spoilt {
  const char* name;
  void (*spoil)(weft_transport&);
  const char* sentence;
};

class TableRefuses : public testing::TestWithParam<Spoilt> {};

TEST_P(TableRefuses, WithItsOwnSentence) {
  weft_transport table = good();
  GetParam().spoil(table);
  EXPECT_EQ(verdict(table), GetParam().sentence);
}

constexpr weft_option_info kEnd = {nullptr, nullptr, nullptr, nullptr};
constexpr weft_option_info kTwice[] = {{"a", "bool", "on", "help"}, {"a", "size", "1", "help"}, kEnd};
constexpr weft_option_info kBadKey[] = {{"No-key", "bool", "on", "help"}, kEnd};
constexpr weft_option_info kCoreKey[] = {{"queues", "count", "1", "help"}, kEnd};
constexpr weft_option_info kBadType[] = {{"a", "number", "1", "help"}, kEnd};
constexpr weft_option_info kNoType[] = {{"a", nullptr, "1", "help"}, kEnd};
constexpr weft_option_info kEmptyChoice[] = {{"a", "x||y", "x", "help"}, kEnd};
constexpr weft_option_info kNoHelp[] = {{"a", "bool", "on", ""}, kEnd};

const Spoilt kSpoilt[] = {
    {"SizeHuge", [](weft_transport& t) { t.size = 70000; }, "table says that it has 70000 bytes, which no version has"},
    {"NoName", [](weft_transport& t) { t.name = nullptr; }, "table has no name"},
    {"EmptyName", [](weft_transport& t) { t.name = ""; },
     "name '' is not a lower-case letter and then letters and digits"},
    {"DigitFirst", [](weft_transport& t) { t.name = "9p"; },
     "name '9p' is not a lower-case letter and then letters and digits"},
    {"LongName", [](weft_transport& t) { t.name = "abcdefghijklmnopqrstuvwxyzabcdef"; },
     "name is longer than 31 characters"},
    {"NoVersion", [](weft_transport& t) { t.version = nullptr; }, "table has no version"},
    {"NoRole", [](weft_transport& t) { t.roles = 0; }, "table plays no role: neither host nor controller"},
    {"UnknownRole", [](weft_transport& t) { t.roles = 9; }, "roles 0x9 has unknown bits"},
    {"Reserved", [](weft_transport& t) { t.reserved[6] = 1; }, "reserved byte 6 is 1, not 0"},
    {"EmptyService", [](weft_transport& t) { t.default_trsvcid = ""; },
     "default_trsvcid is not a string of 1 to 31 characters"},
    {"DiscoveryServiceAlone", [](weft_transport& t) { t.discovery_trsvcid = "8009"; },
     "table has discovery_trsvcid but no default_trsvcid"},
    {"NoFlush", [](weft_transport& t) { t.group_flush = nullptr; },
     "table lacks group_flush, which every transport has"},
    {"NoSendCommand", [](weft_transport& t) { t.send_command = nullptr; },
     "table lacks send_command, which the host role needs"},
    {"HalfAController", [](weft_transport& t) { t.cancel_data = nullptr; },
     "table lacks cancel_data, which the controller role needs: all of its operations or none"},
    {"UndeclaredHost", [](weft_transport& t) { t.roles = WEFT_ROLE_CONTROLLER; },
     "table has connect, but does not declare the host role"},
    {"UndeclaredController", [](weft_transport& t) { t.roles = WEFT_ROLE_HOST; },
     "table has listen, but does not declare the controller role"},
    {"RegisterAlone", [](weft_transport& t) { t.region_release = nullptr; },
     "table has region_register without region_release"},
    {"EndlessOptions",
     [](weft_transport& t) {
       static std::vector<std::string> keys;
       static std::vector<weft_option_info> endless;
       keys.clear();
       endless.clear();
       for (std::size_t i = 0; i < kTransportOptionsBound + 1; ++i) keys.push_back("k" + std::to_string(i));
       for (const std::string& key : keys) endless.push_back({key.c_str(), "bool", "off", "help"});
       t.options = endless.data();
     },
     "options do not end: no entry without a key within 256"},
    {"OptionTwice", [](weft_transport& t) { t.options = kTwice; }, "option 'a' is declared twice"},
    {"OptionKey", [](weft_transport& t) { t.options = kBadKey; },
     "option key 'No-key' is not a lower-case letter and then letters, digits and '_'"},
    {"OptionOfTheCore", [](weft_transport& t) { t.options = kCoreKey; }, "option 'queues' is a key of the core's own"},
    {"OptionType", [](weft_transport& t) { t.options = kBadType; },
     "option 'a' is of type 'number', which is none of bool, size, duration, count, text or a|b|c"},
    {"OptionWithoutType", [](weft_transport& t) { t.options = kNoType; },
     "option 'a' is of type '', which is none of bool, size, duration, count, text or a|b|c"},
    {"OptionWithAnEmptyChoice", [](weft_transport& t) { t.options = kEmptyChoice; },
     "option 'a' is of type 'x||y', which is none of bool, size, duration, count, text or a|b|c"},
    {"OptionHelp", [](weft_transport& t) { t.options = kNoHelp; }, "option 'a' has no help"},
};

INSTANTIATE_TEST_SUITE_P(Fields, TableRefuses, testing::ValuesIn(kSpoilt),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Table, MustNotBeSmallerThanOneDotNought) {
  weft_transport table = good();
  table.size = kTableSize1_0 - 8;
  EXPECT_EQ(verdict(table),
            fmt::format("table of {} bytes is smaller than 1.0, which has {}", table.size, kTableSize1_0));
  table.size = 0;
  EXPECT_EQ(verdict(table), fmt::format("table of 0 bytes is smaller than 1.0, which has {}", kTableSize1_0));
}

TEST(Table, SizeAndMinorVersionGrowTogether) {
  weft_transport table = good();
  table.size += 8;
  EXPECT_EQ(verdict(table), fmt::format("table of {} bytes says that it is of ABI 1.0, but tables of 1.0 have {}",
                                        table.size, sizeof table));
}

TEST(Table, MayHaveNoOptionsAndNoClaim) {
  weft_transport table = good();
  table.options = nullptr;
  table.claim = nullptr;
  EXPECT_EQ(verdict(table), "");
  EXPECT_TRUE(table_options(table).empty());
}

TEST(Registry, ATableAddedByHandIsCheckedToo) {
  weft_transport table = good();
  table.group_poll = nullptr;
  TransportRegistry registry(SearchPath{});
  const Status status = registry.add(&table, "mine");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "transport 'mine' refused: table lacks group_poll, which every transport has");
  ASSERT_EQ(registry.candidates().size(), 1u);
  EXPECT_FALSE(registry.candidates()[0].accepted);
}

TEST(Registry, AnAddedTableAnswersToItsName) {
  TransportRegistry registry(SearchPath{});
  ASSERT_TRUE(registry.add(test::loopback_transport()));
  const Result<Transport*> found = registry.find("loop", WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ((*found)->origin(), "built in");
}

TEST(Registry, TheDomainIsOpenedOnceAndClosedWithTheRegistry) {
  const test::LoopbackGuard guard;
  const weft_services services{};
  TransportRegistry registry(SearchPath{});
  ASSERT_TRUE(registry.add(test::loopback_transport()));
  Transport& loop = *registry.find("loop", WEFT_ROLE_HOST).value();
  EXPECT_EQ(loop.domain(services).value(), loop.domain(services).value());
  EXPECT_EQ(test::loopback_control().live().domains, 1u);
}

TEST(ToError, TakesWhatThePluginSaid) {
  weft_error said = empty_error();
  said.code = -ECONNREFUSED;
  std::strcpy(said.stage, "connect");
  std::strcpy(said.text, "nobody there");
  EXPECT_EQ(to_error(-EIO, said, "x"), Error(ECONNREFUSED, "connect", "nobody there"));
}

TEST(ToError, FillsInWhatThePluginLeftOut) {
  EXPECT_EQ(to_error(-ENOMEM, empty_error(), "it does not open"), Error(ENOMEM, "it does not open"));
}

TEST(ToError, ReadsNoFurtherThanTheFields) {
  weft_error said = empty_error();
  std::memset(said.stage, 's', sizeof said.stage);
  std::memset(said.text, 't', sizeof said.text);
  const Error error = to_error(-EIO, said, "");
  EXPECT_EQ(error.stage.size(), sizeof said.stage);
  EXPECT_EQ(error.text.size(), sizeof said.text);
}

}  // namespace
}  // namespace weft
