// perf_host.hpp - a reactor on the calling thread with one host or more connected on it, all to the same subsystem, and signals
// that end what they do early.
//
// One thread, the one that made it. Closes the hosts when it dies.
#ifndef WEFT_TOOLS_PERF_HOST_HPP
#define WEFT_TOOLS_PERF_HOST_HPP

#include <functional>
#include <memory>
#include <vector>

#include "connection.hpp"
#include "signals.hpp"

namespace weft::tools {

class PerfHost {
 public:
  [[nodiscard]] static Outcome<std::unique_ptr<PerfHost>> connect(Program& program, const Remote& remote,
                                                                  std::uint32_t associations);
  ~PerfHost();
  PerfHost(const PerfHost&) = delete;
  PerfHost& operator=(const PerfHost&) = delete;

  [[nodiscard]] Outcome<Namespace> find_namespace(std::uint32_t nsid);
  // Turns until done(). `stop` is called once when a signal comes or an association is lost.
  void run(const std::function<bool()>& done, std::function<void()> stop);

  // Where an I/O failed: whether an association was lost with it, which is known a little later.
  void ask_loss();

  [[nodiscard]] Reactor& reactor() { return *reactor_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }  // one at least
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] const Error& lost() const { return lost_; }  // code 0: it was not

 private:
  PerfHost() = default;
  [[nodiscard]] Outcome<void> open(Program& program, const Remote& remote, std::uint32_t associations);
  [[nodiscard]] Outcome<void> add_host(Program& program, const Remote& remote);
  void on_signal(Program& program, int count);

  SignalWatch signals_;
  std::unique_ptr<Reactor> reactor_;
  std::vector<std::unique_ptr<Host>> hosts_;
  bool connected_ = false;  // all of them
  std::function<void()> stop_;
  Error lost_;
  bool interrupted_ = false;
};

}  // namespace weft::tools

#endif
