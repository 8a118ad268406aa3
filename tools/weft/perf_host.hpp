// perf_host.hpp - a reactor on the calling thread with a host connected on it, and signals that end what it does early.
//
// One thread, the one that made it. Closes the host when it dies.
#ifndef WEFT_TOOLS_PERF_HOST_HPP
#define WEFT_TOOLS_PERF_HOST_HPP

#include <functional>
#include <memory>

#include "connection.hpp"
#include "signals.hpp"

namespace weft::tools {

class PerfHost {
 public:
  [[nodiscard]] static Outcome<std::unique_ptr<PerfHost>> connect(Program& program, const Remote& remote);
  ~PerfHost();
  PerfHost(const PerfHost&) = delete;
  PerfHost& operator=(const PerfHost&) = delete;

  [[nodiscard]] Outcome<Namespace> find_namespace(std::uint32_t nsid);
  // Turns until done(). `stop` is called once when a signal comes or the association is lost.
  void run(const std::function<bool()>& done, std::function<void()> stop);

  [[nodiscard]] Reactor& reactor() { return *reactor_; }
  [[nodiscard]] Host& host() { return *host_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] const Error& lost() const { return lost_; }  // code 0: it was not

 private:
  PerfHost() = default;
  [[nodiscard]] Outcome<void> open(Program& program, const Remote& remote);
  void on_signal(Program& program, int count);

  SignalWatch signals_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Host> host_;
  std::function<void()> stop_;
  Error lost_;
  bool interrupted_ = false;
};

}  // namespace weft::tools

#endif
