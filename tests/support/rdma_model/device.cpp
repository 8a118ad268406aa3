#include "device.hpp"

#include <algorithm>
#include <cerrno>

#include "cm.hpp"
#include "completion.hpp"
#include "machine.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {
namespace {

std::unexpected<plugin::Failure> refuse(int code, std::string text) {
  return std::unexpected(plugin::Failure{.code = code, .text = std::move(text)});
}

}  // namespace

Traits::Traits() {
  attributes.max_work_requests = 16384;
  attributes.max_sge = 32;
  attributes.max_completions = 32767;
  attributes.max_shared_receives = 32767;
  attributes.max_reads_in = attributes.max_reads_out = 128;
  attributes.max_message = std::uint64_t{1} << 31;
  attributes.max_region = UINT64_MAX;
  attributes.windows = attributes.invalidates = true;
}

Device::Device(Machine& machine, const Traits& traits, std::vector<std::string> addresses)
    : machine_(machine), traits_(traits), addresses_(std::move(addresses)), memory_(machine) {}

verbs::Made<std::unique_ptr<verbs::CompletionChannel>> Device::make_completion_channel() {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kMakeCompletionChannel); !allowed)
    return std::unexpected(allowed.error());
  return std::make_unique<CompletionChannel>(machine_);
}

verbs::Made<std::unique_ptr<verbs::CompletionQueue>> Device::make_completion_queue(std::uint32_t entries,
                                                                                   verbs::CompletionChannel& channel,
                                                                                   std::uint32_t vector) {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kMakeCompletionQueue); !allowed)
    return std::unexpected(allowed.error());
  if (entries == 0 || entries > traits_.attributes.max_completions)
    return refuse(EINVAL, "a completion queue of " + std::to_string(entries) + " entries");
  vectors.push_back(vector % traits_.attributes.completion_vectors);
  return std::make_unique<CompletionQueue>(*this, entries, dynamic_cast<CompletionChannel&>(channel));
}

verbs::Made<std::unique_ptr<verbs::SharedReceives>> Device::make_shared_receives(std::uint32_t entries,
                                                                                 std::uint32_t sge) {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kMakeSharedReceives); !allowed)
    return std::unexpected(allowed.error());
  if (entries > traits_.attributes.max_shared_receives || sge > traits_.attributes.max_sge)
    return refuse(EINVAL, "a shared receive queue of " + std::to_string(entries) + " entries");
  return std::make_unique<SharedReceives>(*this, entries, sge);
}

verbs::Made<std::unique_ptr<verbs::Region>> Device::register_memory(void* base, std::uint64_t length, int access) {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kRegister); !allowed) return std::unexpected(allowed.error());
  if (length == 0 || length > traits_.attributes.max_region)
    return refuse(EINVAL, "a region of " + std::to_string(length) + " bytes");
  if ((access & IBV_ACCESS_REMOTE_WRITE) != 0 && (access & IBV_ACCESS_LOCAL_WRITE) == 0)
    return refuse(EINVAL, "remote write access without local write access");
  if (machine_.record.counts.registered + length > traits_.max_locked)
    return refuse(ENOMEM, "register_memory: Cannot allocate memory");
  return std::make_unique<Region>(memory_, base, length, access);
}

verbs::Made<std::unique_ptr<verbs::Window>> Device::make_window() {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kMakeWindow); !allowed) return std::unexpected(allowed.error());
  if (!traits_.attributes.windows || traits_.most_windows == 0)
    return refuse(EOPNOTSUPP, "the device has no memory windows");
  if (memory_.windows() >= traits_.most_windows) return refuse(ENOMEM, "make_window: Cannot allocate memory");
  return std::make_unique<Window>(memory_);
}

bool Device::next_event(verbs::AsyncEvent& out) {
  const auto guard = machine_.fabric().lock();
  if (events_.empty()) return false;
  out = events_.front();
  events_.pop_front();
  if (events_.empty()) signal_.lower();
  return true;
}

void Device::tell(const verbs::AsyncEvent& event) {
  const auto guard = machine_.fabric().lock();
  events_.push_back(event);
  signal_.raise();
}

bool Device::has_made() const {
  return !memory_.empty() || std::ranges::any_of(machine_.fabric().queue_pairs,
                                                 [&](const auto& one) { return &one.second->device() == this; });
}

bool Device::in_use() const {
  return has_made() ||
         std::ranges::any_of(machine_.fabric().ids, [&](const auto& one) { return one.second->device() == this; });
}

void Device::remove(Removal how) {
  const auto guard = machine_.fabric().lock();
  silent_ = how == Removal::kSilent;
  removed_ = true;
  for (const auto& [number, pair] : machine_.fabric().queue_pairs) {
    if (how == Removal::kFlushes && &pair->device() == this) pair->to_error();
  }
  for (const auto& [number, id] : machine_.fabric().ids) {
    if (id->device() == this) id->hear({.type = RDMA_CM_EVENT_DEVICE_REMOVAL});
  }
  for (CmChannel* channel : machine_.channels)
    channel->push({.id = nullptr, .device = this, .message = {.type = RDMA_CM_EVENT_DEVICE_REMOVAL}, .fresh = nullptr});
}

}  // namespace weft::rdma::model
