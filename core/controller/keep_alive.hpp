// keep_alive.hpp - the keep alive timer of a controller: expires when a whole period passed without a command.
//
// Traffic counts on every queue (TBKAS): when the timer fires and there were commands since it was started, it starts
// again. So an association ends after at least one and at most two periods of silence.
// Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_KEEP_ALIVE_HPP
#define WEFT_CORE_CONTROLLER_KEEP_ALIVE_HPP

#include <cstdint>

#include "weft/reactor.hpp"

namespace weft::controller {

inline constexpr std::uint32_t kKeepAliveGranularity = 10;  // KAS, in 100 ms

class KeepAlive {
 public:
  class Owner {
   public:
    [[nodiscard]] virtual std::uint64_t traffic() = 0;  // commands so far
    virtual void keep_alive_expired() = 0;

   protected:
    ~Owner() = default;
  };
  // without: the period while the host asks for none; 0: no timer then.
  KeepAlive(Reactor& reactor, Owner& owner, Nanoseconds without);

  void set(std::uint32_t milliseconds);  // rounded up to the granularity; 0: the host asks for none
  void restart();
  void command_came() {  // any admin command: the timer starts again, unless it was stopped
    if (timer_.armed()) restart();
  }
  void stop();
  [[nodiscard]] std::uint32_t kato() const { return kato_; }  // milliseconds, as rounded
  [[nodiscard]] Nanoseconds period() const;

 private:
  void fired();

  Reactor& reactor_;
  Owner& owner_;
  const Nanoseconds without_;
  Timer timer_;
  std::uint32_t kato_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace weft::controller

#endif
