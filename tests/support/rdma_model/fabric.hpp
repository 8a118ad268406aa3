// fabric.hpp - the model of an RDMA network: machines, each with devices (device.hpp) and a connection manager
// (cm.hpp), all in memory. It is the real thing for what is above plugins/rdma/verbs.hpp.
//
//   Fabric fabric(seed);
//   Machine& host = fabric.add_machine("host");      host.add_device({}, {"192.0.2.1"});
//   auto library = host.make_library();              // a verbs::Library
//   fabric.run_until([&] { ... poll what is tested ...; return done; });
//
// Nothing happens by itself: step() lets one thing happen, chosen by the seed among all that hardware could do next (the
// next request of some queue pair leaves, the oldest one is answered, an event arrives, a request is flushed). What only
// time brings (retries that are exhausted, an answer that never comes, the end of the time-wait state) happens in
// pass_time(). The same seed and the same calls give the same run.
//
// Ownership: machines and devices live as long as the fabric, which outlives every object made of them.
// Threads: any, by one lock over everything.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_FABRIC_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_FABRIC_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace weft::rdma::model {

class CmId;
class Machine;
class QueuePair;

// What can make something happen.
class Actor {
 public:
  virtual ~Actor() = default;
  [[nodiscard]] virtual std::size_t choices() const = 0;  // things that may happen next
  virtual void take(std::size_t choice) = 0;
  [[nodiscard]] virtual bool waits_for_time() const = 0;  // something that only time brings
  virtual void time_out() = 0;
};

// Told of what crosses the network, at the moment of its effect.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void sent(const QueuePair& from, const std::vector<std::byte>& message) = 0;
  virtual void touched(const QueuePair& by, bool write, std::uint32_t rkey, std::uint64_t address,
                       std::uint64_t length) = 0;
};

class Fabric {
 public:
  explicit Fabric(std::uint64_t seed = 1);
  ~Fabric();
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  Machine& add_machine(std::string name);

  bool step();                          // false: nothing can happen
  std::size_t settle();                 // everything that can happen; how many steps that were
  std::size_t steps(std::size_t most);  // up to so many
  // Up to `rounds` times: `done()` (which polls what is tested), then a few steps. Whether it became true.
  bool run_until(const std::function<bool()>& done, std::size_t rounds = 20000);
  bool pass_time();  // what waits for time has waited long enough; false: nothing did

  bool shuffled = true;           // false: things happen in turn, each as soon as it can
  bool cut = false;               // nothing crosses the network
  bool pads_private_data = true;  // InfiniBand gives fields of a fixed length; iWARP what was sent
  Observer* observer = nullptr;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  std::uint64_t random(std::uint64_t below);  // the seed's next number

  // For the model.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }
  void add(Actor& actor) { actors_.push_back(&actor); }
  void remove(Actor& actor) { std::erase(actors_, &actor); }
  std::uint32_t next_number() { return ++number_; }  // of a queue pair, an id, a key: unique on the fabric
  std::map<std::uint32_t, QueuePair*> queue_pairs;   // by number
  std::map<std::uint32_t, CmId*> ids;
  [[nodiscard]] const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }
  [[nodiscard]] const std::vector<Actor*>& actors() const { return actors_; }

 private:
  const std::uint64_t seed_;
  std::recursive_mutex mutex_;
  std::mt19937_64 engine_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Actor*> actors_;  // in the order in which they came
  std::size_t turn_ = 0;        // of actors_, when not shuffled
  std::uint32_t number_ = 16;
};

}  // namespace weft::rdma::model

#endif
