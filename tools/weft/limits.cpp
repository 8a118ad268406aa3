#include "limits.hpp"

#include <fmt/core.h>
#include <sys/resource.h>

#include <cerrno>

namespace weft::tools {

void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // refused: require_open_files() says what that costs
}

Status require_open_files(std::uint64_t needed, std::string_view purpose) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  return Error(EMFILE,
               fmt::format("{} needs {} open files, but the limit (RLIMIT_NOFILE) is {}: raise it with 'ulimit -Hn {}'",
                           purpose, needed, limit.rlim_cur, needed));
}

}  // namespace weft::tools
