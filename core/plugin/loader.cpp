#include "core/plugin/loader.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <exception>
#include <string_view>

#include "core/plugin/elf_check.hpp"
#include "core/plugin/table.hpp"

namespace weft {
namespace {

constexpr char kDescriptors[] = "/proc/self/fd";

Error refuse(std::string sentence) { return {ENOEXEC, std::move(sentence)}; }

// A path to the descriptor that no other file in this process was or will be loaded by. The dynamic loader takes a path
// that it has loaded before for the same library, and descriptors' numbers come again; so the file's identity, which
// stays taken while the library is mapped, is written into the path as steps that lead nowhere: "/." for a one, "/" for
// a zero.
std::string path_of_descriptor(int fd, const struct stat& status) {
  std::string path = kDescriptors;
  for (std::uint64_t number : {std::uint64_t{status.st_dev}, std::uint64_t{status.st_ino}})
    for (unsigned bit = 0; bit < 64; ++bit) path += ((number >> bit) & 1) != 0 ? "/." : "/";
  return path + fmt::format("/{}", fd);
}

// Boost wraps dlerror's text, which names a missing dependency or symbol, in words of its own; and dlerror begins with the
// path that we made up.
std::string words_of_dlerror(std::string_view what, std::string_view path) {
  constexpr std::string_view kBefore = "dlerror system message: ";
  if (const std::size_t begin = what.find(kBefore); begin != what.npos) what.remove_prefix(begin + kBefore.size());
  if (const std::size_t end = what.rfind("): "); end != what.npos) what = what.substr(0, end);
  if (what.starts_with(path)) what.remove_prefix(path.size());
  if (what.starts_with(": ")) what.remove_prefix(2);
  return std::string(what);
}

Result<weft_entry_fn> open_library(const std::string& path) {
  // RTLD_NODELETE: stays in the process when the handle goes, and needs no place to keep the handle.
  const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  try {
    const boost::dll::shared_library library(path, mode);
    return &library.get<const weft_transport*()>(WEFT_ENTRY_SYMBOL);
  } catch (const std::exception& error) {
    if (::access(kDescriptors, F_OK) != 0)
      return refuse(
          fmt::format("cannot be loaded: files are loaded through {}, and /proc is not mounted here", kDescriptors));
    return refuse(fmt::format("cannot be loaded: {}", words_of_dlerror(error.what(), path)));
  }
}

}  // namespace

Result<weft_transport> load_plugin(const TrustedFile& file) {
  FileBytes bytes(file.fd.get(), static_cast<std::uint64_t>(file.status.st_size));
  if (Status status = check_elf(bytes); !status) return std::move(status).error();
  Result<weft_entry_fn> entry = open_library(path_of_descriptor(file.fd.get(), file.status));
  if (!entry) return std::move(entry).error();
  return check_table((*entry)());
}

}  // namespace weft
