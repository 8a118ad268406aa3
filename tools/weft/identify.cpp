// weft identify URL [--nsid N]: what a controller, or one of its namespaces, says about itself.
#include "connection.hpp"
#include "described.hpp"
#include "options.hpp"
#include "output.hpp"

namespace weft::tools {
namespace {

struct Arguments {
  AddressArguments address;
  std::uint32_t nsid = 0;
};

void print_rows(Program& program, const Json& json) {
  std::size_t width = 0;
  for (const auto& [key, value] : json.items()) width = std::max(width, key.size());
  for (const auto& [key, value] : json.items()) {
    const std::string text = value.is_null() ? "absent" : value.is_string() ? value.get<std::string>() : value.dump();
    put(program, "{:<{}}  {}\n", key, width, text);
  }
}

Outcome<void> identify(Program& program, const Arguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments.address, Need::kAny);
  if (!remote) return std::unexpected(remote.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  Json json;
  if (arguments.nsid == 0) {
    json = describe_controller((*host)->host());
  } else {
    const Outcome<Namespace> found = find_namespace(**host, arguments.nsid, remote->address);
    if (!found) return std::unexpected(found.error());
    json = describe_namespace(*found);
  }
  program.json ? print_json(program, json) : print_rows(program, json);
  return {};
}

}  // namespace

void add_identify(CLI::App& app, Program& program) {
  CLI::App* const command =
      add_command(app, program, "identify", "Show what a controller, or one of its namespaces, says about itself",
                  "  weft identify tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo\n"
                  "  weft identify tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --nsid 1");
  auto arguments = std::make_shared<Arguments>();
  arguments->address.declare(*command);
  add_nsid(*command, arguments->nsid, "The namespace instead of the controller");
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return identify(program, *arguments); }; });
}

}  // namespace weft::tools
