#include "core/backend/file_identity.hpp"

#include <fmt/format.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/backend/device_identity.hpp"
#include "core/backend/file_ties.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostAttribute = 1024;

std::string_view bytes_of(const wire::Uuid& uuid) { return {reinterpret_cast<const char*>(uuid.data()), uuid.size()}; }

StorageIdentity known_as(const wire::Uuid& uuid, std::string note = {}) {
  return {.kind = "weft file", .bytes = std::string(bytes_of(uuid)), .note = std::move(note)};
}

wire::Uuid derive(const wire::Uuid& installation, std::string_view storage) {
  return wire::derive_uuid("storage", fmt::format("{} {}", wire::format_uuid(installation), storage));
}

// By the state file, which may have been damaged: whatever it told until now is another disk from now on.
StorageIdentity known_here(const Installation& installation, std::string_view storage, std::string note = {}) {
  if (!installation.damaged.empty()) {
    note += fmt::format("{}the file {} was damaged and is made anew, so it is a new disk", note.empty() ? "" : "; ",
                        installation.damaged);
  }
  return known_as(derive(installation.uuid, storage), std::move(note));
}

StorageIdentity unknown(std::string note) { return {.kind = {}, .bytes = {}, .note = std::move(note)}; }

// ---- The attribute: a UUID, and behind it what it is tied to.

enum class Found : std::uint8_t { kNone, kDamaged, kOfAnother, kOurs };

struct Attribute {
  Found found = Found::kNone;
  wire::Uuid uuid{};
};

Attribute read_attribute(int fd, const Ties& ties) {
  std::array<char, kMostAttribute> text;
  const ssize_t size = fgetxattr(fd, kIdentityAttribute, text.data(), text.size());
  if (size < 0) return {errno == ERANGE ? Found::kDamaged : Found::kNone, {}};
  const std::string_view value(text.data(), static_cast<std::size_t>(size));
  const auto uuid = wire::parse_uuid(value.substr(0, wire::kUuidTextLength));
  const Ties tied = parse_ties(value.substr(std::min(value.size(), wire::kUuidTextLength)));
  if (!uuid || wire::is_nil(*uuid) || !enough_to_tell(tied)) return {Found::kDamaged, {}};
  return {same_file(tied, ties) ? Found::kOurs : Found::kOfAnother, *uuid};
}

// What is there afterwards counts, in case another process has been quicker where there are no locks.
bool write_attribute(int fd, const wire::Uuid& uuid, const Ties& ties, bool replace) {
  const std::string value = fmt::format("{} {}", wire::format_uuid(uuid), format_ties(ties));
  return fsetxattr(fd, kIdentityAttribute, value.data(), value.size(), replace ? 0 : XATTR_CREATE) == 0 ||
         errno == EEXIST;
}

// ---- The state file: the installation's UUID, with what tells the storage from any other.

// All that is known: a file that takes another one's inode within a tick of the kernel's clock has its time of birth too, but
// not its handle.
std::string lasting(const Ties& ties) {
  Ties kept;
  for (const char* const key : {"machine", "inode", "fs", "born", "handle"}) {
    if (const auto found = ties.find(key); found != ties.end()) kept.insert(*found);
  }
  return format_ties(kept);
}

std::string of_attribute(Found found) {
  if (found == Found::kOfAnother)
    return fmt::format("it is a copy of another disk (by its attribute {}), and a disk of its own", kIdentityAttribute);
  if (found == Found::kDamaged)
    return fmt::format("its attribute {} is damaged, so it is a new disk", kIdentityAttribute);
  return {};
}

}  // namespace

StorageIdentity identify_file(int fd, bool may_write, const IdentitySources& sources) {
  const Ties ties = ties_of_file(fd, sources);
  if (!enough_to_tell(ties))
    return unknown("its file system has nothing that tells it from a file that takes its place");
  Attribute attribute = read_attribute(fd, ties);
  const std::string note = of_attribute(attribute.found);
  if (may_write && attribute.found != Found::kOurs) {
    // As it was known until now, if it was: by the state file, when it could only be read.
    const wire::Uuid installation = find_installation(sources);
    const wire::Uuid uuid = wire::is_nil(installation) ? wire::random_uuid() : derive(installation, lasting(ties));
    if (write_attribute(fd, uuid, ties, attribute.found != Found::kNone)) attribute = read_attribute(fd, ties);
  }
  if (attribute.found == Found::kOurs) return known_as(attribute.uuid, note);
  const auto installation = find_or_make_installation(sources);
  if (installation) return known_here(*installation, lasting(ties), note);
  return unknown(
      fmt::format("it has no attribute {} to be known by, and {}", kIdentityAttribute, installation.error().text));
}

StorageIdentity identify_device(dev_t device, std::uint64_t bytes, const IdentitySources& sources) {
  const std::string machine = machine_name(sources);
  std::string name = device_identity(device, sources);
  if (!name.empty() && !machine.empty())
    return known_as(wire::derive_uuid("storage", fmt::format("{} {}", machine, name)));
  if (const std::string slot = device_slot(device, sources); name.empty() && !slot.empty())
    name = fmt::format("{} bytes in {} of {}", bytes, slot, machine);
  if (name.empty()) return unknown("it has no WWN and no serial number to be known by");
  const auto installation = find_or_make_installation(sources);
  if (installation) return known_here(*installation, name);
  return unknown(fmt::format("it cannot be told from a device of another machine: {}", installation.error().text));
}

}  // namespace weft
