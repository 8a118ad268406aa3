#include "connection.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cerrno>

#include "limits.hpp"
#include "output.hpp"
#include "weft/fabrics.hpp"

namespace weft::tools {
namespace {

constexpr std::uint64_t kOwnFiles =
    24;  // standard ones, reactor, mailbox, the plugin's, the file that is read or written

std::string with_underscores(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

// The last one of a key is the one that holds.
Status replace_option(std::vector<Option>& options, const char* name, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return Error(EINVAL, fmt::format("{} takes KEY=VALUE, '{}' is not that", name, text));
  }
  const std::string key = with_underscores(text.substr(0, equals));
  std::erase_if(options, [&](const Option& option) { return with_underscores(option.key) == key; });
  options.push_back({text.substr(0, equals), text.substr(equals + 1)});
  return {};
}

Status set_transport_options(Transport& transport, const std::vector<std::string>& texts) {
  std::vector<Option> options;
  for (const std::string& text : texts) {
    if (Status good = replace_option(options, "--transport-option", text); !good) return good;
  }
  return options.empty() ? Status() : transport.set_options(options);  // what it has is not taken away
}

CLI::Option* add_key_values(CLI::App& command, const char* names, std::vector<std::string>& into, const char* what) {
  return command.add_option(names, into, what)
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Status complete(Address& address, const Transport& transport, Need need) {
  const weft_transport& table = transport.table();
  if (transport.splits_service()) {
    const std::string_view discovery = table.discovery_trsvcid != nullptr ? table.discovery_trsvcid : "";
    const bool asks = need == Need::kDiscovery && !discovery.empty();
    if (Status split = address.split_service(asks ? discovery : table.default_trsvcid, discovery); !split) return split;
  }
  if (!address.subnqn.empty()) return {};
  if (need == Need::kIo || need == Need::kSubsystem) {
    return Error(EINVAL, fmt::format("the address names no subsystem: end it with /NQN; 'weft discover {}' lists them",
                                     address.to_string()));
  }
  address.subnqn = fabrics::kDiscoveryNqn;
  return {};
}

}  // namespace

void AddressArguments::declare(CLI::App& command) {
  command.add_option("url", url, "Where, over which transport: scheme://address[/nqn...][?key=value&...]")
      ->required()
      ->type_name("URL");
  add_key_values(command, "-o,--option", options,
                 "Option of the address, instead of what the URL says; may be repeated");
  add_key_values(command, "--transport-option", transport_options,
                 "Option of the whole transport, which no address can have; may be repeated");
}

Outcome<Remote> read_address(Program& program, const AddressArguments& arguments, Need need) {
  Result<Address> address = Address::parse(arguments.url);
  if (!address) return usage(address.error());
  for (const std::string& option : arguments.options) {
    if (Status good = replace_option(address->options, "--option", option); !good) return usage(good.error());
  }
  Remote remote;
  remote.qsize_given = address->option("qsize") != nullptr;
  Result<HostOptions> options = take_host_options(*address);
  if (!options) return usage(options.error(), arguments.url);
  remote.options = *options;
  if (Status enough = require_open_files(kOwnFiles + 1, "this connection"); !enough) return failed(enough.error());
  const Result<Transport*> transport = program.registry().find(*address, WEFT_ROLE_HOST);
  if (!transport) return std::unexpected(Failure{Exit::kUnreachable, transport.error()});
  if (Status good = check_transport_options(*address, (*transport)->options(), host_option_keys()); !good) {
    return usage(good.error());
  }
  if (Status good = set_transport_options(**transport, arguments.transport_options); !good) return usage(good.error());
  if (Status good = complete(*address, **transport, need); !good) return usage(good.error());
  if (need != Need::kIo) remote.options.queues = 0;
  if (need == Need::kIo && address->fd) {
    return usage(fmt::format("{} is one connection, but reading and writing needs one for each queue", arguments.url));
  }
  remote.address = std::move(*address);
  return remote;
}

std::unexpected<Failure> unreachable(const Remote& remote, const Error& error) {
  // Nothing was sent yet: the transport does not take what the address says.
  if (error.code == EINVAL && (error.stage.empty() || error.stage == "connect")) return usage(error);
  Failure failure{Exit::kUnreachable, error};
  const Address& address = remote.address;
  const std::string at = error.stage.empty() ? "" : fmt::format(", stage '{}'", error.stage);
  const std::string place = address.fd ? fmt::format("[fd={}]", *address.fd) : address.traddr;
  const bool told = !place.empty() && error.text.find(place) != std::string::npos;
  const std::string whom = told ? "" : " to " + address.to_string();
  failure.error.text = fmt::format("could not connect{}{}: {}", whom, at, error.text);
  if (error.stage == "Connect command" && (error.code == EACCES || error.code == ECONNREFUSED)) {
    const std::string& hostnqn = remote.options.hostnqn;
    failure.error.text += fmt::format(" (this host is {})", hostnqn.empty() ? default_hostnqn() : hostnqn);
  }
  return std::unexpected(std::move(failure));
}

Outcome<std::unique_ptr<BlockingHost>> connect(Program& program, const Remote& remote) {
  if (Status enough = require_open_files(kOwnFiles + remote.options.queues, "this connection"); !enough) {
    return failed(enough.error());
  }
  Result<std::unique_ptr<BlockingHost>> host =
      BlockingHost::connect(program.registry(), remote.address, remote.options);
  if (!host) return unreachable(remote, host.error());
  return std::move(*host);
}

Loss::Loss(BlockingHost& host) : host_(host) {
  host.reactor().post([&host, state = state_] {
    Host::Events events;
    events.on_lost = [state](const Error& why) {
      const std::lock_guard lock(state->mutex);
      state->why = why;
    };
    host.host().set_events(std::move(events));
  });
}

std::unexpected<Failure> Loss::explain(Failure failure) {
  static_cast<void>(host_.close());  // afterwards it has been said that it was lost, if it was
  const std::lock_guard lock(state_->mutex);
  const bool told = failure.error.text.find(state_->why.text) != std::string::npos;
  if (state_->why.code != 0 && !told) failure.error.text += ": " + state_->why.text;
  return std::unexpected(std::move(failure));
}

Outcome<Namespace> find_namespace(BlockingHost& host, std::uint32_t nsid, const Address& address) {
  Result<Namespace> found = host.identify_namespace(nsid);
  if (!found) {
    const std::string which = fmt::format("namespace {}", nsid);
    const bool told = found.error().text.starts_with(which);
    return failed(found.error(), told ? address.subnqn : fmt::format("{} of {}", which, address.subnqn));
  }
  return *found;
}

}  // namespace weft::tools
