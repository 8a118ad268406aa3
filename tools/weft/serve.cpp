// weft serve: a target, from options or a TOML file, until a signal ends it.
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "options.hpp"
#include "output.hpp"
#include "served.hpp"
#include "signals.hpp"
#include "weft/log.hpp"

namespace weft::tools {
namespace {

constexpr char kDefaultListener[] = "tcp://127.0.0.1:4420";
constexpr char kDefaultNqn[] = "nqn.2026-01.org.example:demo";
constexpr char kDefaultNamespace[] = "ram://?size=64M";
// From the signal on: hosts have kTimeToDrain to take what is under way, then their connections are closed as they are; at
// kTimeToEnd the process exits, whatever a thread or a backend is waiting for.
constexpr Nanoseconds kTimeToDrain = 5'000'000'000;
constexpr Nanoseconds kTimeToEnd = 9'500'000'000;

struct Arguments {
  std::string config;
  std::vector<std::string> listen, discovery, namespaces, uuids, allow_hosts;
  std::string nqn, serial;
  bool allow_any_host = false;
  std::uint32_t threads = 0;
  std::string wait;
  std::string cntlids;
};

std::vector<ListenerConfig> listeners_of(const Arguments& arguments) {
  std::vector<ListenerConfig> out;
  for (const std::string& url : arguments.listen) out.push_back({url, false, "--listen"});
  for (const std::string& url : arguments.discovery) out.push_back({url, true, "--discovery"});
  return out;
}

// The first --uuid is of the first --namespace, and so on.
Outcome<void> add_namespaces(const Arguments& arguments, SubsystemConfig& subsystem) {
  std::vector<std::string> backends = arguments.namespaces;
  if (backends.empty()) backends.emplace_back(kDefaultNamespace);
  if (arguments.uuids.size() > backends.size()) {
    return usage(Error(EINVAL, fmt::format("--uuid is given {} times, for {} namespace{}", arguments.uuids.size(),
                                           backends.size(), backends.size() == 1 ? "" : "s")));
  }
  for (std::size_t i = 0; i < backends.size(); ++i) {
    NamespaceConfig config{.backend = backends[i], .uuid = {}, .nguid = {}, .where = "--namespace"};
    if (i < arguments.uuids.size()) {
      const Result<std::array<std::uint8_t, 16>> uuid = parse_uuid(arguments.uuids[i]);
      if (!uuid) return usage(uuid.error(), "--uuid");
      config.uuid = *uuid;
    }
    subsystem.namespaces.push_back(std::move(config));
  }
  return {};
}

Outcome<ServeConfig> config_of_options(const Arguments& arguments) {
  ServeConfig config;
  config.listeners = listeners_of(arguments);
  if (arguments.listen.empty())
    config.listeners.insert(config.listeners.begin(), {kDefaultListener, false, "--listen"});
  SubsystemConfig subsystem;
  subsystem.where = "--nqn";
  subsystem.hosts_where = "--allow-host";
  subsystem.options.nqn = arguments.nqn.empty() ? kDefaultNqn : arguments.nqn;
  subsystem.options.allow_any_host = arguments.allow_any_host;
  subsystem.options.allow_hosts = arguments.allow_hosts;
  subsystem.options.serial = arguments.serial;
  if (Outcome<void> added = add_namespaces(arguments, subsystem); !added) return std::unexpected(added.error());
  config.subsystems.push_back(std::move(subsystem));
  return config;
}

Outcome<ServeConfig> config_of_file(const Arguments& arguments) {
  const bool of_subsystem = !arguments.nqn.empty() || !arguments.namespaces.empty() || !arguments.allow_hosts.empty() ||
                            arguments.allow_any_host || !arguments.uuids.empty() || !arguments.serial.empty();
  if (of_subsystem) {
    return usage(
        "--nqn, --serial, --namespace, --uuid, --allow-host and --allow-any-host do not go with --config: subsystems "
        "are "
        "in the file");
  }
  Result<ServeConfig> config = read_serve_config(arguments.config);
  if (!config) return usage(config.error());
  if (!arguments.listen.empty() || !arguments.discovery.empty()) config->listeners = listeners_of(arguments);
  return std::move(*config);
}

Outcome<ServeConfig> make_config(const Arguments& arguments) {
  Outcome<ServeConfig> config = arguments.config.empty() ? config_of_options(arguments) : config_of_file(arguments);
  if (!config) return config;
  if (arguments.threads != 0) config->target.threads = arguments.threads;
  if (!arguments.wait.empty()) {
    const Result<WaitPolicy> wait = parse_wait(arguments.wait);
    if (!wait) return usage(wait.error(), "--wait");
    config->target.wait = *wait;
  }
  if (!arguments.cntlids.empty()) {
    const Result<CntlidRange> cntlids = parse_cntlid_range(arguments.cntlids);
    if (!cntlids) return usage(cntlids.error(), "--cntlid");
    config->target.cntlids = *cntlids;
    for (SubsystemConfig& subsystem : config->subsystems) subsystem.options.cntlids.reset();
  }
  return config;
}

// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+=@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

// Commands for somebody who has just started this without knowing what to do next.
void print_what_to_try(const Program& program, const Served& served, const std::string& nqn) {
  std::string dirs;
  for (const std::string& dir : program.plugin_dirs) dirs += fmt::format(" --plugin-dir {}", shell_word(dir));
  const std::string weft = shell_word(program.name) + dirs;
  const std::string where = served.listeners.front().bound.to_string();
  Address disk = served.listeners.front().bound;
  disk.subnqn = nqn;
  notice_lines(format_shown(
      "A ram namespace of 64 MiB is served; its data is gone when this ends (Ctrl-C). In another terminal, try:\n"
      "  {0} discover {1}\n"
      "  {0} identify {2}\n"
      "  {0} list {2}\n"
      "  {0} write {2} --input /etc/os-release\n"
      "  {0} read {2} --blocks 1 --output -\n"
      "  {0} perf {2} --rw randread --bs 4k --depth 32 --seconds 3",
      weft, shell_word(where), shell_word(disk.to_string())));
}

Outcome<void> print_listeners(Program& program, const Served& served) {
  for (const Served::Listener& listener : served.listeners) {
    if (program.json) {
      const Json line{
          {"event", "listening"}, {"address", listener.bound.to_string()}, {"discovery_only", listener.discovery_only}};
      program.output += json_line(line);
    } else {
      put(program, "listening {}\n", listener.bound.to_string());
    }
  }
  if (Status told = flush_output(program); !told) return failed(told.error());  // nobody would learn the port
  return {};
}

[[noreturn]] void give_up(void*) {
  notice("weft: still not ended 9.5 s after the signal, because a thread or a backend does not answer: exits as it is");
  std::_Exit(static_cast<int>(Exit::kFailed));
}

// A thread that hears of signals while the target serves, and while it ends; it depends on no other thread.
class SignalThread {
 public:
  [[nodiscard]] Status start() {
    ReactorOptions options;
    options.wait = WaitPolicy::kSleep;
    Result<std::unique_ptr<ReactorThread>> thread = ReactorThread::start(options, "weft-signals");
    if (!thread) return thread.error();
    thread_ = std::move(*thread);
    Status attached;
    thread_->call([&] {
      limit_ = std::make_unique<Timer>(thread_->reactor(), &give_up, nullptr);
      attached = signals_.attach(thread_->reactor(), [this](int count) { on_signal(count); });
    });
    return attached;
  }
  ~SignalThread() {
    if (!thread_) return;
    thread_->call([this] {
      signals_.detach();
      limit_.reset();
    });
  }
  // When the first signal came.
  Nanoseconds wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return signalled_ != 0; });
    return signalled_;
  }

 private:
  void on_signal(int count) {
    if (count > 1) std::_Exit(static_cast<int>(Exit::kFailed));
    const std::lock_guard lock(mutex_);
    signalled_ = monotonic_now();
    limit_->set(signalled_ + kTimeToEnd);
    changed_.notify_one();
  }

  SignalWatch signals_;
  std::unique_ptr<ReactorThread> thread_;
  std::unique_ptr<Timer> limit_;  // the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  Nanoseconds signalled_ = 0;
};

