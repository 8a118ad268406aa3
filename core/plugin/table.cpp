#include "core/plugin/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "weft/address.hpp"
#include "weft/transport.hpp"

namespace weft {
namespace {

constexpr std::size_t kNameBound = 31;  // [a-z][a-z0-9]{0,30}
constexpr std::size_t kKeyBound = 63;
constexpr std::size_t kTextBound = 1024;  // no string of a table is longer: it is not a string

struct Operation {
  const char* name;
  bool present;
};

Error refuse(std::string sentence) { return {EPROTO, std::move(sentence)}; }

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The string, or nothing when it does not end within the bound.
bool ends(const char* text, std::size_t bound) { return strnlen(text, bound + 1) <= bound; }

Status check_size(const weft_transport& table) {
  if (table.size < kTableSize1_0)
    return refuse(fmt::format("table of {} bytes is smaller than 1.0, which has {}", table.size, kTableSize1_0));
  if (table.size > kTableSizeBound)
    return refuse(fmt::format("table says that it has {} bytes, which no version has", table.size));
  // Within a major version tables grow with the minor version only: a mismatch is of nobody's header.
  const std::uint32_t known = sizeof(weft_transport);
  const bool newer = table.abi_minor > WEFT_ABI_MINOR;
  const bool same = table.abi_minor == WEFT_ABI_MINOR;
  if ((same && table.size != known) || (newer && table.size < known) || (!newer && table.size > known))
    return refuse(fmt::format("table of {} bytes says that it is of ABI {}.{}, but tables of {}.{} have {}", table.size,
                              WEFT_ABI_MAJOR, table.abi_minor, WEFT_ABI_MAJOR, WEFT_ABI_MINOR, known));
  return {};
}

Status check_name(const weft_transport& table) {
  if (table.name == nullptr) return refuse("table has no name");
  if (!ends(table.name, kNameBound)) return refuse(fmt::format("name is longer than {} characters", kNameBound));
  const std::string_view name = table.name;
  const bool good = !name.empty() && is_lower(name.front()) &&
                    std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c); });
  if (!good) return refuse(fmt::format("name '{}' is not a lower-case letter and then letters and digits", name));
  if (table.version == nullptr) return refuse("table has no version");
  if (!ends(table.version, kTextBound)) return refuse("version is not a string that ends");
  return {};
}

Status check_numbers(const weft_transport& table) {
  constexpr std::uint32_t kKnownRoles = WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER;
  if (table.roles == 0) return refuse("table plays no role: neither host nor controller");
  if ((table.roles & ~kKnownRoles) != 0) return refuse(fmt::format("roles {:#x} has unknown bits", table.roles));
  for (std::size_t i = 0; i < sizeof table.reserved; ++i)
    if (table.reserved[i] != 0) return refuse(fmt::format("reserved byte {} is {}, not 0", i, table.reserved[i]));
  return {};
}

Status check_service(const char* field, const char* service) {
  if (service == nullptr) return {};
  if (!ends(service, 31) || *service == '\0')
    return refuse(fmt::format("{} is not a string of 1 to 31 characters", field));
  return {};
}

Status check_services(const weft_transport& table) {
  if (Status status = check_service("default_trsvcid", table.default_trsvcid); !status) return status;
  if (Status status = check_service("discovery_trsvcid", table.discovery_trsvcid); !status) return status;
  if (table.discovery_trsvcid != nullptr && table.default_trsvcid == nullptr)
    return refuse("table has discovery_trsvcid but no default_trsvcid");
  return {};
}

Status all_present(std::span<const Operation> operations, std::string_view why) {
  for (const Operation& operation : operations)
    if (!operation.present) return refuse(fmt::format("table lacks {}, {}", operation.name, why));
  return {};
}

Status none_present(std::span<const Operation> operations, std::string_view why) {
  for (const Operation& operation : operations)
    if (operation.present) return refuse(fmt::format("table has {}, {}", operation.name, why));
  return {};
}

Status both_or_neither(const Operation& one, const Operation& other) {
  if (one.present == other.present) return {};
  return refuse(
      fmt::format("table has {} without {}", one.present ? one.name : other.name, one.present ? other.name : one.name));
}

