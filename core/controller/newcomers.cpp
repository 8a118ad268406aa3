#include "core/controller/newcomers.hpp"

namespace weft::controller {

Newcomer::~Newcomer() {
  const std::lock_guard lock(all_->mutex_);
  all_->remove(*this);
}

std::shared_ptr<Newcomer> Newcomers::add(std::string_view machine, Nanoseconds now) {
  auto one = std::make_shared<Newcomer>(shared_from_this(), std::string(machine), now);
  const std::lock_guard lock(mutex_);
  one->number_ = ++came_;
  Machine& of = machines_[one->machine];
  if (of.count != 0) ranks_.erase(rank_of(of));
  of.newcomers.push_back(*one);
  ++of.count;
  ranks_.insert(rank_of(of));
  all_.push_back(*one);
  ++count_;
  return one;
}

std::uint32_t Newcomers::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::uint32_t Newcomers::count(std::string_view machine) const {
  const std::lock_guard lock(mutex_);
  const auto it = machines_.find(machine);
  return it == machines_.end() ? 0 : it->second.count;
}

std::shared_ptr<Newcomer> Newcomers::pick_victim(Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  if (count_ == 0) return nullptr;
  auto& of_most = static_cast<Newcomer&>(ranks_.rbegin()->machine->newcomers.front());
  auto& oldest = static_cast<Newcomer&>(all_.front());
  Newcomer& victim = now - of_most.since >= kConnectTime || now - oldest.since < kConnectTime ? of_most : oldest;
  remove(victim);
  return victim.weak_from_this().lock();  // its last owner may wait for the mutex
}

Newcomers::Rank Newcomers::rank_of(Machine& machine) {
  const auto& oldest = static_cast<const Newcomer&>(machine.newcomers.front());
  return {machine.count, UINT64_MAX - oldest.number_, &machine};
}

void Newcomers::remove(Newcomer& one) {
  if (!one.OldestOfAll::linked()) return;
  const auto it = machines_.find(one.machine);
  Machine& of = it->second;
  ranks_.erase(rank_of(of));
  one.OldestOfMachine::unlink();
  one.OldestOfAll::unlink();
  --count_;
  if (--of.count != 0) {
    ranks_.insert(rank_of(of));
  } else {
    machines_.erase(it);
  }
}

}  // namespace weft::controller
