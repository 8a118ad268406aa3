// weft list URL: the namespaces of a subsystem, or of every subsystem that a discovery service knows.
#include <CLI/App.hpp>

#include <algorithm>
#include <cerrno>
#include <set>

#include "connection.hpp"
#include "described.hpp"
#include "discovered.hpp"
#include "output.hpp"

namespace weft::tools {
namespace {

struct Listing {
  std::vector<std::vector<std::string>> rows{{"NSID", "SIZE", "BLOCK", "UUID", "SUBSYSTEM"}};
  Json json = Json::array();
  std::set<std::string> known;    // a subsystem that is reached at several addresses is shown once
  std::vector<Failure> failures;  // of namespaces, and of subsystems that discovery named
};

// What a controller says of one namespace keeps nobody from asking for the next; a connection that is gone does.
bool is_of_namespace(const Error& error) {
  return error.code == ENODEV || error.code == ENOTSUP || error.code == EPROTO || error.code == EIO;
}

// What tells it from a namespace of another target under the same names; "": nothing does.
std::string identity_of(const Namespace& ns) {
  const std::array<std::uint8_t, 16> none{};
  return ns.uuid == none && ns.nguid == none ? "" : uuid_text(ns.uuid) + uuid_text(ns.nguid);
}

Outcome<void> list_subsystem(BlockingHost& host, const Address& address, Listing& listing) {
  const Result<std::vector<std::uint32_t>> ids = host.list_namespaces();
  if (!ids) return failed(ids.error(), fmt::format("cannot list the namespaces of {}", address.subnqn));
  for (const std::uint32_t nsid : *ids) {
    const Outcome<Namespace> found = find_namespace(host, nsid, address);
    if (!found) {
      listing.failures.push_back(found.error());
      if (!is_of_namespace(found.error().error)) return {};
      continue;
    }
    if (const std::string disk = identity_of(*found); !disk.empty()) {
      if (!listing.known.insert(fmt::format("{} {} {}", nsid, disk, address.subnqn)).second) continue;
    }
    const bool named = found->uuid != std::array<std::uint8_t, 16>{};
    listing.rows.push_back({std::to_string(nsid), human_size(found->bytes()), std::to_string(found->block_size),
                            named ? uuid_text(found->uuid) : "absent", address.subnqn});
    Json json = describe_namespace(*found);
    json["subnqn"] = address.subnqn;
    json["url"] = address.to_string();
    listing.json.push_back(std::move(json));
  }
  return {};
}

// The options of the discovery service's address hold for the subsystems too, the transport's own where it is the same.
std::vector<std::string> inherited_options(const AddressArguments& arguments, const std::string& scheme) {
  std::vector<std::string> out;
  const Result<Address> asked = Address::parse(arguments.url);
  if (!asked) return arguments.options;
  const auto core = host_option_keys();
  for (const Option& option : asked->options) {
    const bool known = asked->scheme == scheme || std::find(core.begin(), core.end(), option.key) != core.end();
    if (known) out.push_back(option.key + "=" + option.value);
  }
  out.insert(out.end(), arguments.options.begin(), arguments.options.end());  // these replace what was there
  return out;
}

Outcome<void> list_entry(Program& program, const AddressArguments& arguments, Listing& listing) {
  const Outcome<Remote> remote = read_address(program, arguments, Need::kSubsystem);
  if (!remote) return std::unexpected(remote.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  return list_subsystem(**host, remote->address, listing);
}

// Each subsystem that the discovery service names. One that cannot be listed does not keep the others from it.
Outcome<void> list_discovered(Program& program, BlockingHost& host, const AddressArguments& arguments,
                              Listing& listing) {
  const Result<std::vector<fabrics::DiscoveryLogEntry>> log = host.discover();
  if (!log) return failed(log.error(), "cannot read the discovery log");
  for (const fabrics::DiscoveryLogEntry& raw : *log) {
    if (raw.subtype != fabrics::subtype::kNvm) continue;
    const Discovered entry = read_entry(program.registry(), raw);
    if (!entry.bad.empty()) {
      listing.failures.push_back({Exit::kFailed, Error(EPROTO, entry.bad)});
      continue;
    }
    const AddressArguments there{entry.url, inherited_options(arguments, entry.transport)};
    const Outcome<void> listed = list_entry(program, there, listing);
    if (listed) continue;
    listing.failures.push_back(listed.error());
    if (Exit& exit = listing.failures.back().exit; exit == Exit::kUsage)
      exit = Exit::kFailed;  // the record's, not ours
  }
  return {};
}

Json errors_of(const Listing& listing) {
  Json errors = Json::array();
  for (const Failure& failure : listing.failures) errors.push_back(failure.error.text);
  return errors;
}

// Everything that was found; then what was not, the last of it as the command's own failure.
Outcome<void> show(Program& program, const Address& address, Listing& listing) {
  if (program.json) {
    Json json{{"address", address.to_string()}, {"namespaces", listing.json}};
    if (!listing.failures.empty()) json["errors"] = errors_of(listing);
    print_json(program, json);
    program.json = false;  // one document: the failures are in it already
  } else if (listing.rows.size() > 1) {
    print_table(program, listing.rows);
  } else if (listing.failures.empty()) {
    put(program, "no namespaces at {}\n", address.to_string());
  }
  if (listing.failures.empty()) return {};
  Failure last = listing.failures.back();
  listing.failures.pop_back();
  for (const Failure& failure : listing.failures) print_failure(program, failure);
  return std::unexpected(std::move(last));
}

Outcome<void> list(Program& program, const AddressArguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments, Need::kAny);
  if (!remote) return std::unexpected(remote.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  Listing listing;
  const bool discovery = remote->address.subnqn == fabrics::kDiscoveryNqn;
  const Outcome<void> done = discovery ? list_discovered(program, **host, arguments, listing)
                                       : list_subsystem(**host, remote->address, listing);
  if (!done) return done;
  return show(program, remote->address, listing);
}

}  // namespace

void add_list(CLI::App& app, Program& program) {
  CLI::App* const command =
      add_command(app, program, "list", "List namespaces, of one subsystem or of all that a discovery service knows",
                  "  weft list tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo\n  weft list tcp://127.0.0.1:4420");
  auto arguments = std::make_shared<AddressArguments>();
  arguments->declare(*command);
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return list(program, *arguments); }; });
}

}  // namespace weft::tools
