// file:// - blocks in a regular file or a block device, through io_uring, past the page cache where the file allows.

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/backend/backends.hpp"
#include "core/backend/file_context.hpp"
#include "core/util/unique_fd.hpp"

namespace weft {
namespace {

enum class Direct : std::uint8_t { kAuto, kOn, kOff };

struct FileOptions {
  Direct direct = Direct::kAuto;
  bool read_only = false;
};

struct OpenFile {
  UniqueFd fd;
  bool direct = false;
  bool block_device = false;
  std::uint64_t bytes = 0;
};

Error file_error(const std::string& path, int error, std::string_view what) {
  return Error(error, fmt::format("{}: {}: {}", path, what, std::strerror(error)));
}

Result<FileOptions> read_file_options(const BackendAddress& address) {
  FileOptions options;
  for (const Option& option : address.options) {
    if (option.key != "direct" && option.key != "readonly") continue;
    if (option.key == "direct" && option.value == "auto") continue;
    auto value = parse_switch(option.value);
    if (!value) return std::move(value).error().with_context(option.key + "=" + option.value);
    if (option.key == "direct") options.direct = *value ? Direct::kOn : Direct::kOff;
    if (option.key == "readonly") options.read_only = *value;
  }
  return options;
}

// O_DIRECT works only when blocks of this size may be read at their own alignment.
bool direct_works(int fd, std::uint32_t block_size) {
  alignas(4096) std::byte block[4096];
  return pread(fd, block, block_size, 0) >= 0;
}

Result<UniqueFd> open_path(const std::string& path, const FileOptions& options, std::uint32_t block_size, int extra,
                           bool& direct) {
  const int flags = (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | extra;
  direct = options.direct != Direct::kOff;
  if (direct) {
    UniqueFd fd(open(path.c_str(), flags | O_DIRECT, 0600));
    if (fd && direct_works(fd.get(), block_size)) return fd;
    if (options.direct == Direct::kOn && (fd || errno == EINVAL)) {
      return Error(EINVAL,
                   fmt::format("{}: blocks of {} bytes cannot be read past the page cache here; leave out direct=on",
                               path, block_size));
    }
  }
  direct = false;
  UniqueFd fd(open(path.c_str(), flags & ~O_EXCL, 0600));
  if (fd) return fd;
  if ((errno == EACCES || errno == EROFS) && !options.read_only && access(path.c_str(), R_OK) == 0) {
    return Error(errno,
                 fmt::format("{}: this file may be read but not written; add readonly=on to serve it as it is", path));
  }
  return file_error(path, errno, "cannot open");
}

Status measure(const std::string& path, OpenFile& file) {
  struct stat st{};
  if (fstat(file.fd.get(), &st) != 0) return file_error(path, errno, "cannot look at it");
  if (S_ISBLK(st.st_mode)) {
    file.block_device = true;
    if (ioctl(file.fd.get(), BLKGETSIZE64, &file.bytes) != 0)
      return file_error(path, errno, "cannot tell the device's size");
    return {};
  }
  if (!S_ISREG(st.st_mode)) return Error(EINVAL, path + ": neither a regular file nor a block device");
  file.bytes = static_cast<std::uint64_t>(st.st_size);
  return {};
}

bool missing(const std::string& path) {
  struct stat st{};
  return stat(path.c_str(), &st) != 0 && errno == ENOENT;
}

Result<OpenFile> open_existing_or_new(const std::string& path, const FileOptions& options, const BackendInfo& info) {
  OpenFile file;
  const bool create = missing(path);
  if (create && (info.blocks == 0 || options.read_only)) {
    return Error(ENOENT, fmt::format("{}: no such file; with size=10G a new one would be made", path));
  }
  auto fd = open_path(path, options, info.block_size, create ? O_CREAT : 0, file.direct);
  if (!fd) return std::move(fd).error();
  file.fd = std::move(*fd);
  if (create && ftruncate(file.fd.get(), static_cast<off_t>(info.blocks * info.block_size)) != 0) {
    const int error = errno;
    unlink(path.c_str());
    return file_error(path, error, "cannot make a file of " + bytes_in_words(info.blocks * info.block_size));
  }
  if (Status s = measure(path, file); !s) return std::move(s).error();
  return file;
}

// The size asked for, or all whole blocks that the file has.
Status settle_size(const std::string& path, const OpenFile& file, BackendInfo& info) {
  const std::uint64_t there = file.bytes / info.block_size;
  if (info.blocks == 0) info.blocks = there;
  if (info.blocks == 0) {
    return Error(EINVAL, fmt::format("{}: with {} bytes it is too small for one block of {}", path, file.bytes,
                                     info.block_size));
  }
  if (info.blocks <= there) return {};
  return Error(
      EINVAL,
      fmt::format("{}: it has {} bytes, too small for the size of {}; enlarge it (truncate -s) or leave the size out",
                  path, file.bytes, info.blocks * info.block_size));
}

// Beyond the end, with the size kept: nothing changes, but the file system says whether it can.
bool can_punch(const OpenFile& file) {
  if (file.block_device) return true;  // tried when it is asked for; written as zeroes when it cannot
  return fallocate(file.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   static_cast<off_t>(file.bytes + 4096) & ~off_t{4095}, 4096) == 0;
}

class FileBackend final : public Backend {
 public:
  FileBackend(OpenFile file, const BackendInfo& info) : file_(std::move(file)), info_(info), blocks_(info.blocks) {
    shared_.fd = file_.fd.get();
    shared_.block_size = info.block_size;
    shared_.holes = !info.read_only && can_punch(file_);
    info_.thin = shared_.holes;
    info_.volatile_cache = true;
  }

  BackendInfo info() const override {
    BackendInfo info = info_;
    info.blocks = blocks_.load(std::memory_order_relaxed);
    return info;
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor&, std::uint64_t memory) override {
    auto context = FileContext::create(shared_, memory);
    if (!context) return std::move(context).error();
    return std::unique_ptr<BackendContext>(std::move(*context));
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > static_cast<std::uint64_t>(INT64_MAX) / info_.block_size)
      return Error(EINVAL, info_.description + ": no file has that size");
    if (Status s = measure(info_.description, file_); !s) return s;
    const std::uint64_t bytes = blocks * info_.block_size;
    if (file_.block_device && bytes > file_.bytes)
      return Error(ENOSPC, info_.description + ": the device is smaller than that");
    if (!file_.block_device && bytes > file_.bytes && ftruncate(file_.fd.get(), static_cast<off_t>(bytes)) != 0) {
      return file_error(info_.description, errno, "cannot enlarge");
    }
    blocks_.store(blocks, std::memory_order_relaxed);
    return {};
  }

 private:
  OpenFile file_;
  BackendInfo info_;
  std::atomic<std::uint64_t> blocks_;
  FileShared shared_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_file_backend(const BackendAddress& address) {
  BackendInfo info;
  if (Status s = read_size_options(address, info, SizeNeeded::kNo, {"direct", "readonly"}); !s) return s.error();
  auto options = read_file_options(address);
  if (!options) return std::move(options).error();
  if (address.path.empty() || address.path.front() != '/') {
    return Error(EINVAL, fmt::format("{}: a file backend needs an absolute path: file:///path", address.to_string()));
  }
  auto file = open_existing_or_new(address.path, *options, info);
  if (!file) return std::move(file).error();
  if (Status s = settle_size(address.path, *file, info); !s) return s.error();
  info.read_only = options->read_only;
  info.optimal_blocks = 4096 / info.block_size;
  info.description = fmt::format("{} ({}, {})", address.path, bytes_in_words(info.blocks * info.block_size),
                                 file->direct ? "direct" : "cached");
  return std::unique_ptr<Backend>(std::make_unique<FileBackend>(std::move(*file), info));
}

}  // namespace weft
