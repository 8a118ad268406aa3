#include "core/controller/admission.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/controller/shares.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kFewMachines = 64;

}  // namespace

Admission::Outcome Admission::admit(std::string_view machine) {
  const std::uint32_t open = *connections_;
  if (open >= most_) return {{}, fmt::format("{} are open", open)};
  auto it = machines_.find(machine);
  if (it == machines_.end()) {
    forget_idle_machines();
    it = machines_.emplace(machine, Machine()).first;
  }
  const Machine& of = it->second;
  if (!machine_may_take(kOfPlaces, 1, most_ - open, *of.connections)) {
    return {{}, fmt::format("{} of the {} that are open are that machine's", of.connections->load(), open)};
  }
  if (*of.newcomers >= most_newcomers_) {
    return {{}, fmt::format("{} of that machine's have not connected", of.newcomers->load())};
  }
  return {{std::make_shared<const Ticket>(connections_), std::make_shared<const Ticket>(of.connections),
           std::make_shared<const Ticket>(of.newcomers)},
          {}};
}

// Each time that their number has doubled: what it costs is spread over those who came.
void Admission::forget_idle_machines() {
  if (machines_.size() < forget_at_) return;
  std::erase_if(machines_, [](const auto& machine) { return *machine.second.connections == 0; });
  forget_at_ = 2 * machines_.size() + kFewMachines;
}

}  // namespace weft::controller
