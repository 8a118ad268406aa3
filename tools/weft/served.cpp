#include "served.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>

#include "limits.hpp"
#include "weft/log.hpp"
#include "weft/reactor.hpp"

namespace weft::tools {
namespace {

// Descriptors: a reactor's own (wake-up, epoll, timer), a listener's, a backend's, and room for a few hosts.
constexpr std::uint64_t kFilesPerThread = 8;
constexpr std::uint64_t kFilesForHosts = 32;

bool is_numeric(const std::string& text) {
  unsigned char binary[16];
  return inet_pton(AF_INET, text.c_str(), binary) == 1 || inet_pton(AF_INET6, text.c_str(), binary) == 1;
}

Result<Address> read_listener(Program& program, const ListenerConfig& config) {
  Result<Address> address = Address::parse(config.url);
  if (!address) return address;
  const Result<Transport*> transport = program.registry().find(*address, WEFT_ROLE_CONTROLLER);
  if (!transport) return transport.error();
  const weft_transport& table = (*transport)->table();
  if ((*transport)->splits_service()) {
    const bool discovery = config.discovery_only && table.discovery_trsvcid != nullptr;
    if (Status split = address->split_service(discovery ? table.discovery_trsvcid : table.default_trsvcid); !split)
      return split.error();
  }
  if (!address->subnqn.empty()) {
    return Error(EINVAL, fmt::format("a listener serves all subsystems: leave the name '{}' out of {}", address->subnqn,
                                     address->to_string()));
  }
  if (Status good = check_transport_options(*address, (*transport)->options(), host_option_keys()); !good)
    return good.error();
  return address;
}

// Files that backends made, gone again where serving does not come about.
class NewFiles {
 public:
  NewFiles() = default;
  ~NewFiles() {
    for (const std::string& path : paths_) unlink(path.c_str());
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  void add(std::string path) { paths_.push_back(std::move(path)); }
  void keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

std::optional<std::string> file_to_be_made(const std::string& backend) {
  const Result<BackendAddress> address = BackendAddress::parse(backend);
  if (!address || address->scheme != "file" || access(address->path.c_str(), F_OK) == 0) return std::nullopt;
  return address->path;
}

Error no_rule(const SubsystemConfig& subsystem, const std::string& listener, bool network) {
  const bool option = subsystem.where.starts_with("--");
  // Only of a machine's network addresses is it known who reaches them.
  const std::string reach =
      network ? fmt::format("{} can be reached from other machines through {}", subsystem.options.nqn, listener)
              : fmt::format("whoever reaches {} can use {}", listener, subsystem.options.nqn);
  Error error(EACCES, fmt::format("{}, but nothing says which hosts may use it: {}", reach,
                                  option ? "add --allow-host NQN or --allow-any-host"
                                         : "add allow_hosts = [...] or allow_any_host = true"));
  return option ? error : std::move(error).with_context(subsystem.where);
}

const SubsystemConfig* without_rule(const ServeConfig& config) {
  for (const SubsystemConfig& subsystem : config.subsystems) {
    if (!subsystem.has_rule()) return &subsystem;
  }
  return nullptr;
}

// A listener that is known not to be a loopback's, by its address alone; the target judges the others once they are bound.
bool is_open(const ListenerConfig& config, const Address& address) {
  return !config.discovery_only && !address.fd && !is_loopback(address.traddr) &&
         (is_numeric(address.traddr) || !address.split || address.traddr == "*");
}

Status check_listeners(Program& program, const ServeConfig& config) {
  if (config.listeners.empty()) return Error(EINVAL, "there is no listener: add [[listener]] with a url");
  for (const ListenerConfig& listener : config.listeners) {
    const Result<Address> address = read_listener(program, listener);
    if (!address) {
      Error error = address.error();
      return std::move(error).with_context(listener.where);
    }
    const SubsystemConfig* const bare = without_rule(config);
    if (bare != nullptr && is_open(listener, *address)) return no_rule(*bare, listener.url, address->split);
  }
  return {};
}

// Ranges are the transport's to judge, when it is opened. That it is of no use here matters to its listeners only.
Status set_options(Transport& transport, const std::vector<Option>& options) {
  if (Status set = transport.set_options(options); !set) return set;
  Status usable = check_usable(transport);
  return !usable && usable.error().code == EINVAL ? usable : Status();
}

// They have to be there before anything of the transport is used.
Status set_transport_options(Program& program, const ServeConfig& config) {
  for (const TransportConfig& wanted : config.transports) {
    const Result<Transport*> transport = program.registry().find(wanted.name, WEFT_ROLE_CONTROLLER);
    const Status set = transport ? set_options(**transport, wanted.options) : Status(transport.error());
    if (!set) return Error(set.error()).with_context(wanted.where);
  }
  return {};
}

Status check_subsystems(const ServeConfig& config) {
  if (config.subsystems.empty()) return Error(EINVAL, "there is no subsystem: add [[subsystem]] with an nqn");
  std::set<std::string> names;
  for (const SubsystemConfig& subsystem : config.subsystems) {
    if (!names.insert(subsystem.options.nqn).second) {
      return Error(EEXIST, fmt::format("{}: there are two subsystems {}", subsystem.where, subsystem.options.nqn));
    }
    std::set<std::uint32_t> ids;
    for (const NamespaceConfig& ns : subsystem.namespaces) {
      const Result<BackendAddress> backend = BackendAddress::parse(ns.backend);
      if (!backend) {
        Error error = backend.error();
        return std::move(error).with_context(ns.where);
      }
      if (ns.nsid != 0 && !ids.insert(ns.nsid).second) {
        return Error(EEXIST, fmt::format("{}: {} has two namespaces {}", ns.where, subsystem.options.nqn, ns.nsid));
      }
    }
  }
  return {};
}

// What is wrong with what was written, or what could not be done.
std::unexpected<Failure> blame(const Error& error, std::string_view clause) {
  return error.code == EINVAL || error.code == EEXIST ? usage(error, clause) : failed(error, clause);
}

// A backend that is no storage, or that may not be had, is wrong usage, whatever its errno; one that is busy or full is not.
bool is_wrong_backend(const Error& error) {
  constexpr std::array kWrong{EINVAL, EEXIST, ENOENT, ENOTDIR,      EISDIR,  EACCES, EROFS,
                              ENXIO,  ENODEV, ELOOP,  ENAMETOOLONG, ENOTSUP, ENOTBLK};
  return std::find(kWrong.begin(), kWrong.end(), error.code) != kWrong.end();
}

Outcome<void> add_namespace(Target& target, const BackendRegistry& backends, const std::string& nqn,
                            const NamespaceConfig& config, NewFiles& made) {
  const std::optional<std::string> file = file_to_be_made(config.backend);
  Result<std::unique_ptr<Backend>> backend = backends.open(config.backend);
  if (!backend)
    return is_wrong_backend(backend.error()) ? usage(backend.error(), config.where)
                                             : failed(backend.error(), config.where);
  if (file) made.add(*file);
  NamespaceOptions options;
  options.nsid = config.nsid;
  options.backend = std::move(*backend);
  options.uuid = config.uuid;
  options.nguid = config.nguid;
  const Result<std::uint32_t> added = target.add_namespace(nqn, std::move(options));
  if (!added) return blame(added.error(), config.where);
  return {};
}

Outcome<void> add_subsystem(Target& target, const BackendRegistry& backends, const SubsystemConfig& config,
                            NewFiles& made) {
  SubsystemOptions options = config.options;
  options.allow_hosts.clear();  // one by one, so that a wrong one is blamed on what names it
  if (Status added = target.add_subsystem(options); !added) return usage(added.error(), config.where);
  for (const std::string& host : config.options.allow_hosts) {
    if (Status allowed = target.allow_host(config.options.nqn, host); !allowed)
      return usage(allowed.error(), config.hosts_where);
  }
  // Those that name their NSID first, so that the lowest free one is not somebody else's.
  for (const bool named : {true, false}) {
    for (const NamespaceConfig& ns : config.namespaces) {
      if ((ns.nsid != 0) != named) continue;
      if (Outcome<void> added = add_namespace(target, backends, config.options.nqn, ns, made); !added) return added;
    }
  }
  return {};
}

Outcome<void> listen(Program& program, const ListenerConfig& listener, Served& out) {
  const Result<Address> address = read_listener(program, listener);
  if (!address) return usage(address.error(), listener.where);
  const Result<Address> bound = out.target->listen(*address, listener.discovery_only);
  if (!bound && bound.error().code == EINVAL) return usage(bound.error(), listener.where);
  if (!bound)
    return failed(bound.error(), fmt::format("{}: cannot listen on {}", listener.where, address->to_string()));
  out.listeners.push_back({*bound, listener.discovery_only});
  return {};
}

std::uint64_t files_needed(const ServeConfig& config) {
  std::uint64_t files = kFilesForHosts + config.target.threads * kFilesPerThread + config.listeners.size();
  for (const SubsystemConfig& subsystem : config.subsystems) {
    for (const NamespaceConfig& ns : subsystem.namespaces) files += ns.backend.starts_with("file") ? 1U : 0U;
  }
  return files;
}

}  // namespace

Outcome<void> check_serve_config(Program& program, const ServeConfig& config) {
  if (Status good = check_subsystems(config); !good) return usage(good.error());
  if (Status enough = require_open_files(files_needed(config), "serving this"); !enough) return failed(enough.error());
  if (Status set = set_transport_options(program, config); !set) return usage(set.error());
  if (Status good = check_listeners(program, config); !good) return usage(good.error());
  return {};
}

Outcome<Served> start_serving(Program& program, const ServeConfig& config) {
  Served out;
  Result<std::unique_ptr<Target>> target = Target::start(program.registry(), config.target);
  if (!target && target.error().code == EINVAL) return usage(target.error());
  if (!target) return failed(target.error(), "cannot start the target");
  out.target = std::move(*target);
  out.target->set_notice([](std::string_view text) { notice(fmt::format("weft: {}", text)); });
  const BackendRegistry backends = BackendRegistry::builtin();
  NewFiles made;
  for (const SubsystemConfig& subsystem : config.subsystems) {
    if (Outcome<void> added = add_subsystem(*out.target, backends, subsystem, made); !added)
      return std::unexpected(added.error());
  }
  for (const ListenerConfig& listener : config.listeners) {
    if (Outcome<void> open = listen(program, listener, out); !open) return std::unexpected(open.error());
  }
  made.keep();
  return out;
}

}  // namespace weft::tools
