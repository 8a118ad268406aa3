// queues.hpp - queue pairs of the transport under test, that write down every event and fail the test at one that the
// contract forbids: the host's, and a controller's with a small memory that write commands fill and read commands give.
// Thread: the test's.
#ifndef WEFT_TESTS_MODEL_RDMA_QUEUES_HPP
#define WEFT_TESTS_MODEL_RDMA_QUEUES_HPP

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/call_arguments.hpp"
#include "support/event_records.hpp"
#include "world.hpp"

namespace weft::rdma::model {

using test::Closed;
using test::params;
using test::status_of;

constexpr std::uint8_t kFlush = 0x00, kWrite = 0x01, kRead = 0x02;

Bytes pattern(std::size_t length, std::uint64_t seed);
// As the core gives it: without PSDT and SGL. CDW10 says where in the controller's memory.
Bytes core_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint32_t where = 0);

// At the controller's machine unless said otherwise.
struct Where : test::Where {
  explicit Where(std::string host = kControllerAddress, std::string service = std::to_string(kPort), Options given = {})
      : test::Where(std::move(host), std::move(service), std::move(given)) {}
};

// Memory for data: registered with the domain (it goes straight), or not (it is staged). It is registered twice, and
// pieces that follow each other are of either region in turn, so that no two of them are one stretch.
class Buffer {
 public:
  Buffer(World& world, weft_domain* domain, std::size_t length, bool registered);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] std::vector<weft_iov> iov(std::size_t offset, std::size_t length, std::size_t pieces = 1);
  Bytes bytes;

 private:
  World& world_;
  std::array<weft_region*, 2> regions_{};
};

class HostQueue : public test::HostRecord {
 public:
  // On the World's group of hosts, or on another one.
  HostQueue(World& world, const Where& where, const weft_qpair_params& params, weft_group* group = nullptr);
  ~HostQueue();
  int send(const Bytes& sqe);
  int write(std::uint16_t cid, std::uint32_t where, Buffer& from, std::size_t length, std::size_t pieces = 1);
  int read(std::uint16_t cid, std::uint32_t where, Buffer& to, std::size_t length, std::size_t pieces = 1);
  void close(std::uint32_t flags = 0, std::uint64_t deadline = 0) const;

  World& world;
  weft_qpair* handle = nullptr;
  int rc = 0;
  weft_error error{};

 private:
  int send(const Bytes& sqe, const std::vector<weft_iov>& iov, std::uint32_t flags);
};

class ControllerQueue : public test::ControllerRecord {
 public:
  static constexpr std::size_t kMemory = 4u << 20;
  ControllerQueue(World& world, weft_pending* pending, const weft_qpair_params& params, bool registered,
                  weft_group* group = nullptr);
  ~ControllerQueue() override;
  struct Command {
    Bytes sqe;
    weft_command told{};
    std::uint64_t done = 0;
    bool held = false, writes = false;
  };
  void keep(const weft_command& told) override;
  void serve(std::uint64_t token) override;
  void told_data(std::uint64_t token, const Data& told) override;
  int respond(std::uint64_t token, std::uint16_t status = 0);
  int release(std::uint64_t token);
  int receive(std::uint64_t token, std::uint64_t offset, std::uint64_t length);  // into the memory; cookie: the token
  int send(std::uint64_t token, std::uint64_t offset, std::uint64_t length, bool last);
  void close(std::uint32_t flags = 0, std::uint64_t deadline = 0) const;

  World& world;
  weft_qpair* handle = nullptr;
  int rc = 0;
  weft_error error{};
  std::map<std::uint64_t, Command> commands;  // by token
  std::vector<int> data_errors;
  Buffer memory;
  std::size_t piece = 0;  // receive and send in calls of at most so many bytes; 0: one call
  std::uint64_t served = 0;

 private:
  [[nodiscard]] std::uint64_t place_of(std::uint64_t token) {
    return load<le32>(commands[token].sqe.data() + 40).value();
  }
  void start(std::uint64_t token);
  void next(std::uint64_t token);
  [[nodiscard]] bool is_lent(std::uint64_t token);  // some read still sends from where this write goes
  void refuse(std::uint64_t token, std::uint16_t status);
  void finish(std::uint64_t token);
  std::vector<std::uint64_t> waiting_;  // writes, for memory that is lent
};

// A listener whose peers become ControllerQueues.
class Server : public test::ListenerRecord {
 public:
  Server(World& world, const weft_qpair_params& params, const Where& where = Where());
  ~Server() override;
  void accept(weft_pending* pending) override;
  ControllerQueue& only() { return *queues.at(0); }
  [[nodiscard]] bool all_over() const;  // each queue was closed, or never came to life

  World& world;
  weft_listener* handle = nullptr;
  int rc = 0;
  weft_error error{};
  weft_qpair_params params;
  bool registered = false;  // the memory of the queues
  std::vector<std::unique_ptr<ControllerQueue>> queues;
};

// A host queue and a controller queue that are ready.
struct Linked {
  explicit Linked(World& world, const weft_qpair_params& host_params = params(16, true),
                  const weft_qpair_params& controller_params = params(16, true), bool registered = false);
  ControllerQueue& controller() { return server.only(); }
  Server server;
  HostQueue host;
};

}  // namespace weft::rdma::model

#endif
