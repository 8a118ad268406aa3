// Dataset Management: ranges are deallocated piece by piece; the other attributes are hints that are not used.
// A slot's progress is the range, what it has moved the blocks of it that are done.
#include <algorithm>

#include "core/controller/identify.hpp"
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

using Arguments = nvme::DatasetManagementArguments;

bool deallocates(const IoSlot& s) { return (s.sqe->arguments<Arguments>().attributes & Arguments::kDeallocate) != 0; }

// Hosts send a whole page whatever the number of ranges.
Answer check_dataset(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_namespace(s); !answer.ok()) return answer;
  const std::uint32_t ranges = s.sqe->arguments<Arguments>().ranges();
  const std::uint64_t needed = std::uint64_t{ranges} * sizeof(nvme::DsmRange);
  if (data_length < needed || data_length > kChunkSize) {
    return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  }
  if (ranges > kMaxDsmRanges) return refuse(nvme::status::kCommandSizeLimitExceeded, at::kCdw10);
  if (!deallocates(s)) return success();
  if (const Answer answer = check_writable(s); !answer.ok()) return answer;
  s.length = static_cast<std::uint32_t>(data_length);
  claim_chunks(s);
  return success();
}

void start_dataset(IoSlot& s) {
  if (!deallocates(s)) return s.queue().finish(s, success());
  s.queue().receive(s);
}

nvme::DsmRange read_range(const IoSlot& s, std::uint32_t index) {
  std::array<std::byte, sizeof(nvme::DsmRange)> bytes;
  s.queue().worker().resources().read(s, std::uint64_t{index} * bytes.size(), bytes);
  return load<nvme::DsmRange>(bytes.data());
}

// The next blocks to deallocate, into the slot's range. False: there are none.
bool next_blocks(IoSlot& s) {
  const std::uint32_t count = s.sqe->arguments<Arguments>().ranges();
  for (; s.progress < count; ++s.progress, s.moved = 0) {
    const nvme::DsmRange range = read_range(s, s.progress);
    if (s.moved >= range.blocks) continue;
    const std::uint64_t most = std::max<std::uint64_t>(1, s.ns->context().zeroed_at_once() / s.ns->block_size());
    s.lba = range.slba + s.moved;
    s.blocks = static_cast<std::uint32_t>(std::min<std::uint64_t>(range.blocks - s.moved, most));
    return true;
  }
  return false;
}

void deallocate_piece(IoSlot& s) { IoQueue::await_piece(s, s.ns->context().deallocate(s)); }

void deallocate_next(IoSlot& s) {
  if (!next_blocks(s)) return s.queue().finish(s, success());
  s.queue().take_turn<deallocate_piece>(s);
}

// Nothing is deallocated when any range is bad.
void dataset_received(IoSlot& s, const DataEnd& end) {
  if (!end.ok()) return s.queue().finish(s, end.answer());
  const std::uint32_t count = s.sqe->arguments<Arguments>().ranges();
  for (std::uint32_t i = 0; i < count; ++i) {
    const nvme::DsmRange range = read_range(s, i);
    if (!s.ns->holds(range.slba, range.blocks)) return s.queue().finish(s, refuse(nvme::status::kLbaOutOfRange));
  }
  s.moved = 0;
  deallocate_next(s);
}

void deallocated(IoSlot& s) {
  if (!s.queue().piece_done(s)) return;
  s.moved += s.blocks;
  deallocate_next(s);
}

}  // namespace

const IoCommand commands::kDatasetManagement = {check_dataset, start_dataset, dataset_received,
                                                deallocated,   nullptr,       nothing_lent};

}  // namespace weft::controller
