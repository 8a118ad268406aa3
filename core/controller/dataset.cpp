// Dataset Management: ranges are deallocated one after the other; the other attributes are hints that are not used.
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
  const std::uint64_t needed = std::uint64_t{s.sqe->arguments<Arguments>().ranges()} * sizeof(nvme::DsmRange);
  if (data_length < needed || data_length > kChunkSize) {
    return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  }
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

// False: that was the end of the command.
bool range_done(IoSlot& s) {
  if (!s.status.ok()) {
    s.queue().finish(s, {s.status, kNoLocation, 0});
    return false;
  }
  ++s.progress;
  return true;
}

void deallocate_ranges(IoSlot& s) {
  s.resume = [](Claim& claim) { deallocate_ranges(static_cast<IoSlot&>(claim)); };
  const std::uint32_t count = s.sqe->arguments<Arguments>().ranges();
  for (;;) {
    if (s.progress == count) return s.queue().finish(s, success());
    const nvme::DsmRange range = read_range(s, s.progress);
    s.lba = range.slba;
    s.blocks = range.blocks;
    if (!s.ns->holds(s.lba, s.blocks)) return s.queue().finish(s, refuse(nvme::status::kLbaOutOfRange));
    if (s.blocks == 0) {
      ++s.progress;
      continue;
    }
    if (s.ns->special() && s.ns->waits(s, s.range())) {
      s.state = IoState::kAtGate;
      return;
    }
    s.state = IoState::kWorking;
    if (s.ns->context().deallocate(s) == Progress::kPending) return s.ns->entered(s);
    if (!range_done(s)) return;
  }
}

// Nothing is deallocated when any range is bad.
void dataset_received(IoSlot& s, const DataEnd& end) {
  if (!end.ok()) return s.queue().finish(s, end.answer());
  const std::uint32_t count = s.sqe->arguments<Arguments>().ranges();
  for (std::uint32_t i = 0; i < count; ++i) {
    const nvme::DsmRange range = read_range(s, i);
    if (!s.ns->holds(range.slba, range.blocks)) return s.queue().finish(s, refuse(nvme::status::kLbaOutOfRange));
  }
  deallocate_ranges(s);
}

void deallocated(IoSlot& s) {
  if (range_done(s)) deallocate_ranges(s);
}

}  // namespace

const IoCommand commands::kDatasetManagement = {check_dataset, start_dataset, dataset_received,
                                                deallocated,   nullptr,       nothing_lent};

}  // namespace weft::controller
