// search_path.hpp - what SearchPath::standard() decides, with everything that it looks up given: so it can be tested.
// Pure; any thread.
#ifndef WEFT_CORE_PLUGIN_SEARCH_PATH_HPP
#define WEFT_CORE_PLUGIN_SEARCH_PATH_HPP

#include <string>
#include <vector>

#include "weft/transport.hpp"

namespace weft {

struct SearchPathInputs {
  std::vector<std::string> given;     // --plugin-dir, API
  const char* environment = nullptr;  // WEFT_PLUGIN_PATH, or null
  bool raised = false;  // set-user-id and the like: the environment and the build tree are somebody else's
  std::string program;  // the file that runs
  std::string build_dir, build_plugins, installed;
};

[[nodiscard]] SearchPath make_search_path(SearchPathInputs inputs);

}  // namespace weft

#endif
