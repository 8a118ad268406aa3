#include "core/controller/admission.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kFewPeers = 64;

}  // namespace

std::shared_ptr<const Ticket> Admission::admit(std::string_view peer) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) {
    forget_idle_peers();
    it = peers_.emplace(peer, std::make_shared<std::atomic<std::uint32_t>>(0)).first;
  }
  if (*it->second >= most_) return nullptr;
  return std::make_shared<const Ticket>(it->second);
}

// Each time that their number has doubled: what it costs is spread over those who came.
void Admission::forget_idle_peers() {
  if (peers_.size() < forget_at_) return;
  std::erase_if(peers_, [](const auto& peer) { return *peer.second == 0; });
  forget_at_ = 2 * peers_.size() + kFewPeers;
}

}  // namespace weft::controller
