// raw_peer.hpp - a host or a controller that a test plays by hand: a connection, a ring of receives and a piece of
// registered memory on a machine of the model, with no idea of what is allowed.
//
//   RawPeer host(machine);                       RawPeer controller(machine);
//   host.connect("192.0.2.2", 4420);             controller.listen("192.0.2.2", 4420);
//   fabric.run_until([&] { host.poll(); controller.poll(); return host.established; });
//   host.send(make_sqe(0, 1));
//
// What it does at each step is in its settings; it does nothing but in poll() and in the calls themselves. Memory: the
// data area is what data() gives, reachable for the peer with rkey(); sends and receives have areas of their own.
// Thread: the test's.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_RAW_PEER_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_RAW_PEER_HPP

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capsules.hpp"
#include "machine.hpp"
#include "plugins/rdma/verbs.hpp"

namespace weft::rdma::model {

class RawPeer {
 public:
  explicit RawPeer(Machine& machine);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // Settings.
  Bytes private_data = RequestData{}.bytes();  // of the request, the accept or the reject
  std::uint8_t reads_in = 16, reads_out = 0;
  std::uint8_t retries = 7, rnr_retries = 7;
  std::uint32_t receives = 64;  // posted before the connection is made
  std::uint32_t receive_bytes = 8192 + 64;
  bool posts_again = true;               // each receive, when it was used
  bool accepts = true, rejects = false;  // neither: a request is never answered
  bool answers_goodbye = true;

  void connect(const std::string& address, std::uint16_t port);
  void listen(const std::string& address, std::uint16_t port);
  void poll();  // takes every event and completion that is there
  void disconnect();
  void leave();                        // everything is gone, as when a process ends
  void drop_pair() { pair_.reset(); }  // and nothing else

  // Data path. `bytes` are copied.
  int send(const Bytes& bytes, std::optional<std::uint32_t> invalidate = std::nullopt);
  int write(const Bytes& bytes, std::uint64_t address, std::uint32_t rkey);
  int read(std::uint32_t length, std::uint64_t address, std::uint32_t rkey);  // into data()
  int bind(std::uint64_t offset, std::uint64_t length,
           unsigned access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
  int invalidate(std::uint32_t key);
  void post_receive();

  static constexpr std::size_t kDataSize = 2u << 20;
  [[nodiscard]] std::span<std::byte> data() { return {memory_.data(), kDataSize}; }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(memory_.data()); }
  [[nodiscard]] std::uint32_t rkey() const { return region_->rkey(); }
  [[nodiscard]] std::uint32_t window_key() const { return window_->handle()->rkey; }

  // What it saw.
  struct Message {
    Bytes bytes;
    std::optional<std::uint32_t> invalidated;
  };
  bool asked = false, established = false, disconnected = false;
  std::optional<int> refused;  // status of REJECTED, UNREACHABLE or an error
  Bytes said;                  // private data of the peer: of its request, accept or reject
  std::uint8_t peer_reads_in = 0, peer_reads_out = 0;
  std::deque<Message> received;
  std::vector<ibv_wc> done;  // completions of the send queue
  std::size_t failed = 0;    // completions with an error, of both queues
  std::vector<rdma_cm_event_type> events;

  [[nodiscard]] verbs::QueuePair& pair() { return *pair_; }
  [[nodiscard]] std::uint64_t last_request() const { return next_send_ - 1; }  // its wr_id
  [[nodiscard]] bool has_pair() const { return pair_ != nullptr; }
  [[nodiscard]] std::uint16_t port() const;

 private:
  void take(verbs::CmEvent& event);
  void answer(verbs::CmEvent& event);
  void take(const ibv_wc& completion);
  void make_pair(verbs::CmId& id);
  int post(ibv_send_wr& request, const Bytes& bytes);

  const std::unique_ptr<verbs::Library> library_;
  verbs::Device* device_ = nullptr;
  Bytes memory_, receive_memory_;
  std::deque<Bytes> send_memory_;  // each registered on its own, so that nothing is used twice
  std::unique_ptr<verbs::CmChannel> channel_;
  std::unique_ptr<verbs::CompletionChannel> completion_channel_;
  std::unique_ptr<verbs::CompletionQueue> completions_;
  std::unique_ptr<verbs::CmId> listener_, id_;
  std::unique_ptr<verbs::Region> region_, receive_region_;
  std::deque<std::unique_ptr<verbs::Region>> send_regions_;
  std::unique_ptr<verbs::QueuePair> pair_;
  std::unique_ptr<verbs::Window> window_;
  std::uint32_t next_receive_ = 0;
  std::uint64_t next_send_ = 1;
};

}  // namespace weft::rdma::model

#endif
