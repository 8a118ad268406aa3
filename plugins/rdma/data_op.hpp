// data_op.hpp - one borrowed list of memory: a data call of the core (controller) or the data of a command (host).
//
// The list is copied from the call; the memory stays the core's and is borrowed until the operation ends. Data whose
// memory the device knows goes straight; any other goes through a run of staged memory, a part at a time if it is
// longer than the longest run. Operations come from a pool of the group and device. Thread: the group's.
#ifndef WEFT_RDMA_DATA_OP_HPP
#define WEFT_RDMA_DATA_OP_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "../common/list.hpp"
#include "../common/op_pool.hpp"
#include "staging.hpp"
#include "verbs.hpp"
#include "weft/transport_abi.h"

namespace weft::rdma {

class Link;

using plugin::kMaxIov;

struct Piece {
  std::byte* base;
  std::uint64_t length;
  verbs::Region* region;  // as the device knows it; nullptr: it does not
};

// Memory that one descriptor can name.
struct Stretch {
  std::byte* base = nullptr;
  std::uint64_t length = 0;
  verbs::Region* region = nullptr;
};

struct DataOp {
  enum class Kind : std::uint8_t {
    kReceive,  // controller: from the host
    kSend,     // controller: to the host
    kHost,     // the data of a command
    kTurn,     // no data: a side that wants tell_finished() in the next poll
  };
  DataOp* next = nullptr;   // of the same command, of the finished ones, or of the free ones
  Link* link = nullptr;     // whose it is
  StagingClaim claim;       // the run of the part under way, or the wait for it
  plugin::Hook ready_hook;  // on the side's list of those that can be posted

  std::uint64_t cookie = 0;
  std::uint64_t offset = 0;  // of the list's first byte in the command's data
  std::uint64_t length = 0;
  std::uint64_t progress = 0;    // bytes for which requests were posted
  std::uint64_t part_start = 0;  // staged: what `claim.run` holds begins here
  std::uint64_t part_end = 0;    // bytes up to here may be posted
  std::uint64_t moved = 0;       // bytes that really moved
  std::uint32_t index = 0;       // token or CID
  std::uint32_t in_flight = 0;   // requests posted and not done
  std::int32_t error = 0;
  std::uint32_t event_flags = 0;  // WEFT_RESPONSE_*
  Kind kind = Kind::kReceive;
  bool straight = false;
  bool final_response = false;  // send: the response follows the data
  bool cancelled = false;       // posts no more; ends when nothing is in flight

  // The list, and a place in it that is remembered since use is sequential.
  std::uint32_t count = 0;
  std::uint32_t at_index = 0;
  std::uint64_t at_start = 0;  // position of list[at_index]'s first byte
  Piece* list = inline_list;
  Piece inline_list[plugin::kInlineIov] = {};

  DataOp() = default;
  DataOp(const DataOp&) = delete;
  DataOp& operator=(const DataOp&) = delete;

  // Fills `out` with elements for bytes [position, position + length); returns how many, and in `covered` how many bytes
  // they are: less than length when `out` is too small. Only when straight.
  std::uint32_t elements(std::uint64_t position, std::uint64_t length, std::span<ibv_sge> out, std::uint64_t& covered);
  void copy_in(std::uint64_t position, const std::byte* from, std::uint64_t length);
  void copy_out(std::uint64_t position, std::byte* to, std::uint64_t length);
  // The list as stretches of regions, pieces that adjoin as one: how many. 0: it is not straight, or they are more than
  // `out` holds.
  [[nodiscard]] std::uint32_t stretches(std::span<Stretch> out) const;

 private:
  // visit(base, length, piece) for each piece of the bytes; stops when it returns false.
  template <class Visit>
  void walk(std::uint64_t position, std::uint64_t length, Visit&& visit);
  void seek(std::uint64_t position);
};

class DataOpPool : public plugin::OpPool<DataOp> {
 public:
  // An operation for a list of at most kMaxIov pieces that are `total` bytes. It is straight when `device` knows all of
  // them and has every right of `access` there.
  DataOp& take(std::span<const weft_iov> iov, std::uint64_t total, const verbs::Device& device, int access);
  void give_back(DataOp& op);
};

}  // namespace weft::rdma

#endif
