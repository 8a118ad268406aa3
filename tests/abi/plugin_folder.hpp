// plugin_folder.hpp - a folder of this test's own with copies of built plugins in it, gone at its end.
#ifndef WEFT_TESTS_ABI_PLUGIN_FOLDER_HPP
#define WEFT_TESTS_ABI_PLUGIN_FOLDER_HPP

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace weft::test {

// A plugin that the build made: tests/abi/CMakeLists.txt.
inline std::string variant(const std::string& folder) { return std::string(WEFT_TEST_VARIANTS) + "/" + folder; }

class PluginFolder {
 public:
  PluginFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-plugins-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~PluginFolder() {
    chmod(path_.c_str(), 0700);
    std::filesystem::remove_all(path_);
  }
  PluginFolder(const PluginFolder&) = delete;
  PluginFolder& operator=(const PluginFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // The path of a file with these bytes, by default named for the scheme "variant".
  std::string put(const std::vector<char>& bytes, const std::string& name = "libweft-variant.so") {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    chmod(file.c_str(), 0644);
    return file;
  }

  static std::vector<char> bytes_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::vector<char> good() { return bytes_of(variant("good") + "/libweft-variant.so"); }
  // Where the last byte that is loaded ends; what follows is for debuggers.
  static std::size_t loaded_end(const std::vector<char>& bytes) {
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    std::size_t end = 0;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type == PT_LOAD) end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
    }
    return end;
  }

 private:
  std::string path_;
};

}  // namespace weft::test

#endif
