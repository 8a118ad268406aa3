#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "core/plugin/absent_note.hpp"
#include "core/plugin/loader.hpp"
#include "core/plugin/table.hpp"
#include "core/plugin/transport_address.hpp"
#include "weft/address.hpp"
#include "weft/transport.hpp"

namespace weft {
namespace {

constexpr std::string_view kPrefix = "libweft-";
constexpr std::string_view kSuffix = ".so";
constexpr std::string_view kNoteSuffix = ".absent";  // in the place of one that was left out: says why

bool is_scheme(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

bool is_note(std::string_view file) { return file.ends_with(kNoteSuffix); }

bool is_plugin_file(std::string_view file) {
  const std::string_view suffix = is_note(file) ? kNoteSuffix : kSuffix;
  return file.size() > kPrefix.size() + suffix.size() && file.starts_with(kPrefix) && file.ends_with(suffix);
}

// libweft-abc.so and libweft-abc-fast.so for "abc".
bool is_named_after(std::string_view file, std::string_view scheme) {
  file.remove_prefix(kPrefix.size());
  file.remove_suffix(is_note(file) ? kNoteSuffix.size() : kSuffix.size());
  return file == scheme || (file.starts_with(scheme) && file[scheme.size()] == '-');
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// By name, then the highest priority first, then as they were found.
void insert_sorted(std::vector<Transport*>& list, Transport* transport) {
  const auto before = [](const Transport* one, const Transport* other) {
    if (one->name() != other->name()) return one->name() < other->name();
    return one->table().priority > other->table().priority;
  };
  list.insert(std::upper_bound(list.begin(), list.end(), transport, before), transport);
}

// The plugin files of a folder, sorted; or why it cannot be read.
Result<std::vector<std::string>> list_plugins(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), &closedir);
  if (!dir) return Error(errno, std::generic_category().message(errno));
  std::vector<std::string> files;
  while (const dirent* entry = readdir(dir.get()))
    if (is_plugin_file(entry->d_name)) files.emplace_back(entry->d_name);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

struct TransportRegistry::Impl {
  struct Loaded {
    Loaded(const weft_transport& table, std::string origin) : transport(table, std::move(origin)) {}
    Transport transport;
    UniqueFd file;  // stays open: a debugger's or sanitizer's way back from the path it was loaded by
  };

  void look_at(const std::string& path);
  void look_at_files(const SearchPath& search, std::string_view scheme);
  std::vector<Transport*> named(std::string_view scheme);
  Candidate& candidate_of(const Transport& transport);
  Error nobody_answers(std::string_view scheme, const SearchPath& search) const;

  std::mutex mutex;
  // Guarded by mutex:
  std::vector<std::unique_ptr<Loaded>> loaded;  // in the order found
  std::vector<Candidate> candidates;
  std::set<std::string> paths;              // looked at
  std::set<std::pair<dev_t, ino_t>> files;  // accepted
};

void TransportRegistry::Impl::look_at(const std::string& path) {
  if (!paths.insert(path).second) return;
  Candidate& candidate = candidates.emplace_back(Candidate{path, false, "", nullptr});
  Result<TrustedFile> file = open_trusted(path);
  if (!file) {
    candidate.reason = std::move(file).error().text;
    return;
  }
  if (is_note(path)) {
    candidate.reason = read_absent_note(*file);
    return;
  }
  const std::pair identity(file->status.st_dev, file->status.st_ino);
  if (files.contains(identity)) {
    candidate.reason = "is a file that was found already, in an earlier folder or under another name";
    return;
  }
  Result<weft_transport> table = load_plugin(*file);
  if (!table) {
    candidate.reason = std::move(table).error().text;
    return;
  }
  files.insert(identity);
  loaded.push_back(std::make_unique<Loaded>(*table, path));
  loaded.back()->file = std::move(file->fd);
  candidate.accepted = true;
  candidate.transport = &loaded.back()->transport;
}

// "" as the scheme: every plugin file.
void TransportRegistry::Impl::look_at_files(const SearchPath& search, std::string_view scheme) {
  for (const std::string& folder : search.folders) {
    const Result<std::vector<std::string>> names = list_plugins(folder);
    if (!names) continue;  // nobody_answers() says so
    for (const std::string& name : *names)
      if (scheme.empty() || is_named_after(name, scheme)) look_at(folder + '/' + name);
  }
}

std::vector<Transport*> TransportRegistry::Impl::named(std::string_view scheme) {
  std::vector<Transport*> found;
  for (const std::unique_ptr<Loaded>& one : loaded)
    if (one->transport.name() == scheme) insert_sorted(found, &one->transport);
  return found;
}

Candidate& TransportRegistry::Impl::candidate_of(const Transport& transport) {
  return *std::find_if(candidates.begin(), candidates.end(),
                       [&](const Candidate& candidate) { return candidate.transport == &transport; });
}

Error TransportRegistry::Impl::nobody_answers(std::string_view scheme, const SearchPath& search) const {
  std::string text = fmt::format("no transport answers to '{}': ", scheme);
  std::string_view between = "looked in ";
  for (const std::string& folder : search.folders) {
    text += fmt::format("{}{}", std::exchange(between, ", "), folder);
    if (const auto names = list_plugins(folder); !names) text += fmt::format(" ({})", names.error().text);
  }
  if (search.folders.empty()) text += "no folder was given to look in";
  for (const Candidate& candidate : candidates)
    if (!candidate.accepted)
      text += fmt::format("; {}{}: {}", base_name(candidate.path), is_note(candidate.path) ? "" : " refused",
                          candidate.reason);
  std::vector<std::string_view> names;
  for (const std::unique_ptr<Loaded>& one : loaded) names.push_back(one->transport.name());
  if (const std::string_view near = nearest_word(scheme, names); !near.empty())
    text += fmt::format("; did you mean {}?", near);
  return {ENOENT, std::move(text)};
}

TransportRegistry::TransportRegistry(SearchPath path) : path_(std::move(path)), impl_(std::make_unique<Impl>()) {}
TransportRegistry::~TransportRegistry() = default;

Status TransportRegistry::add(const weft_transport* table, std::string origin) {
  const Result<weft_transport> checked = check_table(table);
  const std::lock_guard lock(impl_->mutex);
  Candidate& candidate = impl_->candidates.emplace_back(Candidate{origin, checked.has_value(), "", nullptr});
  if (!checked) {
    candidate.reason = checked.error().text;
    return Error(checked.error()).with_context(fmt::format("transport '{}' refused", origin));
  }
  impl_->loaded.push_back(std::make_unique<Impl::Loaded>(*checked, std::move(origin)));
  candidate.transport = &impl_->loaded.back()->transport;
  return {};
}

Result<Transport*> TransportRegistry::find(std::string_view scheme, std::uint32_t role, const weft_address* address) {
  return choose(scheme, role, [&](const Transport& transport, weft_error& error) {
    if (transport.table().claim == nullptr || address == nullptr) return 0;
    return transport.table().claim(address, role, &error);
  });
}

Result<Transport*> TransportRegistry::find(const Address& address, std::uint32_t role) {
  return choose(address.scheme, role, [&](const Transport& transport, weft_error& error) {
    TransportAddress where;
    // What does not fit the transport's options is said by whoever checks them.
    if (transport.table().claim == nullptr || !where.set(address, transport)) return 0;
    return transport.table().claim(where.get(), role, &error);
  });
}

Result<Transport*> TransportRegistry::choose(std::string_view scheme, std::uint32_t role, const Claims& claims) {
  if (!is_scheme(scheme)) return Error(EINVAL, fmt::format("'{}' cannot be the name of a transport", scheme));
  const std::lock_guard lock(impl_->mutex);
  impl_->look_at_files(path_, scheme);
  std::vector<Transport*> found = impl_->named(scheme);
  if (found.empty()) {  // a file's name is only a hint
    impl_->look_at_files(path_, "");
    found = impl_->named(scheme);
  }
  if (found.empty()) return impl_->nobody_answers(scheme, path_);

  std::string declined;
  for (Transport* transport : found) {
    std::string reason;
    if (!transport->has_role(role)) {
      reason = fmt::format("does not play the {} role", role == WEFT_ROLE_HOST ? "host" : "controller");
    } else {
      weft_error error = empty_error();
      const int rc = claims(*transport, error);
      if (rc == 0) return transport;
      Error why = to_error(rc, error, fmt::format("gives no reason ({})", rc));
      if (rc != -ENOTSUP) return std::move(why).with_context(scheme);
      reason = fmt::format("declines: {}", why.text);
    }
    impl_->candidate_of(*transport).reason = reason;
    declined += fmt::format("; {} {}", base_name(transport->origin()), reason);
  }
  return Error(ENOTSUP, fmt::format("no transport takes this '{}' address{}", scheme, declined));
}

void TransportRegistry::load_all() {
  const std::lock_guard lock(impl_->mutex);
  impl_->look_at_files(path_, "");
}

std::vector<Transport*> TransportRegistry::transports() {
  const std::lock_guard lock(impl_->mutex);
  std::vector<Transport*> all;
  for (const std::unique_ptr<Impl::Loaded>& one : impl_->loaded) insert_sorted(all, &one->transport);
  return all;
}

std::vector<Candidate> TransportRegistry::candidates() {
  const std::lock_guard lock(impl_->mutex);
  return impl_->candidates;
}

}  // namespace weft
