// Read and Verify: blocks are mapped; Read sends them from where they lie.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

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

// ---- Verify: piece by piece, so that its size needs no bound. Its progress is in blocks.

// Blocks in memory are verified by loading each word of them; those of a device have been read to be mapped.
void load_all(std::span<const weft_iov> iov) {
  std::uint64_t sum = 0;
  for (const weft_iov& entry : iov) {
    const auto* const from = static_cast<const std::byte*>(entry.base);
    for (std::uint64_t at = 0; at + 32 <= entry.len; at += 32) {
      std::array<std::uint64_t, 4> words;
      std::memcpy(words.data(), from + at, sizeof words);
      sum ^= (words[0] ^ words[1]) ^ (words[2] ^ words[3]);
    }
  }
  asm volatile("" : : "r"(sum));  // else no load is needed
}

std::uint64_t piece_bytes(const IoSlot& s) { return std::min(kLongPiece, s.queue().worker().options().max_transfer); }

void map_piece(IoSlot& s) {
  if (s.ns->unreadable(s.range())) {
    return s.queue().finish(s, {nvme::status::kUnrecoveredReadError, kNoLocation, 0});
  }
  IoQueue::await_piece(s, s.ns->context().map(s));
}

void piece_mapped(IoSlot& s) {
  if (s.status.ok()) {
    load_all(s.segments());
    s.ns->context().unmap(s);
  }
  if (!s.queue().piece_done(s)) return;
  s.progress += s.blocks;
  if (s.progress < s.sqe->arguments<nvme::ReadWriteArguments>().blocks()) {
    set_piece(s, piece_bytes(s));
    return s.queue().take_turn<map_piece>(s);
  }
  QueueShared& shared = s.queue().queue().shared();
  shared.reads.add(1);
  shared.bytes_read.add(std::uint64_t{s.progress} * s.ns->block_size());
  s.queue().finish(s, success());
}

Answer check_verify(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) return answer;
  if (const Answer answer = check_size_limit(s); !answer.ok()) return answer;
  if (const Answer answer = check_no_data(data_length); !answer.ok()) return answer;
  set_piece(s, piece_bytes(s));
  return claim_segments(s, 1);  // a later piece may lie across one more page
}

void start_verify(IoSlot& s) { s.queue().take_turn<map_piece>(s); }

}  // namespace

const IoCommand commands::kRead = {check_read, start_read, read_sent, mapped, nullptr, nothing_lent};
const IoCommand commands::kVerify = {check_verify, start_verify, no_data, piece_mapped, nullptr, nothing_lent};

}  // namespace weft::controller
