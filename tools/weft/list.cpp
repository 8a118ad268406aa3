// weft list URL: the namespaces of a subsystem, or of every subsystem that a discovery service knows.
#include <CLI/App.hpp>

#include "connection.hpp"
#include "described.hpp"
#include "discovered.hpp"
#include "output.hpp"

namespace weft::tools {
namespace {

struct Listing {
  std::vector<std::vector<std::string>> rows{{"NSID", "SIZE", "BLOCK", "UUID", "SUBSYSTEM"}};
  Json json = Json::array();
};

Outcome<void> list_subsystem(BlockingHost& host, const Address& address, Listing& listing) {
  const Result<std::vector<std::uint32_t>> ids = host.list_namespaces();
  if (!ids) return failed(ids.error(), fmt::format("cannot list the namespaces of {}", address.subnqn));
  for (const std::uint32_t nsid : *ids) {
    const Outcome<Namespace> found = find_namespace(host, nsid, address);
    if (!found) return std::unexpected(found.error());
    listing.rows.push_back({std::to_string(nsid), human_size(found->bytes()), std::to_string(found->block_size),
                            uuid_text(found->uuid), address.subnqn});
    Json json = describe_namespace(*found);
    json["subnqn"] = address.subnqn;
    json["url"] = address.to_string();
    listing.json.push_back(std::move(json));
  }
  return {};
}

// Each subsystem that the discovery service names and a transport of ours reaches.
Outcome<void> list_discovered(Program& program, BlockingHost& host, const AddressArguments& arguments,
                              Listing& listing) {
  const Result<std::vector<fabrics::DiscoveryLogEntry>> log = host.discover();
  if (!log) return failed(log.error(), "cannot read the discovery log");
  for (const fabrics::DiscoveryLogEntry& raw : *log) {
    if (raw.subtype != fabrics::subtype::kNvm) continue;
    const Discovered entry = read_entry(program.registry(), raw);
    const Outcome<Remote> remote = read_address(program, {entry.url, arguments.options}, Need::kSubsystem);
    if (!remote) return std::unexpected(remote.error());
    const Outcome<std::unique_ptr<BlockingHost>> other = connect(program, *remote);
    if (!other) return std::unexpected(other.error());
    if (Outcome<void> done = list_subsystem(**other, remote->address, listing); !done) return done;
  }
  return {};
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
  if (program.json) {
    print_json({{"address", remote->address.to_string()}, {"namespaces", listing.json}});
  } else if (listing.rows.size() == 1) {
    fmt::print("no namespaces at {}\n", remote->address.to_string());
  } else {
    print_table(listing.rows);
  }
  return {};
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
