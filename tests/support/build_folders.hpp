// build_folders.hpp - where the build tree has what tests load and run. One file knows (build_folders.cpp), so that the others
// are the same in every tree and a compiler cache finds them.
#ifndef WEFT_TESTS_SUPPORT_BUILD_FOLDERS_HPP
#define WEFT_TESTS_SUPPORT_BUILD_FOLDERS_HPP

#include <string>

namespace weft {

[[nodiscard]] std::string plugin_folder();
[[nodiscard]] std::string program(const std::string& name);  // a program beside `weft`: its path

}  // namespace weft

#endif
