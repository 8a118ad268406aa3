// ceiling - what bare sockets do when they move the bytes of NVMe/TCP and do nothing else: the most that this machine can.
//
//   ceiling --rw read|write --bs 4096 --depth 32 [--connections 1] [--seconds 3] [--array 1073741824]
//           [--send copy|gather] [--receive copy|direct] [--order random|sequential] [--buffer 262144]
//           [--socket-buffer 0] [--congestion cubic]
//   ceiling --distance          how far apart the two processors are, and nothing else
// Two threads, each on its own processor, over 127.0.0.1. Prints one line of JSON. --array 0: the same block always.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

#include <nlohmann/json.hpp>

#include "distance.hpp"
#include "ends.hpp"
#include "pin.hpp"

namespace weft::bench {

namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

void tune(const Plan& plan, int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (plan.socket_buffer != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &plan.socket_buffer, sizeof plan.socket_buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &plan.socket_buffer, sizeof plan.socket_buffer);
  }
  const std::size_t length = std::strlen(plan.congestion);
  if (length != 0 && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, plan.congestion, static_cast<socklen_t>(length)) != 0)
    fail("setsockopt(TCP_CONGESTION)");
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// Both ends of as many connections as wanted.
struct Connections {
  std::vector<int> host, controller;
  explicit Connections(const Plan& plan) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof where;
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 ||
        listen(listener, 128) != 0 || getsockname(listener, reinterpret_cast<sockaddr*>(&where), &length) != 0)
      fail("listen");
    for (std::uint32_t i = 0; i < plan.connections; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fail("connect");
      host.push_back(fd);
      const int taken = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (taken < 0) fail("accept");
      controller.push_back(taken);
    }
    close(listener);
    for (const int fd : host) tune(plan, fd);
    for (const int fd : controller) tune(plan, fd);
  }
  void end_host() const {
    for (const int fd : host) shutdown(fd, SHUT_RDWR);
  }
  ~Connections() {
    for (const int fd : host) close(fd);
    for (const int fd : controller) close(fd);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
};

Measured run(const Plan& plan) {
  const Connections connections(plan);
  const Pages array(plan.places() * plan.block);
  std::thread server([&] {
    pin(0);
    serve(plan, array, connections.controller);
  });
  pin(1);
  Measured measured;
  std::exception_ptr failed;
  try {
    measured = drive(plan, connections.host);
  } catch (...) {
    failed = std::current_exception();
  }
  connections.end_host();
  server.join();
  if (failed) std::rethrow_exception(failed);
  return measured;
}

void print(const Plan& plan, const Measured& m) {
  const auto us = [&](double part) { return static_cast<double>(m.latency.quantile(part)) / 1000; };
  const double iops = static_cast<double>(m.ios) / m.seconds;
  const nlohmann::json json{
      {"rw", plan.write ? "write" : "read"},
      {"bs", plan.block},
      {"depth", plan.depth},
      {"connections", plan.connections},
      {"send", plan.gather_sends ? "gather" : "copy"},
      {"receive", plan.direct_receives ? "direct" : "copy"},
      {"seconds", m.seconds},
      {"ios", m.ios},
      {"iops", iops},
      {"mib_s", iops * static_cast<double>(plan.block) / (1 << 20)},
      {"lat_us", {{"mean", m.latency.mean() / 1000}, {"p50", us(0.5)}, {"p99", us(0.99)}, {"p999", us(0.999)}}}};
  std::puts(json.dump().c_str());
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) try {
  weft::bench::Plan plan;
  std::string rw = "read", send = "copy", receive = "copy", order = "random", congestion;
  CLI::App app("What bare sockets do when they move the bytes of NVMe/TCP.");
  app.add_option("--rw", rw)->check(CLI::IsMember({"read", "write"}));
  app.add_option("--bs", plan.block)->check(CLI::Range(512, 16 << 20));
  app.add_option("--depth", plan.depth, "of all connections together")->check(CLI::Range(1, 65536));
  app.add_option("--connections", plan.connections)->check(CLI::Range(1, 4096));
  app.add_option("--seconds", plan.seconds)->check(CLI::Range(0.1, 60.0));
  app.add_option("--array", plan.array, "bytes; 0: one block");
  app.add_option("--send", send)->check(CLI::IsMember({"copy", "gather"}));
  app.add_option("--receive", receive)->check(CLI::IsMember({"copy", "direct"}));
  app.add_option("--order", order)->check(CLI::IsMember({"random", "sequential"}));
  app.add_option("--buffer", plan.read_buffer)->check(CLI::Range(4096, 16 << 20));
  app.add_option("--socket-buffer", plan.socket_buffer)->check(CLI::Range(0, 64 << 20));
  app.add_option("--congestion", congestion);
  bool distance = false;
  app.add_flag("--distance", distance, "only how long a cache line takes from one processor to the other and back");
  CLI11_PARSE(app, argc, argv);
  if (distance) {
    weft::bench::pin(1);
    std::puts(nlohmann::json{{"distance_ns", weft::bench::distance_ns(0)}}.dump().c_str());
    return 0;
  }
  plan.write = rw == "write";
  plan.gather_sends = send == "gather";
  plan.direct_receives = receive == "direct";
  plan.sequential = order == "sequential";
  plan.congestion = congestion.c_str();
  weft::bench::print(plan, weft::bench::run(plan));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "ceiling: %s\n", error.what());
  return 1;
}
