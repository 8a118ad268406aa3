// weft perf URL: how fast, with how much processor time, and, with --verify, whether the data is right.
#include <algorithm>
#include <random>

#include "connection.hpp"
#include "options.hpp"
#include "output.hpp"
#include "perf_host.hpp"
#include "perf_run.hpp"
#include "progress.hpp"

namespace weft::tools {
namespace {

struct Arguments {
  AddressArguments address;
  std::uint32_t nsid = 1;
  std::string mode = "randread";
  std::string block_size = "4k";
  std::uint32_t depth = 32;
  std::uint32_t queues = 0;  // 0: what the address says
  std::string seconds;       // "": 8, or no end where --ios gives one
  std::uint64_t ios = 0;
  std::uint32_t associations = 1;
  std::uint32_t idle = 0;
  std::uint64_t rate = 0;
  std::uint32_t mix = 50;
  std::string span;
  std::string wait;
  std::uint64_t seed = 0;
  bool seed_given = false;
  bool verify = false;
};

struct Measured {
  const PerfResult& result;
  double cpu_seconds = 0;
  bool interrupted = false;
};

// What the arguments say on their own, before anyone is connected to.
Outcome<PerfPlan> make_plan(const Arguments& arguments) {
  PerfPlan plan;
  plan.random = arguments.mode.starts_with("rand");
  plan.read_percent = arguments.mode.ends_with("read") ? 100 : arguments.mode.ends_with("write") ? 0 : arguments.mix;
  const Result<std::uint64_t> block = parse_size(arguments.block_size);
  if (!block) return usage(block.error(), "--bs");
  if (*block == 0 || *block > (64u << 20))
    return usage(fmt::format("--bs {} is not between 1 and 64M", arguments.block_size));
  plan.block_bytes = static_cast<std::uint32_t>(*block);
  const std::string seconds = !arguments.seconds.empty() ? arguments.seconds : arguments.ios > 0 ? "0" : "8";
  const Result<std::chrono::nanoseconds> duration = parse_duration(seconds);
  if (!duration) return usage(duration.error(), "--seconds");
  plan.duration = static_cast<Nanoseconds>(duration->count());
  if (plan.duration == 0 && arguments.ios == 0) return usage("--seconds 0 needs --ios, or there is no end to it");
  plan.depth = arguments.depth;
  plan.ios = arguments.ios;
  plan.idle = arguments.idle;
  plan.rate = arguments.rate;
  plan.verify = arguments.verify;
  std::random_device device;
  plan.seed = arguments.seed_given ? arguments.seed : (std::uint64_t{device()} << 16) ^ device();
  if (!arguments.span.empty()) {
    const Result<std::uint64_t> span = parse_size(arguments.span);
    if (!span) return usage(span.error(), "--span");
    plan.span = *span;
  }
  return plan;
}

Outcome<void> take_over(const Arguments& arguments, Remote& remote) {
  if (arguments.queues != 0) remote.options.queues = arguments.queues;
  if (!arguments.wait.empty()) {
    const Result<WaitPolicy> wait = parse_wait(arguments.wait);
    if (!wait) return usage(wait.error(), "--wait");
    remote.options.wait = *wait;
  }
  if (!remote.qsize_given && remote.options.qsize <= arguments.depth) remote.options.qsize = arguments.depth + 1;
  return {};
}

// How many I/Os fit into an I/O queue: one entry stays free.
std::uint32_t queue_room(const Host& host) {
  std::uint32_t entries =
      std::min<std::uint32_t>(host.options().qsize, static_cast<std::uint32_t>(host.capabilities() & 0xffff) + 1);
  if (const std::uint32_t most = host.identity().maxcmd; most != 0) entries = std::min(entries, most);
  return std::max(entries, 2u) - 1;
}

// What only connected hosts can tell.
Outcome<void> fit_queues(PerfPlan& plan, const std::vector<std::unique_ptr<Host>>& hosts) {
  const auto fewer_queues = [](const auto& a, const auto& b) { return a->io_queues() < b->io_queues(); };
  plan.queues = (*std::ranges::min_element(hosts, fewer_queues))->io_queues();
  plan.depth = std::min(plan.depth, queue_room(*hosts.front()));
  if (plan.queues == 0) return failed(Error(ENOTSUP, "the controller has no I/O queues"));
  const std::uint64_t all = hosts.size() * plan.queues;
  if (plan.idle > all) return usage(fmt::format("--idle {} is more than the {} queues that there are", plan.idle, all));
  if (plan.idle == all && (plan.verify || plan.duration == 0)) {
    return usage(fmt::format("--idle {} leaves no queue for I/O: it goes with --seconds, not with --ios or --verify",
                             plan.idle));
  }
  return {};
}

// What only the namespace can tell.
Outcome<void> fit_plan(PerfPlan& plan, const Namespace& where) {
  if (plan.block_bytes % where.block_size != 0) {
    return usage(fmt::format("--bs {} is not a multiple of namespace {}'s blocks of {} bytes", plan.block_bytes,
                             where.nsid, where.block_size));
  }
  if (plan.span > where.bytes()) {
    return usage(fmt::format("--span {} is more than namespace {} has: {}", plan.span, where.nsid, where.bytes()));
  }
  if (plan.span == 0) plan.span = where.bytes();
  plan.span -= plan.span % plan.block_bytes;
  if (plan.span == 0) return usage(fmt::format("an I/O of {} bytes is more than there is room for", plan.block_bytes));
  if (where.read_only && (plan.read_percent < 100 || plan.verify)) {
    return failed(Error(EROFS, fmt::format("namespace {} can only be read", where.nsid)));
  }
  return {};
}

Json to_json(const Arguments& arguments, const Remote& remote, const PerfPlan& plan, const Measured& measured) {
  const PerfResult& result = measured.result;
  const double per_second = result.seconds() > 0 ? static_cast<double>(result.ios) / result.seconds() : 0;
  const auto us = [](double ns) { return ns / 1000; };
  const auto quantile = [&](double part) { return us(static_cast<double>(result.latency.quantile(part))); };
  Json json{{"address", remote.address.to_string()},
            {"nsid", arguments.nsid},
            {"rw", arguments.mode},
            {"bs", plan.block_bytes},
            {"depth", plan.depth},
            {"queues", plan.queues},
            {"associations", arguments.associations},
            {"idle", plan.idle},
            {"rate", plan.rate},
            {"seed", plan.seed},
            {"seconds", result.seconds()},
            {"started_ns", result.started},
            {"ended_ns", result.ended},
            {"ios", result.ios},
            {"iops", per_second},
            {"mib_s", per_second * plan.block_bytes / (1 << 20)},
            {"errors", result.errors}};
  json["lat_us"] = {{"mean", us(result.latency.mean())},
                    {"p50", quantile(0.5)},
                    {"p99", quantile(0.99)},
                    {"p999", quantile(0.999)},
                    {"max", us(static_cast<double>(result.latency.max()))}};
  json["cpu_seconds"] = measured.cpu_seconds;
  json["interrupted"] = measured.interrupted;
  if (plan.verify) json["verified"] = result.verified;
  if (plan.verify) json["mismatches"] = result.mismatches;
  if (!result.first_error.empty()) json["first_error"] = result.first_error;
  if (!result.why_copied.empty()) json["copied"] = result.why_copied;
  return json;
}

void print_text(Program& program, const Json& json) {
  const auto number = [](const Json& value) { return value.get<double>(); };
  const Json& lat = json["lat_us"];
  put(program, "{} of {}, depth {} on {} queue{}, {:.1f} s, seed {}\n", json["rw"].get<std::string>(),
      human_size(json["bs"].get<std::uint64_t>()), json["depth"].dump(), json["queues"].dump(),
      json["queues"] == 1 ? "" : "s", number(json["seconds"]), json["seed"].dump());
  if (json["associations"] != 1 || json["idle"] != 0) {
    put(program, "  connected   {} times, {} queues idle\n", json["associations"].dump(), json["idle"].dump());
  }
  put(program, "  IOPS        {:.0f}\n", number(json["iops"]));
  put(program, "  throughput  {:.1f} MiB/s\n", number(json["mib_s"]));
  put(program, "  latency us  mean {:.1f}  p50 {:.1f}  p99 {:.1f}  p99.9 {:.1f}  max {:.1f}\n", number(lat["mean"]),
      number(lat["p50"]), number(lat["p99"]), number(lat["p999"]), number(lat["max"]));
  const double seconds = number(json["seconds"]);
  put(program, "  CPU         {:.2f} s, {:.0f} % of a core\n", number(json["cpu_seconds"]),
      seconds > 0 ? 100 * number(json["cpu_seconds"]) / seconds : 0.0);
  if (json.contains("verified")) {
    put(program, "  verified    {} reads, {} wrong\n", json["verified"].dump(), json["mismatches"].dump());
  }
  put(program, "  errors      {}\n", json["errors"].dump());
  if (json.contains("copied")) put(program, "  data        copied: {}\n", json["copied"].get<std::string>());
}

// Ticks while a run goes on, when somebody looks.
class Ticker {
 public:
  Ticker(const Program& program, PerfHost& host, const PerfRun& run, const PerfPlan& plan, const char* label)
      : progress_(program, label, 0),
        reactor_(host.reactor()),
        run_(run),
        plan_(plan),
        timer_(reactor_, [](void* ctx) { static_cast<Ticker*>(ctx)->tick(); }, this) {
    if (progress_.visible()) timer_.set(reactor_.clock_now() + kEvery);
  }

