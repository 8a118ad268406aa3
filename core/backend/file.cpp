// file:// - blocks in a regular file or a block device, through io_uring, past the page cache where the file allows.

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/backend/backends.hpp"
#include "core/backend/file_context.hpp"
#include "core/backend/file_identity.hpp"
#include "core/backend/storage_file.hpp"
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
  dev_t device = 0;  // of a block device
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

Error cannot_open(const std::string& path, Error error, const FileOptions& options) {
  if ((error.code == EACCES || error.code == EROFS) && !options.read_only && access(path.c_str(), R_OK) == 0) {
    return Error(error.code,
                 fmt::format("{}: this file may be read but not written; add readonly=on to serve it as it is", path));
  }
  return error;
}

// Two that write to one storage destroy each other's blocks. A block device is claimed from the kernel, as mount does it
// (flock is udev's way to look at one); a reader of one claims nothing.
Status claim(const std::string& path, OpenFile& file, const FileOptions& options) {
  if (file.block_device) {
    if (options.read_only) return {};
    Result<StorageFile> claimed = open_storage(path, O_RDWR | O_EXCL);
    if (!claimed && claimed.error().code == EBUSY) {
      return Error(EBUSY,
                   path + ": the device is in use: it is mounted, part of another one, or served by another process");
    }
    if (!claimed) return std::move(claimed).error();
    if (claimed->status.st_rdev != file.device) return Error(EBUSY, path + ": was replaced while it was opened");
    file.fd = std::move(claimed->fd);
    return {};
  }
  // Where there are no locks, there is none to respect.
  if (flock(file.fd.get(), (options.read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return Error(EBUSY, fmt::format("{}: somebody else serves or locks this file{}", path,
                                  options.read_only ? ", and may write to it" : ""));
}

// Past the page cache, where blocks of this size may be read at their own alignment.
Status set_direct(const std::string& path, OpenFile& file, const FileOptions& options, std::uint32_t block_size) {
  if (options.direct == Direct::kOff) return {};
  alignas(4096) std::byte block[4096];
  const int flags = fcntl(file.fd.get(), F_GETFL);
  file.direct = fcntl(file.fd.get(), F_SETFL, flags | O_DIRECT) == 0;
  if (file.direct && pread(file.fd.get(), block, block_size, 0) >= 0) return {};
  if (options.direct == Direct::kOn) {
    return Error(
        EINVAL, fmt::format("{}: blocks of {} bytes cannot be read past the page cache here; leave out direct=on", path,
                            block_size));
  }
  file.direct = false;
  if (fcntl(file.fd.get(), F_SETFL, flags) != 0) return file_error(path, errno, "cannot set how it is read");
  return {};
}

Status measure_file(const std::string& path, OpenFile& file) {
  struct stat st{};
  if (fstat(file.fd.get(), &st) != 0) return file_error(path, errno, "cannot look at it");
  if (S_ISBLK(st.st_mode)) {
    file.block_device = true;
    file.device = st.st_rdev;
    if (ioctl(file.fd.get(), BLKGETSIZE64, &file.bytes) != 0)
      return file_error(path, errno, "cannot tell the device's size");
    return {};
  }
  file.bytes = static_cast<std::uint64_t>(st.st_size);
  return {};
}

bool is_link(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

// What is there is never made smaller or larger: only a file that this very call has made gets its size.
Result<OpenFile> open_or_make(const std::string& path, const FileOptions& options, const BackendInfo& info,
                              bool& made) {
  const int flags = options.read_only ? O_RDONLY : O_RDWR;
  OpenFile file;
  Result<StorageFile> there = open_storage(path, flags);
  const bool absent = !there && there.error().code == ENOENT && !is_link(path);
  if (absent && (info.blocks == 0 || options.read_only)) {
    return Error(ENOENT, fmt::format("{}: no such file; with size=10G a new one would be made", path));
  }
  if (absent) there = open_storage(path, flags | O_CREAT | O_EXCL);  // EEXIST: another process has just made it
  if (!there) return cannot_open(path, std::move(there).error(), options);
  made = absent;
  file.fd = std::move(there->fd);
  return file;
}

Status prepare(const std::string& path, OpenFile& file, const FileOptions& options, const BackendInfo& info,
               bool made) {
  if (Status s = measure_file(path, file); !s) return s;
  if (Status s = claim(path, file, options); !s) return s;
  const std::uint64_t bytes = info.blocks * info.block_size;
  if (made && ftruncate(file.fd.get(), static_cast<off_t>(bytes)) != 0) {
    return file_error(path, errno, "cannot make a file of " + bytes_in_words(bytes));
  }
  if (Status s = set_direct(path, file, options, info.block_size); !s) return s;
  return measure_file(path, file);
}

Result<OpenFile> open_existing_or_new(const std::string& path, const FileOptions& options, const BackendInfo& info) {
  bool made = false;
  auto file = open_or_make(path, options, info, made);
  if (!file) return file;
  if (Status s = prepare(path, *file, options, info, made); !s) {
    if (made) unlink(path.c_str());
    return std::move(s).error();
  }
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
  FileBackend(OpenFile file, const BackendInfo& info, bool follows, std::shared_ptr<FileRings> rings)
      : file_(std::move(file)), info_(info), follows_(follows), blocks_(info.blocks), rings_(std::move(rings)) {
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
  StorageIdentity identity() override {
    const IdentitySources sources = IdentitySources::of_this_process();
    struct stat st{};
    if (file_.block_device && fstat(file_.fd.get(), &st) == 0) return identify_device(st.st_rdev, file_.bytes, sources);
    return identify_file(file_.fd.get(), !info_.read_only, sources);
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor& reactor, std::uint64_t memory) override {
    auto ring = rings_->get(reactor, memory, [&] { return FileRing::create(reactor, memory); });
    if (!ring) return std::move(ring).error();
    return std::unique_ptr<BackendContext>(std::make_unique<FileContext>(shared_, std::move(*ring)));
  }
  std::uint64_t measure() override {
    if (!follows_) return 0;
    if (!measure_file(info_.description, file_)) return info().blocks;
    return std::max<std::uint64_t>(file_.bytes / info_.block_size, 1);  // 0 stands for something else
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > static_cast<std::uint64_t>(INT64_MAX) / info_.block_size)
      return Error(EINVAL, info_.description + ": no file has that size");
    if (Status s = measure_file(info_.description, file_); !s) return s;
    const std::uint64_t bytes = blocks * info_.block_size;
    if (file_.block_device && bytes > file_.bytes)
      return Error(ENOSPC, info_.description + ": the device is smaller than that");
    if (bytes < info().blocks * info_.block_size) {
      if (Status s = wipe(bytes, info().blocks * info_.block_size); !s) return s;
    }
    if (!file_.block_device && bytes > file_.bytes && ftruncate(file_.fd.get(), static_cast<off_t>(bytes)) != 0) {
      return file_error(info_.description, errno, "cannot enlarge");
    }
    blocks_.store(blocks, std::memory_order_relaxed);
    return {};
  }

 private:
  // What is cut off is not to come back when it grows again. What lies beyond was never served: it stays.
  Status wipe(std::uint64_t from, std::uint64_t to) {
    const int fd = file_.fd.get();
    const auto at = static_cast<off_t>(from);
    const auto size = static_cast<off_t>(to - from);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size) == 0) return {};
    if (fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, at, size) == 0) return {};
    if (!file_.block_device && file_.bytes <= to && ftruncate(fd, at) == 0) {
      file_.bytes = from;
      return {};
    }
    return file_error(info_.description, errno, "cannot shrink, for what would be cut off cannot be wiped");
  }

  OpenFile file_;
  BackendInfo info_;
  const bool follows_;  // no size is configured: that of the storage holds
  std::atomic<std::uint64_t> blocks_;
  const std::shared_ptr<FileRings> rings_;
  FileShared shared_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_file_backend(const BackendAddress& address, std::shared_ptr<FileRings> rings) {
  BackendInfo info;
  if (Status s = read_size_options(address, info, SizeNeeded::kNo, {"direct", "readonly"}); !s) return s.error();
  auto options = read_file_options(address);
  if (!options) return std::move(options).error();
  if (address.path.empty() || address.path.front() != '/') {
    return Error(EINVAL, fmt::format("{}: a file backend needs an absolute path: file:///path", address.to_string()));
  }
  const bool follows = info.blocks == 0;
  auto file = open_existing_or_new(address.path, *options, info);
  if (!file) return std::move(file).error();
  if (Status s = settle_size(address.path, *file, info); !s) return s.error();
  info.read_only = options->read_only;
  info.optimal_blocks = 4096 / info.block_size;
  info.description = fmt::format("{} ({}, {})", address.path, bytes_in_words(info.blocks * info.block_size),
                                 file->direct ? "direct" : "cached");
  return std::unique_ptr<Backend>(std::make_unique<FileBackend>(std::move(*file), info, follows, std::move(rings)));
}

}  // namespace weft
