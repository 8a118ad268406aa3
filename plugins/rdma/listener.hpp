// listener.hpp - an address on which hosts may ask for queue pairs. What they ask is judged here; the core hears only of
// requests that can be met. Whoever listens on the address of a device that goes away listens there again when it is back;
// the core is told of neither, people are. Thread: its group's. It dies when its on_closed was told.
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
  void on_deadline() override;
  void tell_end() override;

 private:
  plugin::Made<void> bind(const plugin::NetAddress& where);
  void asked(verbs::CmEvent& event);
  void device_went_away();
  void stop();

  Group& group_;
  const Options options_;
  const weft_listener_events& events_;
  void* const ctx_;
  const PendingCount pendings_;
  std::unique_ptr<verbs::CmId> id_;  // nullptr: its device is away
  verbs::Device* device_ = nullptr;  // nullptr: it is bound to none
  bool said_why_ = false;            // it cannot listen again
  plugin::NetAddress local_;
  bool one_family_ = true;
  bool closing_ = false;
};

}  // namespace weft::rdma

#endif
