// copy_report.hpp - what read and write say once the data has been moved.
#ifndef WEFT_TOOLS_COPY_REPORT_HPP
#define WEFT_TOOLS_COPY_REPORT_HPP

#include <chrono>

#include "output.hpp"
#include "weft/host.hpp"

namespace weft::tools {

class CopyReport {
 public:
  // Takes the time from here.
  CopyReport(const Address& address, const Namespace& where, std::uint64_t lba, std::uint64_t bytes)
      : url_(address.to_string()),
        where_(where),
        lba_(lba),
        bytes_(bytes),
        started_(std::chrono::steady_clock::now()) {}

  void set_bytes(std::uint64_t bytes) { bytes_ = bytes; }
  // On standard output, or standard error where the data itself went to standard output.
  void print(Program& program, const char* verb, const std::string& path, bool data_on_output) const {
    const std::string text = describe(program.json, verb, path);
    data_on_output ? say_text(text) : static_cast<void>(program.output += text);
  }

 private:
  [[nodiscard]] std::string describe(bool json, const char* verb, const std::string& path) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    const std::uint64_t blocks = (bytes_ + where_.block_size - 1) / where_.block_size;
    const double mib_s = static_cast<double>(bytes_) / (1 << 20) / seconds;
    if (json) {
      return json_text({{"address", url_},
                        {"nsid", where_.nsid},
                        {"lba", lba_},
                        {"blocks", blocks},
                        {"bytes", bytes_},
                        {"seconds", seconds},
                        {"mib_s", mib_s},
                        {"file", path}});
    }
    return format_shown("{} {} ({} from LBA {} of namespace {}) in {:.2f} s, {:.0f} MiB/s: {}\n", verb,
                        human_size(bytes_), counted(blocks, "block"), lba_, where_.nsid, seconds, mib_s, path);
  }

  const std::string url_;
  const Namespace where_;
  const std::uint64_t lba_;
  std::uint64_t bytes_;
  const std::chrono::steady_clock::time_point started_;
};

}  // namespace weft::tools

#endif
