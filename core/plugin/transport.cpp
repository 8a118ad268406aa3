#include <fmt/format.h>

#include <cerrno>

#include "core/plugin/table.hpp"
#include "weft/transport.hpp"

namespace weft {

Transport::Transport(const weft_transport& table, std::string origin)
    : table_(table), origin_(std::move(origin)), options_(table_options(table)) {}

Transport::~Transport() {
  if (domain_ != nullptr) table_.domain_close(domain_);
}

Status Transport::set_options(std::span<const Option> options) {
  Address all;
  all.scheme = name();
  all.options.assign(options.begin(), options.end());
  if (Status declared = check_transport_options(all, options_, {}); !declared) return declared;
  if (Status canonical = canonicalize_options(all, options_); !canonical) return canonical;
  const std::lock_guard lock(mutex_);
  if (domain_ != nullptr)
    return Error(EBUSY, fmt::format("transport '{}' is in use: its options cannot change any more", name()));
  domain_options_ = std::move(all.options);
  return {};
}

Result<weft_domain*> Transport::domain(const weft_services& services) {
  const std::lock_guard lock(mutex_);
  if (domain_ != nullptr) return domain_;
  std::vector<weft_option> options;
  for (const Option& option : domain_options_) options.push_back({option.key.c_str(), option.value.c_str()});
  weft_error error = empty_error();
  weft_domain* opened = nullptr;
  const int rc =
      table_.domain_open(&services, options.data(), static_cast<std::uint32_t>(options.size()), &opened, &error);
  if (rc == 0 && opened != nullptr) return domain_ = opened;
  return to_error(rc, error, fmt::format("transport '{}' does not open ({})", name(), rc)).with_context(name());
}

Result<weft_domain*> Transport::domain(std::shared_ptr<const weft_services> services) {
  const weft_services* kept = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!services_) services_ = std::move(services);
    kept = services_.get();
  }
  return domain(*kept);
}

std::shared_ptr<const weft_services> Transport::services() {
  const std::lock_guard lock(mutex_);
  return services_;
}

}  // namespace weft
