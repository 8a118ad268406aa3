// world.hpp - both roles of the TCP transport in one process, through the C table, without the core.
//
// A World has a fake clock, a resolver that the test scripts, a domain, and a group for each role. HostQueue and
// ControllerQueue are queue pairs that write down every event; the controller's default is a small memory that write
// commands fill and read commands give back. A Wire joins two queue pairs by socket pairs whose bytes the test moves:
// one at a time, with a bit flipped, or not any more.
// Everything is on the test's thread.
#ifndef WEFT_TESTS_MODEL_TCP_WORLD_HPP
#define WEFT_TESTS_MODEL_TCP_WORLD_HPP

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/call_arguments.hpp"
#include "support/event_records.hpp"
#include "weft/endian.hpp"
#include "weft/transport_abi.h"

extern "C" const weft_transport* weft_transport_v1();

namespace weft::test {

using Bytes = std::vector<std::byte>;
using Options = Where::Options;

Bytes pattern(std::size_t length, std::uint32_t seed);

using Sqe = std::array<std::byte, 64>;

constexpr std::uint8_t kWrite = 0x01, kRead = 0x02, kFlush = 0x00, kFabrics = 0x7f;
Sqe make_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint32_t where = 0);
Cqe make_cqe(std::uint16_t cid, std::uint16_t status = 0, std::uint32_t dw0 = 0);
std::uint16_t cid_of(const void* sqe);

class World {
 public:
  explicit World(const Options& domain_options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Polls both groups until `done`, and fails the test when that does not happen within seconds of real time.
  void run_until(const std::function<bool()>& done, const char* what = "the event");
  void turn();                  // one poll of each group
  void settle(int turns = 20);  // so many turns, waiting a little in the kernel where nothing is known
  void advance(std::uint64_t ns) { now += ns; }

  const weft_transport& table;
  std::uint64_t now = 1'000'000'000;
  std::vector<std::string> logged;
  weft_domain* domain = nullptr;
  weft_group* host_group = nullptr;
  weft_group* controller_group = nullptr;
  std::vector<std::function<void()>> between_turns;  // what a Wire does

  // The resolver: answers from the next turn on, with these (empty: ENOENT); `hold` keeps it silent.
  std::map<std::string, Bytes> names;
  bool hold_names = false;
  std::uint32_t cancelled_names = 0;

 private:
  struct Asked {
    void* user;
    void (*done)(void*, std::int32_t, const void*, std::uint32_t);
    std::string host;
  };
  static std::uint64_t now_ns(void* ctx) { return static_cast<World*>(ctx)->now; }
  static void log(void* ctx, std::uint32_t, const char* text) { static_cast<World*>(ctx)->logged.emplace_back(text); }
  static int resolve(void* ctx, weft_group*, const char* host, const char* service, void* user,
                     void (*done)(void*, std::int32_t, const void*, std::uint32_t));
  static void resolve_cancel(void* ctx, weft_group*, void* user);
  void answer_names();
  std::deque<Asked> asked_;
  weft_services services_{};
};

// A queue pair in the host's role.
class HostQueue : public HostRecord {
 public:
  HostQueue(World& world, const Where& where, const weft_qpair_params& params);
  ~HostQueue();
  int send(const Sqe& sqe, const Bytes* out = nullptr, Bytes* in = nullptr, std::size_t pieces = 1);

  World& world;
  weft_qpair* handle = nullptr;
  int rc = 0;
  weft_error error{};
};

// A queue pair in the controller's role: a memory of kMemory bytes; CDW10 is the place.
class ControllerQueue : public ControllerRecord {
 public:
  static constexpr std::size_t kMemory = 4u << 20;
  ControllerQueue(World& world, weft_pending* pending, const weft_qpair_params& params);
  ~ControllerQueue() override;
  struct Command {
    Sqe sqe{};
    weft_command told{};
    Bytes data;  // copied out of the capsule, or received
    int times = 0;
  };
  void keep(const weft_command& told) override;
  void serve(std::uint64_t token) override;
  void told_data(std::uint64_t cookie, const Data& told) override;
  int respond(std::uint64_t token, std::uint16_t status = 0);
  int release(std::uint64_t token);
  int receive(std::uint64_t token, std::uint64_t offset, void* base, std::uint64_t len, std::uint64_t cookie);
  int send(std::uint64_t token, std::uint64_t offset, const void* base, std::uint64_t len, std::uint64_t cookie,
           const Cqe* final_cqe = nullptr, std::uint32_t flags = 0);

