// Any bytes as a plugin file, before it is loaded, and as a configuration file of `weft serve`.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "core/plugin/elf_check.hpp"
#include "fuzz/values/parsers.hpp"
#include "tools/weft/serve_config.hpp"

namespace weft::fuzz {

void fuzz_elf(std::span<const std::uint8_t> bytes) {
  MemoryBytes file(std::as_bytes(bytes));
  const Status status = check_elf(file);
  outcomes.reached(status ? kElf : kElfRefused);
  if (!status) require(!status.error().text.empty(), "a file is refused without a sentence");
}

void fuzz_config(std::string_view text) {
  static const int file = memfd_create("config", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  require(ftruncate(file, 0) == 0 && pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "no file in memory");
  const Result<tools::ServeConfig> config = tools::read_serve_config(path);
  outcomes.reached(config ? kConfig : kConfigRefused);
  if (!config) return require(config.error().text.starts_with(path), "an error that does not name the file");
  require(config->target.data_memory >= config->target.max_transfer, "limits that cannot be kept");
  for (const tools::SubsystemConfig& subsystem : config->subsystems) {
    require(!subsystem.options.nqn.empty(), "a subsystem without a name");
  }
}

}  // namespace weft::fuzz
