// queue_pair.hpp - a reliable connected queue pair of the model.
//
// The send queue is worked on in order: a request leaves (a SEND, WRITE, BIND_MW or LOCAL_INV has its effect then), and
// later the oldest that left is answered (a READ moves its bytes then, possibly after requests behind it had their
// effect) and completes, in order. A SEND that finds no receive waits or, when its retries are bounded, fails in
// Fabric::pass_time(), and so does what goes to a peer that is not there any more. A slot of either queue is free again
// when a completion that covers it was polled. The bytes of a request are looked at again when it completes: they must
// not have changed.
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_QUEUE_PAIR_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_QUEUE_PAIR_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "completion.hpp"
#include "fabric.hpp"
#include "plugins/rdma/verbs.hpp"
#include "record.hpp"

namespace weft::rdma::model {

class Device;
class Machine;

struct Receive {
  std::uint64_t wr_id = 0;
  std::vector<ibv_sge> pieces;
  std::uint64_t serial = 0;
};

class SharedReceives final : public verbs::SharedReceives {
 public:
  SharedReceives(Device& device, std::uint32_t entries, std::uint32_t sge);
  ~SharedReceives() override;
  int post(ibv_recv_wr& chain) override;
  Receive take();  // of waiting, which is not empty
  std::deque<Receive> waiting;

 private:
  Device& device_;
  Machine& machine_;
  const Birth birth_;
  const std::uint32_t entries_, sge_;
};

// What connection parameters make of a queue pair.
struct Joining {
  std::uint32_t peer = 0;
  std::uint8_t reads_out = 0;    // that the peer answers at a time
  std::uint8_t rnr_retries = 7;  // 7: for ever
};

class QueuePair final : public verbs::QueuePair, public Actor {
 public:
  QueuePair(Device& device, CompletionQueue& completions, SharedReceives* shared, const verbs::QueuePairSizes& sizes);
  ~QueuePair() override;

  int post_sends(ibv_send_wr& chain, ibv_send_wr*& failed) override;
  int post_receives(ibv_recv_wr& chain, ibv_recv_wr*& failed) override;
  int fail() override;
  [[nodiscard]] std::uint32_t number() const override { return number_; }
  [[nodiscard]] std::uint32_t inline_bytes() const override { return sizes_.inline_bytes; }

  [[nodiscard]] std::size_t choices() const override;
  void take(std::size_t choice) override;
  [[nodiscard]] bool waits_for_time() const override;
  void time_out() override;

  // For the model.
  void join(const Joining& joining);
  void to_error();
  void give_back(const Completion& completion);
  [[nodiscard]] bool tells(const CompletionQueue& queue) const { return completions_ == &queue; }
  void tell_nobody() { completions_ = nullptr; }
  void tell(const Completion& completion);
  [[nodiscard]] bool takes_from(const SharedReceives& queue) const { return shared_ == &queue; }
  void take_nothing() { shared_ = nullptr; }
  [[nodiscard]] Device& device() const { return device_; }
  [[nodiscard]] Machine& machine() const { return machine_; }
  [[nodiscard]] bool ready() const { return state_ == State::kReady; }
  [[nodiscard]] std::uint32_t joined_to() const { return joining_.peer; }

 private:
  enum class State : std::uint8_t { kFresh, kReady, kError };
  struct Send {
    ibv_send_wr request{};
    std::vector<ibv_sge> pieces;
    std::vector<std::byte> bytes;  // inline, or as they left
    bool is_inline = false;
    std::uint64_t serial = 0;
    bool found_no_receive = false;
    ibv_wc_status status = IBV_WC_SUCCESS;
  };

  [[nodiscard]] int refused(int error) const;  // as this device tells it
  int take_send(const ibv_send_wr& request);
  [[nodiscard]] std::string why_not_send(const ibv_send_wr& request) const;
  int take_receive(const ibv_recv_wr& request);

  // What may happen next.
  [[nodiscard]] bool alive() const;
  [[nodiscard]] bool can_leave() const;
  [[nodiscard]] bool can_be_answered() const;
  [[nodiscard]] QueuePair* peer() const;  // nullptr: not there, or not reachable
  [[nodiscard]] bool peer_may_come() const;
  [[nodiscard]] std::size_t receives_waiting() const;
  void leave();
  void answer();
  void flush_send();
  void flush_receive();
  Receive take_receive();  // the next that a message goes into
  void break_off_shared();

  ibv_wc_status perform(Send& send);
  ibv_wc_status perform_local(Send& send);
  ibv_wc_status perform_send(Send& send, QueuePair& to);
  ibv_wc_status perform_write(Send& send, QueuePair& to);
  ibv_wc_status perform_read(Send& send, QueuePair& from);
  ibv_wc_status deliver(const std::vector<std::byte>& message, std::optional<std::uint32_t> invalidate);
  ibv_wc_status wrong_remote(QueuePair& to, const std::string& why);
  [[nodiscard]] bool gather_bytes(Send& send);
  void check_unchanged(const Send& send);
  void complete_send(const Send& send, ibv_wc_status status);
  void complete_receive(const Receive& receive, ibv_wc told);
  [[nodiscard]] std::uint32_t reads_under_way() const;

  Device& device_;
  Machine& machine_;
  const Birth birth_;
  CompletionQueue* completions_;  // nullptr: it was deleted, too early
  SharedReceives* shared_;        // nullptr: receives_, or it was deleted, too early
  verbs::QueuePairSizes sizes_;
  const std::uint32_t number_;

  State state_ = State::kFresh;
  Joining joining_;
  std::deque<Send> sends_;
  std::size_t left_ = 0;  // of sends_: the first ones
  std::deque<Receive> receives_;
  std::uint64_t sends_posted_ = 0, sends_free_ = 0;  // serials: of the last one posted, of the last slot given back
  std::uint64_t receives_posted_ = 0, receives_free_ = 0;
};

[[nodiscard]] bool is_local(const ibv_send_wr& request);  // has its effect on this device alone

}  // namespace weft::rdma::model

#endif