Outcome<void> serve(Program& program, const Arguments& arguments) {
  const Outcome<ServeConfig> config = make_config(arguments);
  if (!config) return std::unexpected(config.error());
  if (Outcome<void> good = check_serve_config(program, *config); !good) return good;
  SignalThread signals;
  if (Status started = signals.start(); !started) return failed(started.error());
  const Outcome<Served> served = start_serving(program, *config);
  if (!served) return std::unexpected(served.error());
  if (Outcome<void> told = print_listeners(program, *served); !told) return told;
  const bool first_time = arguments.config.empty() && arguments.namespaces.empty();
  if (first_time && !program.json) print_what_to_try(program, *served, config->subsystems.front().options.nqn);
  const Nanoseconds signalled = signals.wait();
  served->target->stop(signalled + kTimeToDrain);
  return {};
}

CLI::Option* repeated(CLI::App* command, const char* name, std::vector<std::string>& into, const char* help) {
  return command->add_option(name, into, help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_serve(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(
      app, program, "serve", "Serve namespaces; without options a 64 MiB ram namespace on tcp://127.0.0.1:4420",
      "  weft serve\n"
      "  weft serve --listen tcp://0.0.0.0:4420 --nqn nqn.2026-01.org.example:disk \\\n"
      "             --namespace 'file:///srv/disk.img?size=10G' --allow-host nqn.2026-01.org.example:client\n"
      "  weft serve --config weft.toml");
  auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  repeated(command, "--listen", a.listen, "Address to listen on; port 0 takes a free one; may be repeated")
      ->type_name("URL");
  repeated(command, "--discovery", a.discovery, "Address that only offers discovery (port 8009); may be repeated")
      ->type_name("URL");
  command->add_option("--nqn", a.nqn, fmt::format("The subsystem's name ({})", kDefaultNqn))->type_name("NQN");
  repeated(command, "--namespace", a.namespaces,
           "Storage of a namespace: ram://?size=1G, file:///path[?size=10G], null://?size=1T; may be repeated")
      ->type_name("BACKEND");
  repeated(command, "--uuid", a.uuids,
           "UUID of a namespace, the first one of the first --namespace: for one disk behind several targets")
      ->type_name("UUID");
  command->add_option("--serial", a.serial, "The subsystem's serial number (derived)")->type_name("TEXT");
  CLI::Option* const hosts =
      repeated(command, "--allow-host", a.allow_hosts, "A host that may connect; may be repeated")->type_name("NQN");
  command
      ->add_flag("--allow-any-host", a.allow_any_host, "Any host may connect (without a rule: only through loopback)")
      ->excludes(hosts);
  add_number(*command, "--threads", a.threads, 1, 256, "Threads that serve I/O (1)");
  command->add_option("--wait", a.wait, "How to wait: adaptive, poll or sleep")->type_name("POLICY");
  command->add_option("--cntlid", a.cntlids, "Controller identifiers to hand out, as in 1-999 (1-65519)")
      ->type_name("FIRST-LAST");
  command->add_option("--config", a.config, "Several subsystems, listeners and rules from a TOML file")
      ->type_name("FILE");
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return serve(program, *arguments); }; });
}

}  // namespace weft::tools
