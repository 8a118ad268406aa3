#include "core/backend/device_identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <string_view>

#include "core/backend/file_ties.hpp"
#include "core/util/unique_fd.hpp"
#include "core/wire/host_identity.hpp"

namespace weft {
namespace {

std::string real_path(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? std::string(real) : std::string();
}

std::string device_folder(dev_t device, const IdentitySources& sources) {
  return real_path(fmt::format("{}/dev/block/{}:{}", sources.sys, major(device), minor(device)));
}

// "KEY=value" in a file of several lines: a device's uevent, or its record in udev's database.
std::string value_in(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return {};
}

std::string udev_value(const std::string& folder, const IdentitySources& sources, std::string_view key) {
  return value_in(fmt::format("{}/b{}", sources.udev, wire::first_line(folder + "/dev")), fmt::format("E:{}=", key));
}

// A loop device is the file behind it, from some place on. The file may have been replaced since: then nothing is known.
std::string loop_identity(const std::string& folder, const IdentitySources& sources) {
  const std::string path = wire::first_line(folder + "/loop/backing_file");
  if (path.empty()) return {};
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {};
  const Ties ties = ties_of_file(fd.get(), sources);
  if (!enough_to_tell(ties)) return {};
  return fmt::format("loop {} {}", wire::first_line(folder + "/loop/offset"), format_ties(ties));
}

// A number that was never filled in is many devices'.
bool says_something(const std::string& value) { return value.find_first_not_of("0 .-_:") != std::string::npos; }

// Of a whole device, by its folder in sysfs.
std::string whole_identity(const std::string& folder, const IdentitySources& sources) {
  static constexpr const char* kNames[] = {"wwid", "device/wwid", "dm/uuid", "md/uuid", "serial", "device/cid"};
  for (const char* const name : kNames) {
    if (const std::string value = wire::first_line(fmt::format("{}/{}", folder, name)); says_something(value))
      return fmt::format("{} {}", name, value);
  }
  if (const std::string array = udev_value(folder, sources, "MD_UUID"); !array.empty()) return "md/uuid " + array;
  return loop_identity(folder, sources);
}

bool is_partition(const std::string& folder) { return !wire::first_line(folder + "/partition").empty(); }
std::string parent_of(const std::string& folder) { return folder.substr(0, folder.rfind('/')); }

// Where the disk says nothing of itself, its partition table may: together with the slot, for a copy of a disk has the same table.
std::string partition_uuid(const std::string& folder, const IdentitySources& sources) {
  const std::string uuid = value_in(folder + "/uevent", "PARTUUID=");
  return uuid.empty() ? udev_value(folder, sources, "ID_PART_ENTRY_UUID") : uuid;
}

// Of the path in sysfs what does not depend on the order in which devices were found: the bus addresses before "virtioN".
std::string slot_of(const std::string& folder) {
  const auto bus = folder.find("/devices/pci");
  const auto disk = folder.find("/virtio", bus);
  if (bus == std::string::npos || disk == std::string::npos) return {};
  return folder.substr(bus, disk - bus);
}

}  // namespace

std::string device_identity(dev_t device, const IdentitySources& sources) {
  const std::string folder = device_folder(device, sources);
  if (folder.empty()) return {};
  if (!is_partition(folder)) return whole_identity(folder, sources);
  const std::string disk = whole_identity(parent_of(folder), sources);
  const std::string place =
      fmt::format("partition {} at {}", wire::first_line(folder + "/partition"), wire::first_line(folder + "/start"));
  if (!disk.empty()) return fmt::format("{}, {}", place, disk);
  const std::string uuid = partition_uuid(folder, sources);
  return uuid.empty() ? uuid : fmt::format("partition {} in {}", uuid, slot_of(folder));
}

std::string device_slot(dev_t device, const IdentitySources& sources) {
  const std::string folder = device_folder(device, sources);
  const std::string slot = slot_of(folder);
  if (slot.empty() || !is_partition(folder)) return slot;
  return fmt::format("{} partition {} at {}", slot, wire::first_line(folder + "/partition"),
                     wire::first_line(folder + "/start"));
}

}  // namespace weft
