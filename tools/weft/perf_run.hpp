// perf_run.hpp - keeps a number of I/Os under way against one namespace, or starts so many a second, and measures them.
//
// All memory is made before the first I/O; an I/O allocates, formats and locks nothing. Belongs to the reactor's thread;
// neither copies nor moves; destroy only when finished(). The hosts, of the same controller or several of one subsystem, and the
// reactor outlive it.
// With verify every write is read back and compared with what its block's number and the seed say; in a reading mode every
// read is compared, so fill() the namespace first (a run of its own, with `mode` kWrite and `ios` set).
#ifndef WEFT_TOOLS_PERF_RUN_HPP
#define WEFT_TOOLS_PERF_RUN_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "pattern.hpp"
#include "weft/host.hpp"
#include "weft/memory.hpp"

namespace weft::tools {

struct PerfPlan {
  bool random = true;
  std::uint32_t read_percent = 100;  // 0: only writes
  std::uint32_t block_bytes = 4096;  // of one I/O
  std::uint32_t depth = 32;          // of each queue
  std::uint16_t queues = 1;          // of each host
  std::uint32_t idle = 0;            // the last so many of all queues carry no I/O
  std::uint64_t rate = 0;            // I/Os started a second, as long as the depth allows; 0: as many as can be
  Nanoseconds duration = 0;          // 0: until `ios` are done
  std::uint64_t ios = 0;             // 0: no bound
  std::uint64_t span = 0;            // bytes of the namespace from its beginning; a multiple of block_bytes
  std::uint64_t seed = 0;
  bool verify = false;
};

struct PerfResult {
  Histogram latency;  // nanoseconds
  std::uint64_t ios = 0, errors = 0, mismatches = 0, verified = 0;
  Nanoseconds started = 0, ended = 0;
  double cpu_started = 0;   // cpu_seconds() then
  std::string first_error;  // "" when there was none
  std::string why_copied;   // why the transport copies the data; "": it does not have to
  [[nodiscard]] double seconds() const { return static_cast<double>(ended - started) / 1e9; }
};

// User and system time of this process so far.
[[nodiscard]] double cpu_seconds();

class PerfRun {
 public:
  PerfRun(Reactor& reactor, const std::vector<std::unique_ptr<Host>>& hosts, const Namespace& where,
          const PerfPlan& plan);
  PerfRun(const PerfRun&) = delete;
  PerfRun& operator=(const PerfRun&) = delete;

  [[nodiscard]] Status start();
  void stop();  // what is under way ends first
  [[nodiscard]] bool finished() const { return active_ == 0 && all_issued(); }
  [[nodiscard]] const PerfResult& result() const { return *result_; }

 private:
  struct Slot {
    PerfRun* run = nullptr;
    Host* host = nullptr;
    Slot* after = nullptr;  // in the list of those that rest until an I/O is due
    IoRequest request;
    weft_iov iov{};
    std::uint64_t random = 0;
    Nanoseconds submitted = 0;
    std::span<std::byte> data;
  };

  static void done(IoRequest& request);
  static void time_is_up(void* ctx) { static_cast<PerfRun*>(ctx)->stop(); }
  static void io_is_due(void* ctx) { static_cast<PerfRun*>(ctx)->pace(); }
  [[nodiscard]] std::size_t busy_queues() const { return hosts_.size() * plan_.queues - plan_.idle; }
  [[nodiscard]] bool all_issued() const { return stopping_ || (plan_.ios != 0 && issued_ == plan_.ios); }
  void prepare(Slot& slot, std::size_t index);
  void next(Slot& slot);
  void rest(Slot& slot);
  void pace();
  void issue(Slot& slot);
  void submit(Slot& slot, IoRequest::Kind kind);
  void finished_one(Slot& slot);
  [[nodiscard]] bool good(Slot& slot);
  [[nodiscard]] std::uint64_t pick_lba(Slot& slot);

  const std::vector<std::unique_ptr<Host>>& hosts_;
  const Namespace where_;
  const PerfPlan plan_;
  const std::uint64_t places_;  // where an I/O can be
  const Pattern pattern_;
  Timer timer_, pacer_;
  Reactor& reactor_;
  Memory memory_;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<PerfResult> result_ = std::make_unique<PerfResult>();
  std::uint64_t sequential_ = 0;  // the next I/O's place, in I/Os
  std::uint64_t issued_ = 0;
  Slot* resting_ = nullptr;  // the longest resting one
  Slot* last_resting_ = nullptr;
  Nanoseconds now_ = 0;       // of the last look at the clock: what ends and what follows it share one
  std::uint32_t active_ = 0;  // slots with an I/O under way
  bool stopping_ = false;
};

}  // namespace weft::tools

#endif
