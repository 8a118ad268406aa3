#include "serve_config.hpp"

#include <fmt/format.h>

#include <bit>
#include <cerrno>
#include <span>

#include "data_file.hpp"
#include "toml_reader.hpp"

namespace weft::tools {
namespace {

constexpr std::uint64_t kMaxThreads = 256;
constexpr std::uint64_t kMaxNsid = 65536;
constexpr std::uint64_t kMostMemory = std::uint64_t{64} << 30;  // of a thread, for data under way
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kDay = 24ull * 3600 * 1000 * kMillisecond;

// What the target asks of them together.
void check_memory(TomlReader& reader, std::uint64_t max_transfer, std::uint64_t data_memory) {
  if (!std::has_single_bit(max_transfer))
    return reader.refuse("max_transfer", fmt::format("is {} bytes, which is not a power of two", max_transfer));
  if (data_memory < 4 * max_transfer) {
    reader.refuse("data_memory", fmt::format("is {} bytes, less than four of the largest transfers of {} bytes",
                                             data_memory, max_transfer));
  }
}

void read_limits(const toml::table& table, const std::string& file, Error& error, TargetOptions& out) {
  TomlReader reader(table, file, "[limits]", error);
  reader.count("max_queue_size", 32, 65536, out.max_queue_size);
  reader.count("max_io_queues", 1, 128, out.max_io_queues);
  reader.count("max_connections", 1, UINT32_MAX, out.max_connections);
  reader.count("max_unconnected", 1, UINT32_MAX, out.max_unconnected);
  reader.count("max_queue_entries", 128, UINT32_MAX, out.max_queue_entries);
  reader.count("max_controllers", 1, 0xFFEF, out.max_controllers);
  reader.count("max_discovery_controllers", 1, 0xFFEF, out.max_discovery_controllers);
  reader.count("max_controllers_per_host", 1, 0xFFEF, out.max_controllers_per_host);
  std::uint64_t in_capsule = out.in_capsule, max_transfer = out.max_transfer;
  reader.size("in_capsule", 0, 1u << 20, in_capsule);
  reader.size("max_transfer", 4096, 64u << 20, max_transfer);
  reader.size("data_memory", 1u << 20, kMostMemory, out.data_memory);
  reader.duration("data_timeout", kMillisecond, kDay, out.data_timeout);
  reader.duration("connect_timeout", kMillisecond, kDay, out.connect_timeout);
  reader.duration("linger", kMillisecond, kDay, out.linger);
  reader.finish();
  check_memory(reader, max_transfer, out.data_memory);
  if (out.max_queue_entries / 4 < out.max_queue_size) {
    reader.refuse("max_queue_entries", fmt::format("is {}, less than four of the largest queues of {} entries",
                                                   out.max_queue_entries, out.max_queue_size));
  }
  out.in_capsule = static_cast<std::uint32_t>(in_capsule);
  out.max_transfer = static_cast<std::uint32_t>(max_transfer);
}

void read_transports(const toml::table& table, const std::string& file, Error& error,
                     std::vector<TransportConfig>& out) {
  TomlReader(table, file, "[transport]", error).named_tables([&](std::string_view name, const toml::table& inner) {
    TransportConfig config{.name = std::string(name), .options = {}, .where = {}};
    TomlReader reader(inner, file, fmt::format("[transport.{}]", name), error);
    reader.options(config.options);
    config.where = reader.where();
    out.push_back(std::move(config));
  });
}

ListenerConfig read_listener(const toml::table& table, const std::string& file, const std::string& where,
                             Error& error) {
  ListenerConfig out;
  TomlReader reader(table, file, "[[listener]]", error);
  reader.text("url", out.url);
  reader.boolean("discovery_only", out.discovery_only);
  reader.finish();
  reader.require("url");
  out.where = where;
  return out;
}

NamespaceConfig read_namespace(const toml::table& table, const std::string& file, const std::string& where,
                               Error& error) {
  NamespaceConfig out;
  TomlReader reader(table, file, "[[subsystem.namespace]]", error);
  reader.text("backend", out.backend);
  reader.count("nsid", 1, kMaxNsid, out.nsid);
  reader.uuid("uuid", out.uuid);
  reader.uuid("nguid", out.nguid);
  reader.finish();
  reader.require("backend");
  out.where = where;
  return out;
}

// Who may connect is said once, and says something.
void check_rule(TomlReader& reader, const toml::table& table, const SubsystemOptions& options) {
  if (!table.contains("allow_hosts")) return;
  if (options.allow_any_host) reader.refuse("allow_hosts", "contradicts allow_any_host = true: leave one of them out");
  if (options.allow_hosts.empty())
    reader.refuse("allow_hosts", "names no host: name those that may connect, or write allow_any_host = true");
}

SubsystemConfig read_subsystem(const toml::table& table, const std::string& file, const std::string& where,
                               Error& error) {
  SubsystemConfig out;
  TomlReader reader(table, file, "[[subsystem]]", error);
  reader.text("nqn", out.options.nqn);
  reader.boolean("allow_any_host", out.options.allow_any_host);
  reader.texts("allow_hosts", out.options.allow_hosts);
  reader.text("serial", out.options.serial);
  reader.text("model", out.options.model);
  reader.cntlids("cntlid", out.options.cntlids);
  reader.tables("namespace", [&](const toml::table& inner, const std::string& line) {
    out.namespaces.push_back(read_namespace(inner, file, line, error));
  });
  reader.finish();
  reader.require("nqn");
  check_rule(reader, table, out.options);
  out.where = where;
  out.hosts_where = reader.where("allow_hosts");
  return out;
}

ServeConfig read_all(const toml::table& table, const std::string& file, Error& error) {
  ServeConfig out;
  TomlReader reader(table, file, "the file", error);
  reader.count("threads", 1, kMaxThreads, out.target.threads);
  reader.wait("wait", out.target.wait);
  std::optional<CntlidRange> cntlids;
  reader.cntlids("cntlid", cntlids);
  out.target.cntlids = cntlids.value_or(CntlidRange{});
  reader.table("limits", [&](const toml::table& inner) { read_limits(inner, file, error, out.target); });
  reader.table("transport", [&](const toml::table& inner) { read_transports(inner, file, error, out.transports); });
  reader.tables("listener", [&](const toml::table& inner, const std::string& where) {
    out.listeners.push_back(read_listener(inner, file, where, error));
  });
  reader.tables("subsystem", [&](const toml::table& inner, const std::string& where) {
    out.subsystems.push_back(read_subsystem(inner, file, where, error));
  });
  reader.finish();
  return out;
}

constexpr std::size_t kMostBytes = 16u << 20;

Result<std::string> read_file(const std::string& path) {
  const auto file = DataFile::open_input(path);
  if (!file) return file.error();
  std::string text(kMostBytes + 1, '\0');  // /dev/zero has no end
  const auto size = (*file)->read(std::as_writable_bytes(std::span(text)));
  if (!size) return size.error();
  text.resize(*size);
  if (text.size() > kMostBytes) return Error(EFBIG, fmt::format("cannot read '{}': it is larger than 16 MiB", path));
  return text;
}

}  // namespace

Result<ServeConfig> read_serve_config(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return text.error();
  try {
    const toml::table table = toml::parse(*text, path);
    Error error;
    ServeConfig config = read_all(table, path, error);
    if (error.code != 0) return error;
    return config;
  } catch (const toml::parse_error& error) {
    return Error(EINVAL, fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
}

}  // namespace weft::tools
