#include "core/backend/identity_sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/util/unique_fd.hpp"
#include "core/wire/host_identity.hpp"

namespace weft {
namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value == '/' ? value : "";  // the specification of each: absolute, else ignored
}

// The folders that lead to it are made as a login makes them: for their owner alone.
Status make_folder(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      const int error = errno;
      return Error(error, fmt::format("cannot make the folder {}: {}", part, std::strerror(error)));
    }
    if (at == std::string::npos) return {};
  }
}

std::string installation_file(const IdentitySources& sources) { return sources.state_folder + "/identity"; }

// Nil: it is not there, or damaged. One that cannot be read is neither.
Result<wire::Uuid> read_installation(const IdentitySources& sources) {
  const std::string path = installation_file(sources);
  if (access(path.c_str(), R_OK) != 0 && errno != ENOENT) {
    const int error = errno;
    return Error(error, fmt::format("cannot read {}: {}", path, std::strerror(error)));
  }
  return wire::parse_uuid(wire::first_line(path)).value_or(wire::Uuid{});
}

Error cannot_write(const std::string& path, int error) {
  return Error(error, fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

// Whole or not at all: a reader never finds half of it, and of several processes that make it one succeeds.
Status write_installation(const IdentitySources& sources, bool replace) {
  const std::string path = installation_file(sources);
  std::string draft = path + ".XXXXXX";
  const UniqueFd fd(mkostemp(draft.data(), O_CLOEXEC));
  if (!fd) return cannot_write(draft, errno);
  const std::string text = wire::format_uuid(wire::random_uuid()) + "\n";
  Status done;
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(fd.get()) != 0) {
    done = cannot_write(path, errno != 0 ? errno : ENOSPC);
  } else if (replace || (link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
    if (rename(draft.c_str(), path.c_str()) != 0) done = cannot_write(path, errno);
  }
  unlink(draft.c_str());
  return done;
}

}  // namespace

IdentitySources IdentitySources::of_this_process() {
  IdentitySources sources;
  std::string folder = environment("STATE_DIRECTORY");
  folder.resize(std::min(folder.size(), folder.find(':')));
  if (folder.empty()) {
    if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) {
      folder = state + "/weft";
    } else if (const std::string home = environment("HOME"); !home.empty()) {
      folder = home + "/.local/state/weft";
    }
  }
  sources.state_folder = std::move(folder);
  return sources;
}

std::string machine_name(const IdentitySources& sources) {
  const std::string id = wire::read_machine_id(sources.machine_id);
  return id.empty() ? id : wire::format_uuid(wire::derive_uuid("machine of storage", id));
}

wire::Uuid find_installation(const IdentitySources& sources) {
  return sources.state_folder.empty() ? wire::Uuid{} : read_installation(sources).value_or(wire::Uuid{});
}

Result<Installation> find_or_make_installation(const IdentitySources& sources) {
  if (sources.state_folder.empty())
    return Error(ENOENT, "there is no folder for state: set STATE_DIRECTORY, XDG_STATE_HOME or HOME");
  std::string damaged;
  for (const bool replace : {false, true}) {
    const Result<wire::Uuid> found = read_installation(sources);
    if (!found) return found.error();
    if (!wire::is_nil(*found)) return Installation{*found, std::move(damaged)};
    if (Status made = make_folder(sources.state_folder); !made) return made.error();
    if (replace) damaged = installation_file(sources);
    if (Status written = write_installation(sources, replace); !written) return written.error();
  }
  const Result<wire::Uuid> written = read_installation(sources);
  if (!written) return written.error();
  return Installation{*written, std::move(damaged)};
}

}  // namespace weft