  World& world;
  weft_qpair* handle = nullptr;
  int rc = 0;
  std::map<std::uint64_t, Command> commands;  // by token; the last that had it
  std::map<std::uint64_t, Data> data;         // by cookie
  Bytes memory;
  bool allow_implied = true;
  std::size_t piece = 0;  // receive and send in calls of at most so many bytes; 0: one call
  std::function<void(std::uint64_t cookie)> on_data;

 private:
  void go_on(std::uint64_t cookie, const Data& told);
  void next_piece(std::uint64_t token);
  struct Transfer {
    Bytes buffer;
    std::uint64_t done = 0, asked = 0;
    bool out = false;
  };
  std::map<std::uint64_t, Transfer> transfers_;
};

// A listener whose peers become ControllerQueues.
class Server : public ListenerRecord {
 public:
  Server(World& world, const Where& where, const weft_qpair_params& params);
  ~Server() override;
  void accept(weft_pending* pending) override;
  [[nodiscard]] weft_listener_info info() const;
  [[nodiscard]] std::string port() const;
  World& world;
  weft_listener* handle = nullptr;
  int rc = 0;
  weft_error error{};
  weft_qpair_params params;
  std::vector<std::unique_ptr<ControllerQueue>> queues;
};

// Two socket pairs with the test in the middle. Give host_fd and controller_fd to the two sides.
class Wire {
 public:
  explicit Wire(World& world);
  ~Wire();
  struct Way {
    int from = -1, to = -1;
    std::uint64_t moved = 0;
    std::uint64_t cut_after = UINT64_MAX;         // bytes; then both ends see the connection close
    std::map<std::uint64_t, std::uint8_t> flips;  // position -> bits to invert
    Bytes seen;
  };
  void move();
  void cut();
  [[nodiscard]] bool is_cut() const { return cut_; }
  int host_fd = -1, controller_fd = -1;
  std::size_t chunk = 65536;  // bytes moved at a time
  Way to_controller, to_host;

 private:
  void move(Way& way);
  bool cut_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Host and controller joined by a Wire, handshake done unless told otherwise.
struct Joined {
  explicit Joined(World& world, const Options& host_options = {}, const Options& controller_options = {},
                  const weft_qpair_params& host_params = test::params(16, true),
                  const weft_qpair_params& controller_params = test::params(16, true), bool wait = true);
  ControllerQueue& controller() { return *server.queues.at(0); }
  Wire wire;
  Server server;
  HostQueue host;
};

// A peer that the test plays by hand, on the other end of a socket pair.
class RawPeer {
 public:
  explicit RawPeer(World& world);
  ~RawPeer();
  void send(const Bytes& bytes);
  // What has come so far; runs the world until there are `count` bytes.
  Bytes expect(std::size_t count);
  Bytes received();             // what has come by now and was not given yet
  [[nodiscard]] bool at_end();  // runs the world until the other side has closed
  void close();
  World& world;
  int other_fd = -1;  // for the queue pair under test

 private:
  int fd_ = -1;
  Bytes pending_;
};

Bytes ic_req(std::uint8_t digests = 0, std::uint8_t hpda = 0, std::uint32_t maxr2t = 0);
Bytes ic_resp(std::uint8_t digests = 0, std::uint8_t cpda = 0, std::uint32_t maxh2cdata = 131072);

}  // namespace weft::test

#endif