#define WEFT_OPERATION(field) \
  Operation { #field, table.field != nullptr }

Status check_operations(const weft_transport& table) {
  const Operation common[] = {WEFT_OPERATION(domain_open), WEFT_OPERATION(domain_close), WEFT_OPERATION(group_open),
                              WEFT_OPERATION(group_poll),  WEFT_OPERATION(group_flush),  WEFT_OPERATION(group_arm),
                              WEFT_OPERATION(group_close), WEFT_OPERATION(group_stats),  WEFT_OPERATION(close),
                              WEFT_OPERATION(qpair_info),  WEFT_OPERATION(qpair_stats)};
  const Operation host[] = {WEFT_OPERATION(connect), WEFT_OPERATION(send_command)};
  const Operation controller[] = {
      WEFT_OPERATION(listen),       WEFT_OPERATION(unlisten),       WEFT_OPERATION(listener_info),
      WEFT_OPERATION(accept),       WEFT_OPERATION(reject),         WEFT_OPERATION(configure),
      WEFT_OPERATION(receive_data), WEFT_OPERATION(send_data),      WEFT_OPERATION(send_response),
      WEFT_OPERATION(cancel_data),  WEFT_OPERATION(release_command)};
  if (Status status = all_present(common, "which every transport has"); !status) return status;
  Status status = (table.roles & WEFT_ROLE_HOST) != 0 ? all_present(host, "which the host role needs")
                                                      : none_present(host, "but does not declare the host role");
  if (!status) return status;
  status = (table.roles & WEFT_ROLE_CONTROLLER) != 0
               ? all_present(controller, "which the controller role needs: all of its operations or none")
               : none_present(controller, "but does not declare the controller role");
  if (!status) return status;
  return both_or_neither(WEFT_OPERATION(region_register), WEFT_OPERATION(region_release));
}

#undef WEFT_OPERATION

bool is_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"bool", "size", "duration", "count", "text"};
  if (std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) return true;
  if (type.find('|') == std::string_view::npos) return false;
  return type.front() != '|' && type.back() != '|' && type.find("||") == std::string_view::npos;
}

Status check_option_key(const weft_option_info& option, std::size_t index) {
  if (!ends(option.key, kKeyBound))
    return refuse(fmt::format("the key of option {} is longer than {} characters", index + 1, kKeyBound));
  const std::string_view key = option.key;
  const bool good = !key.empty() && is_lower(key.front()) &&
                    std::all_of(key.begin(), key.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
  if (!good)
    return refuse(fmt::format("option key '{}' is not a lower-case letter and then letters, digits and '_'", key));
  for (std::string_view core_key : host_option_keys())
    if (core_key == key) return refuse(fmt::format("option '{}' is a key of the core's own", key));
  return {};
}

Status check_option(std::span<const weft_option_info> before, const weft_option_info& option) {
  if (Status status = check_option_key(option, before.size()); !status) return status;
  for (const weft_option_info& other : before)
    if (std::strcmp(other.key, option.key) == 0)
      return refuse(fmt::format("option '{}' is declared twice", option.key));
  if (option.type == nullptr || !ends(option.type, kTextBound) || !is_type(option.type))
    return refuse(
        fmt::format("option '{}' is of type '{}', which is none of bool, size, duration, count, text or a|b|c",
                    option.key, option.type != nullptr && ends(option.type, kTextBound) ? option.type : ""));
  if (option.fallback != nullptr && !ends(option.fallback, kTextBound))
    return refuse(fmt::format("the fallback of option '{}' is not a string that ends", option.key));
  if (option.help == nullptr || !ends(option.help, kTextBound) || *option.help == '\0')
    return refuse(fmt::format("option '{}' has no help", option.key));
  return {};
}

Status check_options(const weft_transport& table) {
  if (table.options == nullptr) return {};
  for (std::size_t i = 0; i < kTransportOptionsBound; ++i) {
    if (table.options[i].key == nullptr) return {};
    if (Status status = check_option({table.options, i}, table.options[i]); !status) return status;
  }
  return refuse(fmt::format("options do not end: no entry without a key within {}", kTransportOptionsBound));
}

}  // namespace

Result<weft_transport> check_table(const weft_transport* table) {
  if (table == nullptr) return refuse("its entry function returns no table");
  if (Status status = check_size(*table); !status) return std::move(status).error();
  weft_transport copy{};
  std::memcpy(&copy, table, std::min<std::size_t>(table->size, sizeof copy));
  copy.size = static_cast<std::uint32_t>(std::min<std::size_t>(table->size, sizeof copy));

  using Rule = Status (*)(const weft_transport&);
  for (Rule rule : {&check_name, &check_numbers, &check_services, &check_operations, &check_options})
    if (Status status = rule(copy); !status) return std::move(status).error();
  return copy;
}

std::span<const weft_option_info> table_options(const weft_transport& table) {
  if (table.options == nullptr) return {};
  std::size_t count = 0;
  while (table.options[count].key != nullptr) ++count;
  return {table.options, count};
}

Error to_error(int rc, const weft_error& error, std::string_view otherwise) {
  Error out;
  const int code = error.code != 0 ? error.code : rc;
  out.code = code < 0 ? -code : (code > 0 ? code : EIO);
  out.stage.assign(error.stage, strnlen(error.stage, sizeof error.stage));
  out.text.assign(error.text, strnlen(error.text, sizeof error.text));
  if (out.text.empty()) out.text = otherwise;
  return out;
}

}  // namespace weft
