#include "core/plugin/search_path.hpp"

#include <sys/auxv.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft {
namespace {

void add_folders(std::vector<std::string>& folders, std::string_view list) {
  while (!list.empty()) {
    const std::size_t colon = list.find(':');
    if (const std::string_view folder = list.substr(0, colon); !folder.empty()) folders.emplace_back(folder);
    list.remove_prefix(colon == list.npos ? list.size() : colon + 1);
  }
}

}  // namespace

SearchPath make_search_path(SearchPathInputs inputs) {
  SearchPath path{std::move(inputs.given)};
  if (inputs.environment != nullptr && !inputs.raised) add_folders(path.folders, inputs.environment);
  const bool in_build_tree = !inputs.raised && inputs.program.starts_with(inputs.build_dir + '/');
  path.folders.push_back(std::move(in_build_tree ? inputs.build_plugins : inputs.installed));
  return path;
}

SearchPath SearchPath::standard(std::vector<std::string> given) {
  std::error_code unreadable;  // then the program is in no build tree
  return make_search_path({.given = std::move(given),
                           .environment = std::getenv("WEFT_PLUGIN_PATH"),
                           .raised = getauxval(AT_SECURE) != 0,
                           .program = std::filesystem::read_symlink("/proc/self/exe", unreadable),
                           .build_dir = WEFT_BUILD_DIR,
                           .build_plugins = WEFT_BUILD_PLUGIN_DIR,
                           .installed = WEFT_PLUGIN_INSTALL_DIR});
}

}  // namespace weft
