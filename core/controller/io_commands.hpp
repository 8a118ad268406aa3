// io_commands.hpp - the I/O commands: one table from opcode to the steps of a command.
//
// check() reads the submission queue entry, finds the namespace, and says what the command needs; everything that can be
// refused is refused there. The others run in the order that io_queue.hpp tells. Thread rule: the worker's thread.
#ifndef WEFT_CORE_CONTROLLER_IO_COMMANDS_HPP
#define WEFT_CORE_CONTROLLER_IO_COMMANDS_HPP

#include <cstdint>

#include "core/controller/answer.hpp"
#include "core/controller/io_queue.hpp"
#include "core/controller/io_slot.hpp"
#include "core/controller/storage_faults.hpp"

namespace weft::controller {

struct IoCommand {
  Answer (*check)(IoSlot&, std::uint64_t data_length) = nullptr;  // null: no such command
  void (*start)(IoSlot&) = nullptr;
  void (*data_done)(IoSlot&, const DataEnd&) = nullptr;
  void (*backend_done)(IoSlot&) = nullptr;
  void (*granted)(IoSlot&) = nullptr;
  void (*abandon)(IoSlot&) = nullptr;  // outside the backend: gives back what the backend lent or mapped
};

[[nodiscard]] const IoCommand& io_command(std::uint8_t opcode);
// What a command that is in the backend does there.
[[nodiscard]] StorageFaults::Step storage_step(const IoSlot& slot);

// The steps of a command that has nothing to do there.
inline void no_data(IoSlot&, const DataEnd&) {}
inline void no_backend(IoSlot&) {}
inline void nothing_lent(IoSlot&) {}

// A piece of a long command, in bytes of data that are read (long_commands.hpp).
inline constexpr std::uint32_t kLongPiece = 64u << 10;
// The blocks of a command on a range from block s.progress on, at most `bytes` of them: into the slot's range. None: 0 blocks.
void set_piece(IoSlot& slot, std::uint64_t bytes);

// Fields of a command on a range of blocks, by their bytes in the entry.
inline constexpr std::uint16_t kSlbaAt = at::kCdw10, kNlbAt = at::kCdw12, kControlAt = at::kCdw12 + 2;

// Parts of checks.
// The namespace of NSID, with the slot as its user.
[[nodiscard]] Answer check_namespace(IoSlot& slot);
// Namespace, SLBA and NLB; the range into the slot.
[[nodiscard]] Answer check_range(IoSlot& slot);
// ... and data of that size, within MDTS.
[[nodiscard]] Answer check_range_and_data(IoSlot& slot, std::uint64_t data_length);
[[nodiscard]] Answer check_writable(const IoSlot& slot);
[[nodiscard]] Answer check_no_data(std::uint64_t data_length);
// For commands that WZSL, WUSL and VSL bound.
[[nodiscard]] Answer check_size_limit(const IoSlot& slot);
// What a command that lends or maps its range asks for; `more` entries and pages above what the backend says. Refused when a backend
// cuts its memory into smaller pieces than there is room for.
[[nodiscard]] Answer claim_segments(IoSlot& slot, std::uint32_t more = 0);
void claim_chunks(IoSlot& slot);
// Writing makes marked blocks readable in the same step, for everyone: alone on the range, and where there is room for the marks
// that are left. False: the command goes on alone, or has ended.
[[nodiscard]] bool may_write_marked(IoSlot& slot);

// compare.cpp: the next piece of the chunks, from byte `at` on, against the mapped blocks: are they the same?
[[nodiscard]] bool compare_next(IoSlot& slot, std::uint32_t& at);

// Each command's steps, by file: read.cpp, write.cpp, compare.cpp, zeroes.cpp, dataset.cpp, flush.cpp, fused.cpp.
namespace commands {
extern const IoCommand kRead, kVerify, kWrite, kCompare, kWriteZeroes, kWriteUncorrectable, kDatasetManagement, kFlush;
}

// fused.cpp: takes a command that is, or follows, half of a fused pair. False: it is an ordinary command.
[[nodiscard]] bool take_fused(IoQueue& queue, IoSlot& slot, std::uint64_t data_length);
// Of the first of a pair: it compared, and writes.
[[nodiscard]] bool pair_writes(const IoSlot& first);
// Abort of a command of a pair. False: it is too late.
[[nodiscard]] bool abort_fused(IoSlot& slot);
// The command that came after the first of a pair will not run: neither will the first.
void orphan_half(IoQueue& queue, const IoSlot& next);
// The steps of a pair, in place of its commands' own, while slot.partner is set.
extern const IoCommand kFusedPair;

}  // namespace weft::controller

#endif
