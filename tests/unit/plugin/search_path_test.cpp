#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/plugin/search_path.hpp"
#include "tests/support/build_folders.hpp"

namespace weft {
namespace {

using testing::ElementsAre;

class SearchPathTest : public testing::Test {
 protected:
  ~SearchPathTest() override { unsetenv("WEFT_PLUGIN_PATH"); }
};

TEST_F(SearchPathTest, ABinaryInTheBuildTreeLooksInThatTree) {
  unsetenv("WEFT_PLUGIN_PATH");
  EXPECT_THAT(SearchPath::standard().folders, ElementsAre(plugin_folder()));
}

TEST_F(SearchPathTest, GivenFoldersComeFirstThenTheEnvironments) {
  setenv("WEFT_PLUGIN_PATH", "/c:/d", 1);
  EXPECT_THAT(SearchPath::standard({"/a", "/b"}).folders, ElementsAre("/a", "/b", "/c", "/d", plugin_folder()));
}

TEST_F(SearchPathTest, EmptyPartsOfTheEnvironmentAreNoFolder) {
  setenv("WEFT_PLUGIN_PATH", "::/c:", 1);
  EXPECT_THAT(SearchPath::standard().folders, ElementsAre("/c", plugin_folder()));
}

SearchPathInputs installed_program() {
  return {.given = {"/given"},
          .environment = "/environment",
          .raised = false,
          .program = "/usr/bin/weft",
          .build_dir = "/build",
          .build_plugins = "/build/plugins",
          .installed = "/usr/lib/weft"};
}

TEST(MakeSearchPath, AnInstalledProgramLooksInThePackage) {
  EXPECT_THAT(make_search_path(installed_program()).folders, ElementsAre("/given", "/environment", "/usr/lib/weft"));
}

TEST(MakeSearchPath, AFolderThatOnlyBeginsLikeTheBuildTreeIsNotIt) {
  SearchPathInputs inputs = installed_program();
  inputs.program = "/build-of-another/bin/weft";
  EXPECT_EQ(make_search_path(inputs).folders.back(), "/usr/lib/weft");
}

TEST(MakeSearchPath, RaisedPrivilegesIgnoreTheEnvironmentAndTheBuildTree) {
  SearchPathInputs inputs = installed_program();
  inputs.raised = true;
  inputs.program = "/build/bin/weft";
  EXPECT_THAT(make_search_path(inputs).folders, ElementsAre("/given", "/usr/lib/weft"));
}

}  // namespace
}  // namespace weft
