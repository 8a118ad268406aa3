#include "tests/peer/hostile/attack/attacked_target.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <sstream>

#include "tests/support/build_folders.hpp"

namespace weft::hostile {
namespace {

constexpr std::chrono::seconds kEnd{10};  // docs/cli.md

std::string configuration(const std::string& file) {
  std::string hosts = fmt::format("\"{}\", \"{}\"", kListed, kLate);
  for (int i = 0; i < 8; ++i) hosts += fmt::format(", \"nqn.2026-01.org.example:m{}\"", i);
  const auto subsystem = [](const char* nqn, const std::string& rule, const std::string& backend) {
    return fmt::format("[[subsystem]]\nnqn = \"{}\"\n{}\n[[subsystem.namespace]]\nbackend = \"{}\"\n", nqn, rule,
                       backend);
  };
  const std::string listed = fmt::format("allow_hosts = [{}]", hosts);
  return "[[listener]]\nurl = \"tcp://127.0.0.1:0\"\n" + subsystem(kDisk, listed, "ram://?size=1T") +
         subsystem(kFile, listed, "file://" + file + "?size=1G") +
         subsystem(kOpen, "allow_any_host = true", "ram://?size=1T");
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

void AttackedTarget::SetUp() {
  const std::string path = testing::TempDir() + fmt::format("weft-attacked-{}.toml", getpid());
  file_ = testing::TempDir() + fmt::format("weft-attacked-{}.img", getpid());
  std::FILE* const file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(configuration(file_).c_str(), file);
  std::fclose(file);
  target_ = std::make_unique<ChildProcess>(std::vector<std::string>{program("weft"), "serve", "--config", path},
                                           std::vector<std::string>{"WEFT_PLUGIN_PATH=" + plugin_folder()});
  const auto line = target_->read_line();
  unlink(path.c_str());
  ASSERT_TRUE(line && line->starts_with("listening "));
  port_ = line->substr(line->rfind(':') + 1);
}

Attackers::Attackers(const Attack& attack, const std::string& port) : attack_(attack) {
  std::vector<std::string> command = words(attack);
  command.insert(command.begin(), WEFT_HOSTILE_CLIENT);
  for (const char* word : {"--port", port.c_str()}) command.emplace_back(word);
  process_ = std::make_unique<ChildProcess>(command);
  const auto ready = process_->read_line(std::chrono::seconds(60));
  std::uint32_t asked = 0;
  EXPECT_TRUE(ready && std::sscanf(ready->c_str(), "ready %" SCNu32 " of %" SCNu32, &opened_, &asked) == 2)
      << attack << ": " << ready.value_or("it said nothing");
  EXPECT_GE(opened_, asked / 2) << attack << ": too few came in";
}

// All that was said, and one more: what it says next was looked at later than now.
void Attackers::listen() {
  for (auto line = process_->read_line(std::chrono::seconds(5)); line;
       line = process_->read_line(std::chrono::milliseconds(0))) {
    static_cast<void>(std::sscanf(line->c_str(), "here %" SCNu64 " done %" SCNu64, &here_, &done_));
  }
}

void Attackers::expect_here(std::uint32_t least) {
  listen();
  fmt::print("{} came in, {} are there\n", opened_, here_);
  EXPECT_GE(here_, least) << attack_ << ": of those that came in (" << opened_ << ") too few are there";
}

void Attackers::expect_done(std::uint64_t least) {
  listen();
  EXPECT_GE(done_, least) << attack_ << ": too few commands";
}

void AttackedTarget::TearDown() {
  target_.reset();
  unlink(file_.c_str());
}

ListedHost AttackedTarget::listed(const char* name, const char* disk) {
  ListedHost host;
  EXPECT_TRUE(host.open(port_, disk, name)) << name << " does not come in";
  return host;
}

void AttackedTarget::ends_when_told() {
  target_->send_signal(SIGTERM);
  const auto code = target_->wait(kEnd);
  ASSERT_TRUE(code) << "SIGTERM does not end it within 10 s";
  EXPECT_EQ(*code, 0);
}

}  // namespace weft::hostile
