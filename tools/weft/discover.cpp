// weft discover URL: what a discovery service knows.
#include <CLI/App.hpp>

#include <algorithm>
#include <cerrno>

#include "connection.hpp"
#include "discovered.hpp"
#include "output.hpp"

namespace weft::tools {
namespace {

Json to_json(const Discovered& entry) {
  return {{"type", entry.type},        {"url", entry.url},       {"transport", entry.transport},
          {"adrfam", entry.family},    {"traddr", entry.traddr}, {"trsvcid", entry.trsvcid},
          {"subnqn", entry.subnqn},    {"portid", entry.portid}, {"treq", entry.requirements},
          {"asqsz", entry.admin_queue}};
}

bool is_this_service(const fabrics::DiscoveryLogEntry& entry) {
  return entry.subtype == fabrics::subtype::kCurrentDiscovery;
}

// The last one as the command's own failure.
Outcome<void> refused_records(Program& program, const std::vector<std::string>& bad) {
  if (program.json) program.json = false;  // one document: they are in it already
  for (std::size_t i = 0; i + 1 < bad.size(); ++i) print_failure(program, {Exit::kFailed, Error(EPROTO, bad[i])});
  return failed(Error(EPROTO, bad.back()));
}

Outcome<void> discover(Program& program, const AddressArguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments, Need::kDiscovery);
  if (!remote) return std::unexpected(remote.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  const Result<std::vector<fabrics::DiscoveryLogEntry>> log = (*host)->discover();
  if (!log && (*host)->host().identity().cntrltype == nvme::cntrltype::kIo) {
    return failed(Error(log.error().code, fmt::format("{} is a subsystem with namespaces, which knows no others: leave "
                                                      "it out of the address to ask the discovery service",
                                                      remote->address.subnqn)));
  }
  if (!log) return failed(log.error(), "cannot read the discovery log");

  std::vector<std::vector<std::string>> rows{{"TYPE", "URL", "TRANSPORT", "PORT ID"}};
  Json entries = Json::array();
  std::vector<std::string> bad;
  for (const fabrics::DiscoveryLogEntry& raw : *log) {
    const Discovered entry = read_entry(program.registry(), raw);
    if (!entry.bad.empty()) {
      bad.push_back(entry.bad);
      continue;
    }
    rows.push_back(
        {entry.type, entry.url, fmt::format("{}/{}", entry.transport, entry.family), std::to_string(entry.portid)});
    entries.push_back(to_json(entry));
  }
  if (program.json) {
    Json json{{"address", remote->address.to_string()}, {"entries", entries}};
    if (!bad.empty()) json["errors"] = bad;
    print_json(program, json);
  } else if (std::all_of(log->begin(), log->end(), is_this_service)) {
    put(program, "nothing to be seen by this host at {}\n", remote->address.to_string());
  } else {
    print_table(program, rows);
  }
  return bad.empty() ? Outcome<void>() : refused_records(program, bad);
}

}  // namespace

void add_discover(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(app, program, "discover", "List the subsystems that a discovery service knows",
                                        "  weft discover tcp://127.0.0.1:4420\n  weft discover tcp://192.0.2.1 --json");
  auto arguments = std::make_shared<AddressArguments>();
  arguments->declare(*command);
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return discover(program, *arguments); }; });
}

}  // namespace weft::tools
