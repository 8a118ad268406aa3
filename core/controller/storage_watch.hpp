// storage_watch.hpp - notices that the storage of a namespace has another size than it had.
//
// Storage says only when asked (Backend::measure), so it is asked: every ten seconds while a host is connected that wants to
// know, and when a host comes, before it reads the size, but not more than once a second. Without hosts, or without namespaces that follow their storage, no timer runs.
// Thousands of namespaces are measured in slices, between which other work of the thread is done.
// Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_STORAGE_WATCH_HPP
#define WEFT_CORE_CONTROLLER_STORAGE_WATCH_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "weft/reactor.hpp"

namespace weft::controller {

class Namespace;
class Subsystem;

class StorageWatch {
 public:
  struct Hooks {
    std::function<bool()> has_hosts;
    std::function<void(Subsystem&, Namespace&, std::uint64_t blocks)> changed;
  };
  StorageWatch(Reactor& control, Hooks hooks);

  // A namespace that does not follow its storage is not taken.
  void add(Subsystem& subsystem, Namespace& ns);
  void remove(Subsystem& subsystem, std::uint32_t nsid);
  void host_came();

 private:
  struct Watched {
    Namespace* ns;
    std::uint64_t blocks;  // when it was measured last
  };
  using Key = std::pair<Subsystem*, std::uint32_t>;
  void set_timer();
  void measure_some();

  Reactor& control_;
  const Hooks hooks_;
  Timer timer_;
  std::map<Key, Watched> watched_;
  Key next_{};               // measured next; the least key: a new round
  Nanoseconds due_ = 0;      // the next round, not before
  Nanoseconds soonest_ = 0;  // ... and where a host comes
};

}  // namespace weft::controller

#endif
