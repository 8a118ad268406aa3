#include "core/backend/file_ties.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <array>
#include <cstring>

#include "core/backend/device_identity.hpp"
#include "core/wire/host_identity.hpp"
#include "core/wire/uuid.hpp"

namespace weft {
namespace {

constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458f6, kFuse = 0x65735546, kFat = 0x4d44, kExfat = 0x2011BAB0;

std::string digest(std::string_view purpose, std::string_view text) {
  return text.empty() ? std::string() : wire::format_uuid(wire::derive_uuid(purpose, text));
}

std::string bytes_in_hex(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

// Those whose handles name an inode only while it is in memory.
bool has_lasting_handles(long type) { return type != kFuse && type != kFat && type != kExfat; }

std::string handle_of(int fd, long type) {
  if (!has_lasting_handles(type)) return {};
  union {
    file_handle handle;
    std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ> room;
  } of{};
  of.handle.handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (name_to_handle_at(fd, "", &of.handle, &mount, AT_EMPTY_PATH) != 0) return {};
  return fmt::format("{}-{}", of.handle.handle_type, bytes_in_hex(of.handle.f_handle, of.handle.handle_bytes));
}

// A file system in memory is gone after a boot. One on a device is told by the device. Of the others (several devices, a network,
// subvolumes and snapshots) the kernel says what they call themselves.
std::string file_system_of(dev_t device, const struct statfs& fs, const IdentitySources& sources) {
  std::string name;
  if (fs.f_type == kTmpfs || fs.f_type == kRamfs) name = "boot " + wire::first_line(sources.boot_id);
  if (major(device) != 0) {
    name += device_identity(device, sources);
  } else if (fs.f_fsid.__val[0] != 0 || fs.f_fsid.__val[1] != 0) {
    name += fmt::format("fsid {:x} {:x}", fs.f_fsid.__val[0], fs.f_fsid.__val[1]);
  }
  return name;
}

}  // namespace

Ties ties_of_file(int fd, const IdentitySources& sources) {
  Ties ties;
  struct statx st{};
  struct statfs fs{};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) != 0 || fstatfs(fd, &fs) != 0) return ties;
  const auto put = [&ties](const char* key, std::string value) {
    if (!value.empty()) ties.emplace(key, std::move(value));
  };
  put("machine", machine_name(sources));
  put("inode", std::to_string(st.stx_ino));
  if ((st.stx_mask & STATX_BTIME) != 0 && st.stx_btime.tv_sec != 0)
    put("born", fmt::format("{}.{:09}", st.stx_btime.tv_sec, st.stx_btime.tv_nsec));
  put("handle", digest("file handle", handle_of(fd, fs.f_type)));
  put("fs", digest("file system", file_system_of(makedev(st.stx_dev_major, st.stx_dev_minor), fs, sources)));
  return ties;
}

bool enough_to_tell(const Ties& ties) {
  return ties.contains("inode") && (ties.contains("born") || ties.contains("handle"));
}

bool same_file(const Ties& one, const Ties& other) {
  Ties both;
  for (const auto& [key, value] : one) {
    const auto found = other.find(key);
    if (found == other.end()) continue;
    if (found->second != value) return false;
    both.emplace(key, value);
  }
  return enough_to_tell(both);
}

std::string format_ties(const Ties& ties) {
  std::string text;
  for (const auto& [key, value] : ties) text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  return text;
}

Ties parse_ties(std::string_view text) {
  Ties ties;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const auto equals = word.find('='); equals != std::string_view::npos && equals > 0)
      ties.emplace(word.substr(0, equals), word.substr(equals + 1));
  }
  return ties;
}

}  // namespace weft
