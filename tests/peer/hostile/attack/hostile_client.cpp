// hostile_client - a client that means harm, for the target on 127.0.0.1 or ::1 only.
//
//   hostile_client hold log-pages --port 4420 --connections 24 --renew --seconds 90
//   hostile_client flood verifies --port 4420 --subnqn nqn.2026-01.org.example:disk --name nqn.2026-01.org.example:mallory
//   hostile_client listed --port 4420 --subnqn nqn.2026-01.org.example:disk --name nqn.2026-01.org.example:listed
//   hostile_client kinds
//
// It says "ready OPENED of CONNECTIONS" once it is in place, and ends by itself after --seconds, or when nobody is there.
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "tests/peer/hostile/attack/attack.hpp"
#include "tests/peer/hostile/attack/listed_host.hpp"

namespace {

using weft::hostile::AttackPlan;

constexpr unsigned kGrace = 5;  // seconds that it may take longer than told

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Who measures on the same processor is served at once, as if it were on a machine of its own.
void give_way() {
  const sched_param none{};
  sched_setscheduler(0, SCHED_IDLE, &none);
}

void add_options(CLI::App& app, AttackPlan& plan) {
  app.add_option("--port", plan.port, "the target's port on this machine's loopback addresses")->required();
  app.add_option("--subnqn", plan.subnqn, "the subsystem; discovery unless given");
  app.add_option("--machine", plan.machines, "addresses to come from, in turn: each counts as a machine");
  app.add_option_function<int>(
         "--machines",
         [&plan](int count) {
           plan.machines.clear();
           for (int i = 0; i < count; ++i) plan.machines.push_back(fmt::format("127.1.{}.{}", i / 250, 1 + i % 250));
         },
         "as many addresses, instead of --machine")
      ->check(CLI::Range(1, 50000));
  app.add_option("--name", plan.names, "HOSTNQNs, in turn; without: each connection invents its own");
  app.add_option("--connections", plan.connections)->check(CLI::Range(1, 20000));
  app.add_option("--queues", plan.queues, "I/O queues of each association")->check(CLI::Range(1, 128));
  app.add_option("--commands", plan.commands, "outstanding on each queue")->check(CLI::Range(1, 1023));
  app.add_option("--rate", plan.rate, "of a flood: commands a second");
  app.add_option("--dribble", plan.dribble_ms, "of a hold: a byte each way so often, in milliseconds");
  app.add_option("--seconds", plan.seconds)->check(CLI::Range(1, 3600));
  app.add_flag("--renew", plan.renew, "connections that are closed are opened anew");
  app.add_flag_callback("--polite", give_way, "runs when nobody else on this machine wants the processor");
}

void serve_listed(const AttackPlan& plan) {
  weft::hostile::ListedHost host;
  if (!host.open(plan.port, plan.subnqn, plan.names.empty() ? "" : plan.names[0])) {
    fmt::print("it does not come in\n");
    return;
  }
  for (unsigned second = 0; second < plan.seconds; ++second) {
    const auto measured = host.run(std::chrono::seconds(1));
    const auto longest = std::chrono::duration_cast<std::chrono::microseconds>(measured.longest).count();
    fmt::print("{} I/Os, the longest {:.1f} ms{}\n", measured.completed, static_cast<double>(longest) / 1000,
               measured.failed ? ", failed" : "");
    std::fflush(stdout);
    if (measured.failed) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A client that means harm, for loopback only.");
  app.require_subcommand(1);
  AttackPlan plan;
  std::string kind_name;
  for (const char* how : {"hold", "flood"}) {
    CLI::App* const sub = app.add_subcommand(how, "with one kind of command");
    sub->add_option("kind", kind_name, "see `kinds`")->required();
    add_options(*sub, plan);
  }
  add_options(*app.add_subcommand("storm", "Connect and leave, as fast as it goes"), plan);
  add_options(*app.add_subcommand("listed", "means well: says each second what it completed"), plan);
  app.add_subcommand("bare", "a socket to compare with");
  app.add_subcommand("kinds", "the kinds of command");
  CLI11_PARSE(app, argc, argv);

  raise_descriptor_limit();
  const std::string how = app.get_subcommands().front()->get_name();
  if (how == "kinds") {
    for (const auto& kind : weft::hostile::kinds()) fmt::print("{}\n", kind.name);
    return 0;
  }
  if (how == "bare") {
    weft::hostile::bare();
    return 1;
  }
  alarm(plan.seconds + kGrace);
  if (how == "storm" || how == "listed") {
    (how == "storm" ? weft::hostile::storm : serve_listed)(plan);
    return 0;
  }
  const weft::hostile::Kind* const kind = weft::hostile::find_kind(kind_name);
  if (kind == nullptr) {
    fmt::print(stderr, "there is no kind '{}'\n", kind_name);
    return 2;
  }
  (how == "hold" ? weft::hostile::hold : weft::hostile::flood)(plan, *kind);
  return 0;
}
