// listener.hpp - an address on which hosts may ask for queue pairs. What they ask is judged here; the core hears only of
// requests that can be met. Thread: its group's. It dies when its on_closed was told.
#ifndef WEFT_RDMA_LISTENER_HPP
#define WEFT_RDMA_LISTENER_HPP

#include <cstdint>
#include <memory>
#include <string>

#include "../common/net_address.hpp"
#include "../common/pollable.hpp"
#include "cm_user.hpp"
#include "options.hpp"
#include "pending.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Group;

class Listener final : public plugin::Pollable, public CmUser {
 public:
  Listener(Group& group, const Options& options, const weft_listener_events& events, void* ctx);
  ~Listener() override;
  // Bound and listening when it returns well; else it is to be deleted.
  plugin::Made<void> open(const weft_address& address);

  // The table's operations.
  void close();
  void info(weft_listener_info& out) const;

  void on_cm_event(verbs::CmEvent& event) override;
  void tell_end() override;

 private:
  void asked(verbs::CmEvent& event);
  void stop();

  Group& group_;
  const Options options_;
  const weft_listener_events& events_;
  void* const ctx_;
  const PendingCount pendings_;
  std::unique_ptr<verbs::CmId> id_;
  plugin::NetAddress local_;
  bool closing_ = false;
  int error_ = 0;  // errno with which it closed by itself
};

}  // namespace weft::rdma

#endif
