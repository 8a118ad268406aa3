// data_op.hpp - one borrowed list of memory: a data call of the core (controller) or the data of a command (host).
//
// The list is copied from the call; the memory stays the core's and is borrowed until the operation ends. Operations
// come from a pool of the group. Thread: the group's.
#ifndef WEFT_TCP_DATA_OP_HPP
#define WEFT_TCP_DATA_OP_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include "../common/op_pool.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

class Connection;

using plugin::kMaxIov;

struct DataOp {
  enum class Kind : std::uint8_t { kReceive, kSend, kHost };
  DataOp* next = nullptr;  // of the same token, of the finished ones, or of the free ones
  Connection* connection = nullptr;
  std::uint64_t cookie = 0;
  std::uint64_t length = 0;
  std::uint64_t moved = 0;     // bytes that really moved
  std::uint64_t progress = 0;  // send: bytes given to frames; receive: bytes asked for by R2T
  std::uint64_t arrived = 0;   // receive: bytes that came, good or bad
  std::uint32_t offset = 0;    // of the list's first byte in the command's data
  std::uint32_t index = 0;     // token or CID
  std::int32_t error = 0;
  std::uint32_t event_flags = 0;  // WEFT_RESPONSE_*
  std::uint16_t status = 0;
  Kind kind = Kind::kReceive;
  bool final_response = false;  // send: the completion follows the data
  bool may_fold = false;        // send: ... or is folded into it
  bool cancelled = false;       // no more frames; ends when none is half sent
  std::uint16_t frames = 0;     // frames made of it and not yet sent in full

  // The list, and a place in it that is remembered since use is sequential.
  std::uint32_t count = 0;
  std::uint32_t at_index = 0;
  std::uint64_t at_start = 0;  // position of list[at_index]'s first byte
  iovec* list = inline_list;
  iovec inline_list[plugin::kInlineIov];

  DataOp() = default;
  DataOp(const DataOp&) = delete;
  DataOp& operator=(const DataOp&) = delete;
  // Fills `out` with the pieces of bytes [position, position + len); returns how many pieces, and in `covered` how many
  // bytes they are: less than len when `out` is too small.
  std::uint32_t pieces(std::uint64_t position, std::uint64_t len, std::span<iovec> out, std::uint64_t& covered);
  void copy_in(std::uint64_t position, const std::byte* from, std::uint64_t len);
  void copy_out(std::uint64_t position, std::byte* to, std::uint64_t len);

 private:
  void seek(std::uint64_t position);
};

class DataOpPool : public plugin::OpPool<DataOp> {
 public:
  // An operation for a list of at most kMaxIov pieces that are `total` bytes.
  DataOp& take(std::span<const weft_iov> iov, std::uint64_t total);
};

}  // namespace weft::tcp

#endif
