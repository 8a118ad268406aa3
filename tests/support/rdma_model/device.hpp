// device.hpp - a device of the model, with the attributes that a test chooses, and the keys to memory that it gave.
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_DEVICE_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_DEVICE_HPP

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "completion.hpp"
#include "memory.hpp"
#include "plugins/rdma/verbs.hpp"

namespace weft::rdma::model {

class Machine;
class SharedReceives;

// What becomes of a shared receive that a queue pair has begun to fill when it fails.
enum class HalfFilled : std::uint8_t { kNone, kLost, kFlushed };  // there is never one; nobody is told; it is flushed

// What a device is like. The numbers of `attributes` are those of soft-RoCE unless a test changes them.
struct Traits {
  Traits();
  verbs::DeviceAttributes attributes;
  std::uint32_t max_inline = 512;
  std::uint64_t max_locked = UINT64_MAX;  // bytes that can be registered: RLIMIT_MEMLOCK
  bool invalidate_fails = false;          // it claims SEND with invalidate, and fails it
  HalfFilled half_filled = HalfFilled::kNone;
  std::uint32_t most_windows =
      UINT32_MAX;  // that can be there at a time; 0: it says that it has windows and makes none
  std::uint64_t send_queue_bytes = UINT64_MAX;  // that the entries of one send queue may take: as mlx5 lays them out
  bool positive_errors = false;                 // of posts: errno instead of -errno
  bool posts_only_when_ready = false;           // refuses posts to a queue pair in its error state
  bool tells_last_receive = false;              // of a queue pair on shared receives that fails; soft-RoCE tells nobody
  std::uint32_t vendor_error = 0;               // of completions that are errors
  bool keeps_completions = true;                // those of a queue pair that is gone stay in the completion queue
};

class Device final : public verbs::Device {
 public:
  Device(Machine& machine, const Traits& traits, std::vector<std::string> addresses);

  [[nodiscard]] const verbs::DeviceAttributes& attributes() const override { return traits_.attributes; }
  verbs::Made<std::unique_ptr<verbs::CompletionChannel>> make_completion_channel() override;
  verbs::Made<std::unique_ptr<verbs::CompletionQueue>> make_completion_queue(std::uint32_t entries,
                                                                             verbs::CompletionChannel& channel,
                                                                             std::uint32_t vector) override;
  verbs::Made<std::unique_ptr<verbs::SharedReceives>> make_shared_receives(std::uint32_t entries,
                                                                           std::uint32_t sge) override;
  verbs::Made<std::unique_ptr<verbs::Region>> register_memory(void* base, std::uint64_t length, int access) override;
  verbs::Made<std::unique_ptr<verbs::Window>> make_window() override;
  [[nodiscard]] int event_fd() const override { return signal_.fd(); }
  [[nodiscard]] bool next_event(verbs::AsyncEvent& out) override;

  // Something that the device tells by itself; for tests, too.
  void tell(const verbs::AsyncEvent& event);
  std::vector<std::uint32_t> vectors;               // that completion queues were made for
  std::vector<CompletionQueue*> completion_queues;  // that are there
  std::vector<SharedReceives*> shared_receives;     // likewise

  // How a device goes away. Every id on it hears DEVICE_REMOVAL, and so does every channel of its machine. It has no
  // address any more: another device may have it.
  enum class Removal : std::uint8_t {
    kLingers,  // and works until its users close it
    kFlushes,  // every queue pair fails, and what was posted is flushed
    kSilent,   // nothing completes any more, and every call on the data path fails
  };
  void remove(Removal how);

  // For the model.
  [[nodiscard]] Machine& machine() const { return machine_; }
  [[nodiscard]] const Traits& traits() const { return traits_; }
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  [[nodiscard]] Memory& memory() { return memory_; }
  [[nodiscard]] bool silent() const { return silent_; }
  [[nodiscard]] bool removed() const { return removed_; }
  [[nodiscard]] bool has_made() const;  // a queue pair, a region or a window that is there
  [[nodiscard]] bool in_use() const;    // by one of those, or an id
  bool forgotten = false;               // its library let it go, so that its removal can end

 private:
  Machine& machine_;
  const Traits traits_;
  const std::vector<std::string> addresses_;
  Memory memory_;
  const Signal signal_;
  std::deque<verbs::AsyncEvent> events_;
  bool silent_ = false, removed_ = false;
};

}  // namespace weft::rdma::model

#endif