 private:
  static constexpr Nanoseconds kEvery = 250'000'000;

  void tick() {
    const PerfResult& result = run_.result();
    const Nanoseconds now = monotonic_now();
    const double time =
        plan_.duration == 0 ? 0 : static_cast<double>(now - result.started) / static_cast<double>(plan_.duration);
    const double count = plan_.ios == 0 ? 0 : static_cast<double>(result.ios) / static_cast<double>(plan_.ios);
    const double rate = static_cast<double>(result.ios - before_) * 1e9 / static_cast<double>(kEvery);
    before_ = result.ios;
    progress_.show(std::max(time, count), fmt::format("{:.0f} IOPS", rate));
    timer_.set(reactor_.clock_now() + kEvery);
  }

  Progress progress_;
  Reactor& reactor_;
  const PerfRun& run_;
  const PerfPlan& plan_;
  std::uint64_t before_ = 0;
  Timer timer_;
};

Outcome<void> run_to_end(const Program& program, PerfHost& host, PerfRun& run, const PerfPlan& plan,
                         const char* label) {
  if (Status started = run.start(); !started) return failed(started.error());
  Ticker ticker(program, host, run, plan, label);
  host.run([&run] { return run.finished(); }, [&run] { run.stop(); });
  return {};
}

Outcome<void> judge(PerfHost& host, const PerfResult& result) {
  if (result.errors != 0) host.ask_loss();
  if (host.lost().code != 0) return failed(host.lost(), "the controller was lost");
  if (result.errors == 0) return {};
  return failed(Error(EIO, fmt::format("{} of {} I/Os failed; the first: {}", result.errors, result.ios + result.errors,
                                       result.first_error)));
}

// Gives every block of the span the data that reads are compared with.
Outcome<void> fill(const Program& program, PerfHost& host, const Namespace& where, PerfPlan plan) {
  plan.random = false;
  plan.read_percent = 0;
  plan.duration = 0;
  plan.rate = 0;
  plan.ios = plan.span / plan.block_bytes;
  PerfRun run(host.reactor(), host.hosts(), where, plan);
  PerfPlan shown = plan;
  if (Outcome<void> done = run_to_end(program, host, run, shown, "filling"); !done) return done;
  if (host.interrupted()) return failed(Error(EINTR, "interrupted while the namespace was being filled"));
  return judge(host, run.result());
}

Outcome<void> perf(Program& program, const Arguments& arguments) {
  Outcome<PerfPlan> plan = make_plan(arguments);
  if (!plan) return std::unexpected(plan.error());
  Outcome<Remote> remote = read_address(program, arguments.address, Need::kIo);
  if (!remote) return std::unexpected(remote.error());
  if (Outcome<void> good = take_over(arguments, *remote); !good) return good;
  const Outcome<std::unique_ptr<PerfHost>> host = PerfHost::connect(program, *remote, arguments.associations);
  if (!host) return std::unexpected(host.error());
  const Outcome<Namespace> where = (*host)->find_namespace(arguments.nsid);
  if (!where) return std::unexpected(where.error());
  if (Outcome<void> good = fit_plan(*plan, *where); !good) return good;
  if (Outcome<void> good = fit_queues(*plan, (*host)->hosts()); !good) return good;
  if (plan->queues < remote->options.queues) {
    say("weft: the controller granted {} of {} I/O queues\n", plan->queues, remote->options.queues);
  }
  if (plan->depth < arguments.depth) {
    say("weft: the queues have room for {} of {} I/Os each\n", plan->depth, arguments.depth);
  }
  if (plan->verify && plan->read_percent > 0) {
    if (Outcome<void> filled = fill(program, **host, *where, *plan); !filled) return filled;
  }

  PerfRun run((*host)->reactor(), (*host)->hosts(), *where, *plan);
  if (Outcome<void> done = run_to_end(program, **host, run, *plan, arguments.mode.c_str()); !done) return done;
  const Measured measured{run.result(), cpu_seconds() - run.result().cpu_started, (*host)->interrupted()};
  const Json json = to_json(arguments, *remote, *plan, measured);
  const Outcome<void> judged = judge(**host, run.result());
  if (program.json) {
    print_json(program, json);
    program.json = false;  // one document: a failure is in it already
  } else {
    print_text(program, json);
  }
  return judged;
}

}  // namespace

void add_perf(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(
      app, program, "perf", "Measure I/O against a namespace; writing modes and --verify overwrite it",
      "  weft perf tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --rw randread --bs 4k --depth 32 --seconds 8\n"
      "  weft perf tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --rw randwrite --verify --seed 7 --ios 100000");
  auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  a.address.declare(*command);
  add_nsid(*command, a.nsid);
  command->add_option("--rw", a.mode, "randread, randwrite, read, write or randrw (randread)")
      ->type_name("MODE")
      ->check(CLI::IsMember({"randread", "randwrite", "read", "write", "randrw"}));
  command->add_option("--bs", a.block_size, "Size of an I/O (4k)")->type_name("SIZE");
  add_number(*command, "--depth", a.depth, 1, 65535, "I/Os under way on each queue (32)");
  add_number(*command, "--queues", a.queues, 1, 1024, "I/O queues (what the address says, else 1)");
  add_number(*command, "--associations", a.associations, 1, 1024, "Hosts that connect, each with so many queues (1)");
  add_number(*command, "--idle", a.idle, 0, 1u << 20, "So many of all queues carry no I/O (0)");
  add_number(*command, "--rate", a.rate, 1, 1'000'000'000, "I/Os started a second, in all (as many as can be)");
  command->add_option("--seconds", a.seconds, "How long (8, or until --ios are done)")->type_name("TIME");
  add_number(*command, "--ios", a.ios, 1, kAnyNumber, "End after so many I/Os");
  add_number(*command, "--mix", a.mix, 0, 100, "Percentage of reads in randrw (50)")->type_name("PERCENT");
  command->add_option("--span", a.span, "Only the first so many bytes of the namespace (all)")->type_name("SIZE");
  command->add_option("--wait", a.wait, "How to wait: adaptive, poll or sleep")->type_name("POLICY");
  add_number(*command, "--seed", a.seed, 0, kAnyNumber, "Of the random places and data (random; printed)");
  command->add_flag(
      "--verify", a.verify,
      "Read back each write and compare; before a mode with reads, fill the span with data to compare with");
  command->callback([&program, arguments, command] {
    arguments->seed_given = command->get_option("--seed")->count() > 0;
    program.run = [&program, arguments] { return perf(program, *arguments); };
  });
}

}  // namespace weft::tools
