#include "perf_run.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include "weft/blocking.hpp"

namespace weft::tools {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

PerfRun::PerfRun(Reactor& reactor, const std::vector<std::unique_ptr<Host>>& hosts, const Namespace& where,
                 const PerfPlan& plan)
    : hosts_(hosts),
      where_(where),
      plan_(plan),
      places_(plan.span / plan.block_bytes),
      pattern_(plan.seed, where.block_size),
      timer_(reactor, &PerfRun::time_is_up, this),
      pacer_(reactor, &PerfRun::io_is_due, this),
      reactor_(reactor) {}

Status PerfRun::start() {
  const std::size_t count = plan_.depth * busy_queues();
  if (count != 0) {
    Result<Memory> memory = allocate_memory(hosts_.front()->transport(), count * plan_.block_bytes);
    if (!memory) return memory.error();
    memory_ = std::move(*memory);
    result_->why_copied = memory_.why_copied();
  }
  slots_ = std::make_unique<Slot[]>(count);
  for (std::size_t i = 0; i < count; ++i) prepare(slots_[i], i);
  result_->cpu_started = cpu_seconds();
  result_->started = result_->ended = now_ = monotonic_now();
  if (plan_.duration != 0) timer_.set(reactor_.clock_now() + plan_.duration);
  for (std::size_t i = 0; i < count; ++i) next(slots_[i]);
  return {};
}

void PerfRun::prepare(Slot& slot, std::size_t index) {
  const std::size_t queue = index % busy_queues();
  slot.run = this;
  slot.host = hosts_[queue / plan_.queues].get();
  slot.random = mix(plan_.seed + index);
  slot.iov = memory_.iov(index * plan_.block_bytes, plan_.block_bytes);
  slot.data = {static_cast<std::byte*>(slot.iov.base), slot.iov.len};
  pattern_.fill(index, slot.data);  // touches the memory before the time is taken
  slot.request.nsid = where_.nsid;
  slot.request.block_size = where_.block_size;
  slot.request.blocks = plan_.block_bytes / where_.block_size;
  slot.request.iov = &slot.iov;
  slot.request.iov_count = 1;
  slot.request.queue = static_cast<std::uint16_t>(1 + queue % plan_.queues);
  slot.request.done = &PerfRun::done;
  slot.request.ctx = &slot;
}

std::uint64_t PerfRun::pick_lba(Slot& slot) {
  const std::uint64_t place = plan_.random ? next_random(slot.random) % places_ : sequential_++ % places_;
  return place * slot.request.blocks;
}

void PerfRun::stop() {
  stopping_ = true;
  pacer_.cancel();
  if (active_ == 0) result_->ended = monotonic_now();
}

void PerfRun::next(Slot& slot) {
  if (all_issued()) return;
  if (plan_.rate == 0) return issue(slot);
  rest(slot);
  pace();
}

void PerfRun::rest(Slot& slot) {
  slot.after = nullptr;
  (resting_ == nullptr ? resting_ : last_resting_->after) = &slot;
  last_resting_ = &slot;
}

// Starts what is due. What is late, because every slot was busy, is made up for.
void PerfRun::pace() {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const auto due = [this] {
    return result_->started + issued_ / plan_.rate * kSecond + issued_ % plan_.rate * kSecond / plan_.rate;
  };
  now_ = monotonic_now();
  while (resting_ != nullptr && !all_issued() && due() <= now_) {
    Slot& slot = *resting_;
    resting_ = slot.after;
    issue(slot);
  }
  if (resting_ != nullptr && !all_issued()) pacer_.set(due());
}

void PerfRun::issue(Slot& slot) {
  ++issued_;
  slot.request.lba = pick_lba(slot);
  const bool mixed = plan_.read_percent != 0 && plan_.read_percent != 100;
  const bool read = mixed ? next_random(slot.random) % 100 < plan_.read_percent : plan_.read_percent != 0;
  if (!read && plan_.verify) pattern_.fill(slot.request.lba, slot.data);
  submit(slot, read ? IoRequest::Kind::kRead : IoRequest::Kind::kWrite);
}

void PerfRun::submit(Slot& slot, IoRequest::Kind kind) {
  slot.request.kind = kind;
  slot.submitted = now_;
  ++active_;
  slot.host->submit(slot.request);
}

void PerfRun::done(IoRequest& request) {
  auto& slot = *static_cast<Slot*>(request.ctx);
  slot.run->finished_one(slot);
}

void PerfRun::finished_one(Slot& slot) {
  --active_;
  result_->ended = now_ = monotonic_now();
  if (!good(slot)) return next(slot);
  result_->latency.add(result_->ended - slot.submitted);
  ++result_->ios;
  const bool written = slot.request.kind == IoRequest::Kind::kWrite;
  if (!written || !plan_.verify) return next(slot);
  std::memset(slot.data.data(), 0, slot.data.size());  // so that a read that moves nothing is seen
  submit(slot, IoRequest::Kind::kRead);
}

// Did the I/O succeed, with the right data where that is checked? Formats only the first time something is wrong.
bool PerfRun::good(Slot& slot) {
  const IoRequest& request = slot.request;
  if (!request.completion.ok()) {
    if (result_->errors++ == 0) {
      result_->first_error = completion_error(request.completion, fmt::format("I/O at LBA {}", request.lba)).text;
    }
    return false;
  }
  if (!plan_.verify || request.kind != IoRequest::Kind::kRead) return true;
  ++result_->verified;
  const auto difference = pattern_.find_difference(request.lba, slot.data);
  if (!difference) return true;
  ++result_->mismatches;
  if (result_->errors++ == 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, slot.data.data() + *difference, sizeof word);
    const std::uint64_t at = request.lba * (where_.block_size / sizeof word) + *difference / sizeof word;
    result_->first_error = fmt::format("wrong data in LBA {}, byte {}: read {:016x}, expected {:016x}",
                                       request.lba + *difference / where_.block_size, *difference % where_.block_size,
                                       word, pattern_.word_at(at));
  }
  return false;
}

}  // namespace weft::tools
