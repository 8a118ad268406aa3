#include "core/util/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <atomic>
#include <memory>

namespace weft {
namespace {

std::atomic<LogLevel>& level() {
  static std::atomic<LogLevel> value{LogLevel::kInfo};
  return value;
}

// Never destroyed: a thread that still runs while the process ends may log.
spdlog::logger& logger() {
  static spdlog::logger* const made = [] {
    auto* const fresh = new spdlog::logger("weft", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    fresh->set_level(spdlog::level::trace);
    fresh->set_pattern("%H:%M:%S.%e %^%l%$ %v");
    fresh->flush_on(spdlog::level::warn);
    return fresh;
  }();
  return *made;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kDebug:
      break;
  }
  return spdlog::level::debug;
}

}  // namespace

void set_log_level(LogLevel wanted) { level().store(wanted, std::memory_order_relaxed); }
LogLevel log_level() { return level().load(std::memory_order_relaxed); }

namespace log {

void write(LogLevel level, std::string_view text) {
  logger().log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace log
}  // namespace weft
