#include "core/controller/admission.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/controller/shares.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kFewMachines = 64;
constexpr std::uint32_t kUndivided = 8;  // limits below can be used up by one
constexpr std::uint32_t kKeptFree = 64;  // one place in so many, for those that come while others make room

}  // namespace

Admission::Outcome Admission::admit(std::string_view machine, Nanoseconds now) {
  const std::uint32_t open = *connections_;
  if (open >= most_) return {{}, fmt::format("{} are open", open), nullptr};
  auto it = machines_.find(machine);
  if (it == machines_.end()) {
    forget_idle_machines();
    it = machines_.emplace(machine, Machine()).first;
  }
  const Machine& of = it->second;
  if (!machine_may_take(kOfPlaces, 1, most_ - open, *of.connections)) {
    return {{}, fmt::format("{} of the {} that are open are that machine's", of.connections->load(), open), nullptr};
  }
  if (const std::uint32_t waiting = newcomers_->count(machine); waiting >= most_of_machine_) {
    return {{}, fmt::format("{} of that machine's have not connected", waiting), nullptr};
  }
  std::shared_ptr<Newcomer> makes_room = wants_room(open) ? newcomers_->pick_victim(now) : nullptr;
  return {{std::make_shared<const Ticket>(connections_), std::make_shared<const Ticket>(of.connections),
           newcomers_->add(machine, now)},
          {},
          std::move(makes_room)};
}

// The place of one that makes room is free only when its worker has closed it: some are kept free for the meantime.
bool Admission::wants_room(std::uint32_t open) const {
  if (most_ < kUndivided) return false;
  return newcomers_->count() >= most_ / 2 || most_ - open <= most_ / kKeptFree;
}

// Each time that their number has doubled: what it costs is spread over those who came.
void Admission::forget_idle_machines() {
  if (machines_.size() < forget_at_) return;
  std::erase_if(machines_, [](const auto& machine) { return *machine.second.connections == 0; });
  forget_at_ = 2 * machines_.size() + kFewMachines;
}

}  // namespace weft::controller
