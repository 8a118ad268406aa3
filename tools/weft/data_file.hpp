// data_file.hpp - the file (or standard stream, "-") that read and write move data to and from.
//
// Owns the descriptor it opened. Every call moves all it was asked for or says why not. One thread.
#ifndef WEFT_TOOLS_DATA_FILE_HPP
#define WEFT_TOOLS_DATA_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "weft/status.hpp"

namespace weft::tools {

class DataFile {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DataFile>> open_input(const std::string& path);
  // Created or emptied.
  [[nodiscard]] static Result<std::unique_ptr<DataFile>> open_output(const std::string& path);
  ~DataFile();
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  // As many bytes as there are up to the buffer's end: fewer only at the end of the file.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> into);
  [[nodiscard]] Status write(std::span<const std::byte> from);
  [[nodiscard]] Status close();                             // what the file system had to say late
  [[nodiscard]] std::optional<std::uint64_t> size() const;  // of a regular file
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DataFile(int fd, bool owned, std::string path) : fd_(fd), owned_(owned), path_(std::move(path)) {}
  [[nodiscard]] Error error(const char* verb) const;

  int fd_;
  const bool owned_;
  const std::string path_;
};

}  // namespace weft::tools

#endif
