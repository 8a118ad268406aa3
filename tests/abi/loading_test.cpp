// Plugins that load: how they are found, which one is chosen, what the core sees of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "abi/plugin_folder.hpp"
#include "weft/transport.hpp"

namespace weft::test {
namespace {

using testing::HasSubstr;

TransportRegistry registry_of(std::initializer_list<const char*> folders) {
  SearchPath path;
  for (const char* folder : folders) path.folders.push_back(variant(folder));
  return TransportRegistry(std::move(path));
}

weft_address an_address() {
  weft_address address{};
  address.size = sizeof address;
  address.fd = -1;
  address.traddr = "x";
  return address;
}

TEST(Loading, FindsThePluginOfAScheme) {
  TransportRegistry registry = registry_of({"good"});
  const Result<Transport*> found = registry.find("variant", WEFT_ROLE_HOST);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ((*found)->name(), "variant");
  EXPECT_EQ((*found)->version(), "1.2.3");
  EXPECT_EQ((*found)->origin(), variant("good") + "/libweft-variant.so");
  ASSERT_EQ((*found)->options().size(), 1u);
  EXPECT_STREQ((*found)->options()[0].key, "colour");
  EXPECT_FALSE((*found)->has_role(WEFT_ROLE_CONTROLLER));
  EXPECT_EQ((*found)->table().listen, nullptr);
}

TEST(Loading, GivesTheSameTransportAgain) {
  TransportRegistry registry = registry_of({"good"});
  EXPECT_EQ(registry.find("variant", WEFT_ROLE_HOST).value(), registry.find("variant", WEFT_ROLE_HOST).value());
  EXPECT_EQ(registry.candidates().size(), 1u);
}

TEST(Loading, TakesWhatItKnowsOfALargerNewerTable) {
  TransportRegistry registry = registry_of({"newer"});
  const Result<Transport*> found = registry.find("variant", WEFT_ROLE_HOST);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ((*found)->table().size, sizeof(weft_transport));
  EXPECT_EQ((*found)->table().abi_minor, WEFT_ABI_MINOR + 1);
}

TEST(Loading, ChoosesTheHighestPriorityAndThenTheFirstFound) {
  TransportRegistry registry = registry_of({"priorities"});
  EXPECT_THAT(registry.find("variant", WEFT_ROLE_HOST).value()->origin(), HasSubstr("libweft-variant-b.so"));
  EXPECT_EQ(registry.candidates().size(), 3u);
}

TEST(Loading, AnEarlierFolderWinsAmongEquals) {
  EXPECT_THAT(registry_of({"newer", "good"}).find("variant", WEFT_ROLE_HOST).value()->origin(), HasSubstr("/newer/"));
  EXPECT_THAT(registry_of({"good", "newer"}).find("variant", WEFT_ROLE_HOST).value()->origin(), HasSubstr("/good/"));
}

TEST(Loading, PassesOnWhenOneDeclinesTheAddress) {
  TransportRegistry registry = registry_of({"declines"});
  const weft_address address = an_address();
  const Result<Transport*> found = registry.find("variant", WEFT_ROLE_HOST, &address);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_THAT((*found)->origin(), HasSubstr("libweft-variant-second.so"));
  const std::vector<Candidate> candidates = registry.candidates();
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_TRUE(candidates[0].accepted);
  EXPECT_EQ(candidates[0].reason, "declines: that address is not on my device");
}

TEST(Loading, AnErrorOfTheClaimIsTheAnswer) {
  TransportRegistry registry = registry_of({"claim_fails"});
  const weft_address address = an_address();
  const Result<Transport*> found = registry.find("variant", WEFT_ROLE_HOST, &address);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, EINVAL);
  EXPECT_EQ(found.error().text, "variant: the address has no slot number");
}

TEST(Loading, ARoleThatNobodyPlaysIsSaidSo) {
  TransportRegistry registry = registry_of({"good"});
  const Result<Transport*> found = registry.find("variant", WEFT_ROLE_CONTROLLER);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ENOTSUP);
  EXPECT_EQ(found.error().text,
            "no transport takes this 'variant' address; libweft-variant.so does not play the controller role");
}

TEST(Loading, AFilesNameIsOnlyAHint) {
  TransportRegistry registry = registry_of({"good", "other_name"});
  const Result<Transport*> found = registry.find("okapi", WEFT_ROLE_HOST);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_THAT((*found)->origin(), HasSubstr("libweft-zebra.so"));
}

TEST(Loading, TheSameFileUnderTwoNamesIsOneTransport) {
  PluginFolder folder;
  folder.put(PluginFolder::good());
  std::filesystem::create_symlink("libweft-variant.so", folder.path() + "/libweft-variant-link.so");
  TransportRegistry registry(SearchPath{{folder.path()}});
  registry.load_all();
  EXPECT_EQ(registry.transports().size(), 1u);
  EXPECT_EQ(registry.candidates().size(), 2u);
}

// The dynamic loader knows libraries by path, and the path of a descriptor comes again when its number does.
TEST(Loading, FilesThatComeOneAfterAnotherAreToldApart) {
  for (const char* folder : {"good", "other_name", "good"}) {
    TransportRegistry registry = registry_of({folder});
    registry.load_all();
    ASSERT_EQ(registry.transports().size(), 1u);
    EXPECT_EQ(registry.transports()[0]->name(), std::string_view(folder) == "good" ? "variant" : "okapi");
  }
}

TEST(Loading, ListsAllThatIsLoadedByName) {
  TransportRegistry registry = registry_of({"priorities", "other_name", "good"});
  registry.load_all();
  std::vector<std::string> found;
  for (const Transport* transport : registry.transports())
    found.push_back(std::string(transport->name()) + " " + std::to_string(transport->table().priority));
  EXPECT_THAT(found, testing::ElementsAre("okapi 0", "variant 5", "variant 5", "variant 0", "variant -5"));
}

TEST(Loading, ADomainThatDoesNotOpenSaysWhy) {
  TransportRegistry registry = registry_of({"good"});
  const weft_services services{};
  const Result<weft_domain*> domain = registry.find("variant", WEFT_ROLE_HOST).value()->domain(services);
  ASSERT_FALSE(domain);
  EXPECT_EQ(domain.error().code, ENODEV);
  EXPECT_EQ(domain.error().text, "variant: there is no device");
}

}  // namespace
}  // namespace weft::test
