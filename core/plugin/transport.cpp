#include <fmt/format.h>

#include "core/plugin/table.hpp"
#include "weft/transport.hpp"

namespace weft {

Transport::Transport(const weft_transport& table, std::string origin)
    : table_(table), origin_(std::move(origin)), options_(table_options(table)) {}

Transport::~Transport() {
  if (domain_ != nullptr) table_.domain_close(domain_);
}

Result<weft_domain*> Transport::domain(const weft_services& services, std::span<const weft_option> options) {
  const std::lock_guard lock(mutex_);
  if (domain_ != nullptr) return domain_;
  weft_error error = empty_error();
  weft_domain* opened = nullptr;
  const int rc =
      table_.domain_open(&services, options.data(), static_cast<std::uint32_t>(options.size()), &opened, &error);
  if (rc == 0 && opened != nullptr) return domain_ = opened;
  return to_error(rc, error, fmt::format("transport '{}' does not open ({})", name(), rc)).with_context(name());
}

Result<weft_domain*> Transport::domain(std::shared_ptr<const weft_services> services,
                                       std::span<const weft_option> options) {
  const weft_services* kept = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!services_) services_ = std::move(services);
    kept = services_.get();
  }
  return domain(*kept, options);
}

std::shared_ptr<const weft_services> Transport::services() {
  const std::lock_guard lock(mutex_);
  return services_;
}

}  // namespace weft
