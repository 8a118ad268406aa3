#include "core/controller/storage_faults.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::controller {
namespace {

constexpr std::array<std::string_view, 4> kOne = {"a read", "a write", "a flush", "zeroing"};
constexpr std::array<std::string_view, 4> kMore = {"reads", "writes", "flushes", "times zeroing"};
constexpr std::size_t kFlushStep = 2;

std::string of_block(std::size_t step, std::uint64_t lba) {
  return step == kFlushStep ? std::string() : fmt::format(" of block {}", lba);
}

}  // namespace

StorageFaults::Reason StorageFaults::reason(std::int32_t error) {
  if (error == EIO) return kIo;
  if (error == ENOSPC || error == EDQUOT) return kNoSpace;
  return error == ENODATA ? kCutShort : kOther;
}

std::string StorageFaults::why(const Kind& kind) {
  const std::int32_t error = kind.error.load(std::memory_order_relaxed);
  if (error == ENODATA) return "the storage ends before that block; something has cut it";
  if (error != 0) return std::strerror(error);
  return NvmeStatus(kind.status.load(std::memory_order_relaxed)).describe();
}

bool StorageFaults::add(Step step, NvmeStatus status, std::int32_t error, std::uint64_t lba) {
  Kind& kind = kinds_[static_cast<std::size_t>(step) * kReasons + reason(error)];
  kind.lba.store(lba, std::memory_order_relaxed);
  kind.error.store(error, std::memory_order_relaxed);
  kind.status.store(status.value(), std::memory_order_relaxed);
  kind.count.fetch_add(1, std::memory_order_acq_rel);
  return !kind.watched.exchange(true, std::memory_order_acq_rel);
}

// f(step, kind) for those that failed.
template <class F>
void StorageFaults::each(F f) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (kinds_[i].watched.load(std::memory_order_acquire)) f(i / kReasons, kinds_[i]);
  }
}

void StorageFaults::report(const Say& say) {
  each([&](std::size_t step, Kind& kind) {
    if (std::exchange(kind.reported, true)) return;
    ++kind.told;
    say(fmt::format("{}: {}{} failed: {}", title_, kOne[step], of_block(step, kind.lba), why(kind)));
  });
}

bool StorageFaults::sum_up(const Say& say) {
  bool more = false;
  each([&](std::size_t step, Kind& kind) {
    if (!kind.reported) return;  // its report() is on the way
    const std::uint64_t count = kind.count.load(std::memory_order_acquire);
    if (count == kind.told) {
      kind.reported = false;
      kind.watched.store(false, std::memory_order_release);
      return;
    }
    more = true;
    say(fmt::format("{}: {} more {} failed, the last{}: {}", title_, count - kind.told, kMore[step],
                    of_block(step, kind.lba), why(kind)));
    kind.told = count;
  });
  return more;
}

}  // namespace weft::controller
