// Read and Verify: blocks are mapped; Read sends them from where they lie.
#include <algorithm>

#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kVerifyBytes = 64u << 10;  // mapped at a time

void map_blocks(IoSlot& s) {
  if (s.ns->unreadable(s.range())) [[unlikely]] {
    return s.queue().finish(s, {nvme::status::kUnrecoveredReadError, kNoLocation, 0});
  }
  IoQueue::await(s, s.ns->context().map(s));
}

Answer check_read(IoSlot& s, std::uint64_t data_length) {
  const Answer answer = check_range_and_data(s, data_length);
  return answer.ok() ? claim_segments(s) : answer;
}

void start_read(IoSlot& s) { s.queue().enter<map_blocks>(s); }

void mapped(IoSlot& s) {
  if (!s.status.ok()) [[unlikely]]
    return s.queue().finish(s, {s.status, kNoLocation, 0});
  s.queue().send(s);
}

void read_sent(IoSlot& s, const DataEnd& end) {
  s.ns->context().unmap(s);
  if (!end.ok()) [[unlikely]]
    return s.queue().finish(s, end.answer());
  QueueShared& shared = s.queue().queue().shared();
  shared.reads.add(1);
  shared.bytes_read.add(s.length);
  s.queue().sent(s);
}

// ---- Verify: piece by piece, so that its size needs no bound.

void set_piece(IoSlot& s) {
  const auto arguments = s.sqe->arguments<nvme::ReadWriteArguments>();
  s.lba = arguments.slba + s.progress;
  const std::uint32_t bytes = std::min(kVerifyBytes, s.queue().worker().options().max_transfer);
  s.blocks = std::min(arguments.blocks() - s.progress, bytes / s.ns->block_size());
}

// The piece has been read. False: that was the end of the command.
bool next_piece(IoSlot& s) {
  if (!s.status.ok()) {
    s.queue().finish(s, {s.status, kNoLocation, 0});
    return false;
  }
  s.ns->context().unmap(s);
  s.progress += s.blocks;
  if (s.progress == s.sqe->arguments<nvme::ReadWriteArguments>().blocks()) {
    QueueShared& shared = s.queue().queue().shared();
    shared.reads.add(1);
    shared.bytes_read.add(std::uint64_t{s.progress} * s.ns->block_size());
    s.queue().finish(s, success());
    return false;
  }
  set_piece(s);
  return true;
}

void verify_pieces(IoSlot& s) {
  s.resume = [](Claim& claim) { verify_pieces(static_cast<IoSlot&>(claim)); };
  do {
    if (s.ns->special() && s.ns->waits(s, s.range())) {
      s.state = IoState::kAtGate;
      return;
    }
    if (!s.ns->holds(s.lba, s.blocks)) return s.queue().finish(s, refuse(nvme::status::kLbaOutOfRange, at::kCdw10));
    if (s.ns->unreadable(s.range())) {
      return s.queue().finish(s, {nvme::status::kUnrecoveredReadError, kNoLocation, 0});
    }
    s.state = IoState::kWorking;
    if (s.ns->context().map(s) == Progress::kPending) return s.ns->entered(s);
  } while (next_piece(s));
}

Answer check_verify(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) return answer;
  if (const Answer answer = check_no_data(data_length); !answer.ok()) return answer;
  set_piece(s);
  return claim_segments(s, 1);  // a later piece may lie across one more page
}

void piece_mapped(IoSlot& s) {
  if (next_piece(s)) verify_pieces(s);
}

}  // namespace

const IoCommand commands::kRead = {check_read, start_read, read_sent, mapped, nullptr, nothing_lent};
const IoCommand commands::kVerify = {check_verify, verify_pieces, no_data, piece_mapped, nullptr, nothing_lent};

}  // namespace weft::controller
