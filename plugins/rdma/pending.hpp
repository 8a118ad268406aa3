// pending.hpp - a host that asks for a queue pair, and that the core has neither taken nor refused yet.
//
// Owned by whoever holds it, any thread; ends in Group::accept or reject(). It carries what the connection needs, so it
// outlives the listener.
#ifndef WEFT_RDMA_PENDING_HPP
#define WEFT_RDMA_PENDING_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "options.hpp"
#include "private_data.hpp"
#include "side.hpp"
#include "verbs.hpp"

namespace weft::rdma {

// Pendings of one listener that are neither accepted nor rejected.
using PendingCount = std::shared_ptr<std::atomic<std::uint32_t>>;

class Pending {
 public:
  // `channel`: where the id's events come from.
  Pending(std::unique_ptr<verbs::CmId> id, verbs::CmChannel& channel, const Agreed& agreed, const Options& options,
          PendingCount count)
      : id_(std::move(id)), channel_(channel), agreed_(agreed), options_(options), count_(std::move(count)) {
    count_->fetch_add(1, std::memory_order_relaxed);
  }
  ~Pending() { count_->fetch_sub(1, std::memory_order_relaxed); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void reject(std::uint32_t reason);

  [[nodiscard]] verbs::CmId& id() { return *id_; }
  [[nodiscard]] std::unique_ptr<verbs::CmId> take_id() { return std::move(id_); }
  [[nodiscard]] const verbs::CmChannel& channel() const { return channel_; }
  [[nodiscard]] const Agreed& agreed() const { return agreed_; }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  std::unique_ptr<verbs::CmId> id_;
  verbs::CmChannel& channel_;
  const Agreed agreed_;
  const Options options_;
  const PendingCount count_;
};

}  // namespace weft::rdma

#endif
