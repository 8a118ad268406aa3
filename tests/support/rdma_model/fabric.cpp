#include "fabric.hpp"

#include "machine.hpp"

namespace weft::rdma::model {

Fabric::Fabric(std::uint64_t seed) : seed_(seed), engine_(seed) {}
Fabric::~Fabric() = default;

Machine& Fabric::add_machine(std::string name) {
  const auto guard = lock();
  machines_.push_back(std::make_unique<Machine>(*this, std::move(name)));
  return *machines_.back();
}

std::uint64_t Fabric::random(std::uint64_t below) {
  const auto guard = lock();
  return below == 0 ? 0 : engine_() % below;
}

bool Fabric::step() {
  const auto guard = lock();
  std::size_t all = 0;
  for (const Actor* actor : actors_) all += actor->choices();
  if (all == 0) return false;
  if (!shuffled) {
    while (actors_[turn_ % actors_.size()]->choices() == 0) ++turn_;
    actors_[turn_++ % actors_.size()]->take(0);
    return true;
  }
  std::size_t choice = random(all);
  for (Actor* actor : actors_) {
    const std::size_t here = actor->choices();
    if (choice < here) {
      actor->take(choice);
      return true;
    }
    choice -= here;
  }
  return true;
}

std::size_t Fabric::steps(std::size_t most) {
  std::size_t done = 0;
  while (done < most && step()) ++done;
  return done;
}

std::size_t Fabric::settle() { return steps(SIZE_MAX); }

bool Fabric::run_until(const std::function<bool()>& done, std::size_t rounds) {
  for (std::size_t round = 0; round < rounds; ++round) {
    if (done()) return true;
    steps(1 + random(4));
  }
  return done();
}

bool Fabric::pass_time() {
  const auto guard = lock();
  std::vector<Actor*> waiting;
  for (Actor* actor : actors_) {
    if (actor->waits_for_time()) waiting.push_back(actor);
  }
  for (Actor* actor : waiting) {
    if (actor->waits_for_time()) actor->time_out();
  }
  return !waiting.empty();
}

}  // namespace weft::rdma::model
