#include "program.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>

namespace weft::tools {

std::unexpected<Failure> usage(std::string sentence) {
  return std::unexpected(Failure{Exit::kUsage, Error(EINVAL, std::move(sentence))});
}

std::unexpected<Failure> usage(Error error, std::string_view clause) {
  if (!clause.empty()) error = std::move(error).with_context(clause);
  return std::unexpected(Failure{Exit::kUsage, std::move(error)});
}

std::unexpected<Failure> failed(Error error, std::string_view clause) {
  if (!clause.empty()) error = std::move(error).with_context(clause);
  return std::unexpected(Failure{Exit::kFailed, std::move(error)});
}

TransportRegistry& Program::registry() {
  if (!registry_) registry_ = std::make_unique<TransportRegistry>(SearchPath::standard(plugin_dirs));
  return *registry_;
}

CLI::App* add_command(CLI::App& app, Program& program, const char* name, const char* what,
                      const std::string& examples) {
  CLI::App* const command = app.add_subcommand(name, what);
  command->fallthrough();
  command->add_flag("--json", program.json, "Print results as JSON");
  command->footer("Example:\n" + examples);
  return command;
}

}  // namespace weft::tools
