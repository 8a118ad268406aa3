// capsule_watch.hpp - looks at all that crosses the fabric with the eyes of NVMe/RDMA: an RDMA READ or WRITE is right
// only within a descriptor of a command that is under way on that connection, in the command's direction. What touches
// memory after the response went is a fault of the controller's machine, even where the key is still good.
//
//   CapsuleWatch watch;   fabric.observer = &watch;
//
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_CAPSULE_WATCH_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_CAPSULE_WATCH_HPP

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fabric.hpp"

namespace weft::rdma::model {

class CapsuleWatch final : public Observer {
 public:
  void sent(const QueuePair& from, const std::vector<std::byte>& message) override;
  void touched(const QueuePair& by, bool write, std::uint32_t rkey, std::uint64_t address,
               std::uint64_t length) override;

  std::uint64_t commands = 0, responses = 0, in_capsule = 0, keyed = 0, invalidatable = 0, lists = 0;
  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }

 private:
  struct Descriptor {
    std::uint64_t address = 0, length = 0;
    std::uint32_t rkey = 0;
  };
  struct Command {
    unsigned direction = 0;  // of the opcode: 1 to the controller, 2 to the host
    std::vector<Descriptor> descriptors;
  };
  void on_command(const QueuePair& from, const std::vector<std::byte>& capsule);
  void on_response(const QueuePair& from, const std::vector<std::byte>& capsule);
  void take_descriptor(Command& command, const std::byte* at);

  using Key = std::pair<std::uint32_t, std::uint16_t>;  // the host's queue pair, the CID
  std::map<Key, Command> under_way_;
};

}  // namespace weft::rdma::model

#endif
