#include "core/util/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "core/util/standard_error.hpp"

namespace weft {
namespace {

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_or_drop({line.data(), line.size()});
  }
  void flush_() override {}
};

std::atomic<LogLevel>& level() {
  static std::atomic<LogLevel> value{LogLevel::kInfo};
  return value;
}

// Never destroyed: a thread that still runs while the process ends may log.
spdlog::logger& logger() {
  static spdlog::logger* const made = [] {
    auto* const fresh = new spdlog::logger("weft", std::make_shared<Sink>());
    fresh->set_level(spdlog::level::trace);
    fresh->set_pattern("%H:%M:%S.%e %l %v");
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

void notice(std::string_view text) { write_or_drop(terminal_text(text) + '\n'); }

void notice_lines(std::string_view text) { write_or_drop(terminal_lines(text) + '\n'); }

namespace log {

void write(LogLevel level, std::string_view text) {
  const std::string safe = terminal_text(text);
  logger().log(spdlog_level(level), spdlog::string_view_t(safe.data(), safe.size()));
}

}  // namespace log
}  // namespace weft
