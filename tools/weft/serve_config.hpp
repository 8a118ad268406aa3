// serve_config.hpp - all that `weft serve` is told, from a TOML file or the command line.
//
// Values; one thread. An error in a file begins with "file:line: ".
#ifndef WEFT_TOOLS_SERVE_CONFIG_HPP
#define WEFT_TOOLS_SERVE_CONFIG_HPP

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weft/address.hpp"
#include "weft/controller.hpp"
#include "weft/status.hpp"

namespace weft::tools {

struct ListenerConfig {
  std::string url;
  bool discovery_only = false;
  std::string where;  // "weft.toml:12", or the option; for errors found later
};

struct NamespaceConfig {
  std::string backend;
  std::uint32_t nsid = 0;  // 0: the lowest free one
  std::optional<std::array<std::uint8_t, 16>> uuid, nguid;
  std::string where;
};

struct SubsystemConfig {
  SubsystemOptions options;
  std::vector<NamespaceConfig> namespaces;
  std::string where;
  std::string hosts_where;  // of what names the hosts
  [[nodiscard]] bool has_rule() const { return options.allow_any_host || !options.allow_hosts.empty(); }
};

struct TransportConfig {
  std::string name;
  std::vector<Option> options;  // of the whole transport
  std::string where;
};

struct ServeConfig {
  TargetOptions target;
  std::vector<TransportConfig> transports;
  std::vector<ListenerConfig> listeners;
  std::vector<SubsystemConfig> subsystems;
};

[[nodiscard]] Result<ServeConfig> read_serve_config(const std::string& path);

}  // namespace weft::tools

#endif
