#include "tests/support/build_folders.hpp"

namespace weft {

std::string plugin_folder() { return WEFT_TEST_PLUGIN_DIR; }
std::string program(const std::string& name) { return WEFT_TEST_BINARY_DIR "/" + name; }

}  // namespace weft
