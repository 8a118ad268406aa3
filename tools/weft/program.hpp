// program.hpp - what every subcommand shares: the global options, how a command ends, and the exit codes.
//
// A subcommand's add_...() declares its options with CLI11 and sets Program::run, which main() calls once the command line
// is known to be good. run() puts its results into `output`; a Failure is printed by main(), once. One thread.
#ifndef WEFT_TOOLS_PROGRAM_HPP
#define WEFT_TOOLS_PROGRAM_HPP

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/status.hpp"
#include "weft/transport.hpp"

namespace CLI {
class App;
}

namespace weft::tools {

enum class Exit : int {
  kDone = 0,
  kFailed = 1,       // the operation failed
  kUsage = 2,        // the command line or a file says something that cannot be
  kUnreachable = 3,  // could not connect
};

struct Failure {
  Exit exit = Exit::kFailed;
  Error error;  // its text is the whole line, apart from the program's name
};
[[nodiscard]] std::unexpected<Failure> usage(std::string sentence);
[[nodiscard]] std::unexpected<Failure> usage(Error error, std::string_view clause = {});
[[nodiscard]] std::unexpected<Failure> failed(Error error, std::string_view clause = {});

template <class T>
using Outcome = std::expected<T, Failure>;

struct Program {
  std::string name = "weft";             // as it was called, for commands to try
  std::vector<std::string> plugin_dirs;  // --plugin-dir, in the order given
  bool json = false;
  std::string output;  // for standard output: written by flush_output() and when the command ends
  std::function<Outcome<void>()> run;

  [[nodiscard]] TransportRegistry& registry();  // made on first use, searches plugin_dirs first

 private:
  std::unique_ptr<TransportRegistry> registry_;
};

void add_serve(CLI::App& app, Program& program);
void add_discover(CLI::App& app, Program& program);
void add_identify(CLI::App& app, Program& program);
void add_list(CLI::App& app, Program& program);
void add_read(CLI::App& app, Program& program);
void add_write(CLI::App& app, Program& program);
void add_perf(CLI::App& app, Program& program);
void add_transports(CLI::App& app, Program& program);

// A subcommand with its example below the help text, and --json where `json` is told.
CLI::App* add_command(CLI::App& app, Program& program, const char* name, const char* what, const std::string& examples);

}  // namespace weft::tools

#endif
