// The program `weft`: one command, a subcommand for each job.
#include <algorithm>
#include <new>
#include <sstream>

#include "limits.hpp"
#include "options.hpp"
#include "output.hpp"
#include "program.hpp"
#include "weft/address.hpp"
#include "weft/version.hpp"

namespace weft::tools {
namespace {

constexpr char kAbout[] =
    "NVMe over Fabrics in userspace: serve namespaces, and use those that others serve.\n"
    "Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 could not connect.";

std::vector<std::string> long_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The option or subcommand that an unknown word was meant to be.
std::string_view meant(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> known(names.begin(), names.end());
  return nearest_word(word.substr(0, word.find('=')), known);
}

std::string did_you_mean(const CLI::App& app) {
  const CLI::App* command = &app;
  if (const auto chosen = app.get_subcommands(); !chosen.empty()) command = chosen.front();
  std::vector<std::string> names = long_options(*command);
  if (command == &app) {
    for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  }
  for (const std::string& word : app.remaining(true)) {
    if (const std::string_view nearest = meant(word, names); !nearest.empty()) {
      return fmt::format("; did you mean '{}'?", nearest);
    }
  }
  return {};
}

// What CLI11 says less well: an unknown subcommand or option. "" when it is something else.
std::string first_wrong_word(const CLI::App& app, bool no_subcommand) {
  for (const std::string& word : app.remaining(true)) {
    if (word.starts_with('-')) return fmt::format("there is no option {}", word);
    if (no_subcommand) return fmt::format("there is no subcommand '{}'", word);
  }
  return no_subcommand ? "which subcommand? serve, discover, identify, list, read, write, perf or transports" : "";
}

// What the command ends with: its results have been written too, or it has failed.
int end(Program& program, const Outcome<void>& outcome) {
  const Status written = flush_output(program);
  const Outcome<void> ended = !outcome || written ? outcome : failed(written.error());
  if (ended) return static_cast<int>(Exit::kDone);
  print_failure(program, ended.error());
  return static_cast<int>(ended.error().exit);
}

int wrong_command_line(const CLI::App& app, const CLI::ParseError& error, Program& program) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {  // --help, --version
    std::ostringstream text;
    app.exit(error, text);
    program.output += text.str();
    return end(program, {});
  }
  const auto chosen = app.get_subcommands();
  std::string text = first_wrong_word(app, chosen.empty());
  const std::string twice = repeated_option(chosen.empty() ? app : *chosen.front());
  if (text.empty() && !twice.empty()) text = fmt::format("{} is given more than once", twice);
  if (text.empty()) text = error.what();
  while (text.ends_with('.') || text.ends_with('\n')) text.pop_back();
  text += did_you_mean(app);
  const int code = end(program, usage(text));
  say("See '{}{}{} --help'.\n", program.name, chosen.empty() ? "" : " ",
      chosen.empty() ? "" : chosen.front()->get_name());
  return code;
}

int run(int argc, char** argv) {
  Program program;
  if (argc > 0) program.name = argv[0];
  CLI::App app(kAbout, "weft");
  app.set_version_flag("--version", "weft " + std::string(version()));
  app.add_option("--plugin-dir", program.plugin_dirs, "Folder to search for transports first; may be repeated")
      ->type_name("DIR")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--json", program.json, "Print results as JSON; may stand after the command too");
  app.require_subcommand(1);
  for (const auto add :
       {add_serve, add_discover, add_identify, add_list, add_read, add_write, add_perf, add_transports}) {
    add(app, program);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    program.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    return wrong_command_line(app, error, program);
  }
  std::string empty = empty_option(app);
  if (empty.empty()) empty = empty_option(*app.get_subcommands().front());
  if (!empty.empty()) return end(program, usage(fmt::format("the value of {} is empty", empty)));
  raise_open_files();
  return end(program, program.run());
}

}  // namespace
}  // namespace weft::tools

int main(int argc, char** argv) {
  weft::tools::secure_standard_streams();
  try {
    return weft::tools::run(argc, argv);
  } catch (const std::bad_alloc&) {
    weft::tools::say_text("weft: there is not enough memory for what was asked\n");
  } catch (const std::exception& error) {
    weft::tools::say("weft: {}\n", error.what());
  }
  return static_cast<int>(weft::tools::Exit::kFailed);
}
