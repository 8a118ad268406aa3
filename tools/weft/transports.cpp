// weft transports: what is loaded, from which file, which options it takes, and what was refused and why.
#include <CLI/App.hpp>

#include "output.hpp"
#include "program.hpp"
#include "weft/reactor.hpp"

namespace weft::tools {
namespace {

std::string roles(const Transport& transport) {
  const bool host = transport.has_role(WEFT_ROLE_HOST);
  const bool controller = transport.has_role(WEFT_ROLE_CONTROLLER);
  return host && controller ? "host, controller" : host ? "host" : controller ? "controller" : "none";
}

const char* or_empty(const char* text) { return text != nullptr ? text : ""; }

struct Defaults {
  std::string host, controller;
};

// transport_abi.h: one for both roles, or "host A, controller B".
Defaults defaults_of(const weft_option_info& option) {
  constexpr std::string_view kHost = "host ", kController = ", controller ";
  const std::string_view text = or_empty(option.fallback);
  const std::size_t comma = text.find(kController);
  if (!text.starts_with(kHost) || comma == text.npos) return {std::string(text), std::string(text)};
  return {std::string(text.substr(kHost.size(), comma - kHost.size())),
          std::string(text.substr(comma + kController.size()))};
}

Json option_json(const weft_option_info& option) {
  const Defaults defaults = defaults_of(option);
  return {{"key", option.key},
          {"type", or_empty(option.type)},
          {"default", or_empty(option.fallback)},
          {"default_host", defaults.host},
          {"default_controller", defaults.controller},
          {"help", or_empty(option.help)}};
}

Json transport_json(Transport& transport) {
  const weft_transport& table = transport.table();
  const Status usable = check_usable(transport);
  Json options = Json::array();
  for (const weft_option_info& option : transport.options()) options.push_back(option_json(option));
  return {{"name", transport.name()},
          {"version", transport.version()},
          {"file", transport.origin()},
          {"abi", fmt::format("{}.{}", WEFT_ABI_MAJOR, table.abi_minor)},
          {"roles", roles(transport)},
          {"priority", table.priority},
          {"default_port", or_empty(table.default_trsvcid)},
          {"discovery_port", or_empty(table.discovery_trsvcid)},
          {"usable", usable.has_value()},
          {"why_not", usable ? "" : usable.error().text},
          {"options", std::move(options)}};
}

// A default that differs between the roles: that of a host, then that of a controller, which `serve` is.
void print_options(Program& program, const Transport& transport) {
  std::vector<std::vector<std::string>> rows;
  for (const weft_option_info& option : transport.options()) {
    const Defaults defaults = defaults_of(option);
    const std::string both = defaults.host == defaults.controller
                                 ? defaults.host
                                 : fmt::format("{} / {}", defaults.host, defaults.controller);
    rows.push_back({"  " + std::string(option.key), or_empty(option.type), both, or_empty(option.help)});
  }
  if (rows.empty()) return;
  rows.insert(rows.begin(), {"  OPTION", "TYPE", "DEFAULT", "(of a host / of a controller, as serve uses it)"});
  print_table(program, std::move(rows));
}

void print_transport(Program& program, Transport& transport) {
  const weft_transport& table = transport.table();
  put(program, "{} {}  ABI {}.{}  {}\n  file     {}\n", transport.name(), transport.version(), WEFT_ABI_MAJOR,
      table.abi_minor, roles(transport), transport.origin());
  if (const Status usable = check_usable(transport); !usable) put(program, "  unusable {}\n", usable.error().text);
  if (transport.splits_service()) {
    put(program, "  ports    {}, discovery {}\n", table.default_trsvcid, or_empty(table.discovery_trsvcid));
  }
  print_options(program, transport);
}

void print_all(Program& program, bool why) {
  TransportRegistry& registry = program.registry();
  for (Transport* transport : registry.transports()) print_transport(program, *transport);
  if (registry.transports().empty()) put(program, "no transport was found\n");
  if (why) {
    for (const std::string& folder : registry.search_path().folders) put(program, "looked in {}\n", folder);
  }
  for (const Candidate& candidate : registry.candidates()) {
    if (candidate.accepted && !why) continue;
    const std::string_view colon = candidate.reason.empty() ? "" : ": ";
    const char* const what = candidate.accepted                    ? "accepted"
                             : candidate.path.ends_with(".absent") ? "absent  "
                                                                   : "refused ";
    put(program, "{} {}{}{}\n", what, candidate.path, colon, candidate.reason);
  }
}

void print_all_json(Program& program) {
  TransportRegistry& registry = program.registry();
  Json transports = Json::array();
  for (Transport* transport : registry.transports()) transports.push_back(transport_json(*transport));
  Json candidates = Json::array();
  for (const Candidate& candidate : registry.candidates()) {
    candidates.push_back({{"file", candidate.path}, {"accepted", candidate.accepted}, {"reason", candidate.reason}});
  }
  print_json(program,
             {{"transports", transports}, {"folders", registry.search_path().folders}, {"candidates", candidates}});
}

}  // namespace

void add_transports(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(app, program, "transports",
                                        "Show which transports are there, their options, and which files were refused",
                                        "  weft transports\n  weft --plugin-dir /opt/acme/weft transports --why");
  auto why = std::make_shared<bool>(false);
  command->add_flag("--why", *why, "Every folder and file that was looked at, and what came of it");
  command->callback([&program, why] {
    program.run = [&program, why]() -> Outcome<void> {
      program.registry().load_all();
      program.json ? print_all_json(program) : print_all(program, *why);
      return {};
    };
  });
}

}  // namespace weft::tools
