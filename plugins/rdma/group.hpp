// group.hpp - what one thread polls: a channel of the connection manager, completion queues of each device in use, and
// the connections and listeners on them.
//
// A turn (poll): post what is queued, tell what has ended, take completions, take events of the connection manager, judge
// deadlines, tell what has ended. Completions come first: what a peer sent before it disconnected is still heard.
// Calls of the core only queue. Thread: all of it belongs to the thread that polls.
#ifndef WEFT_RDMA_GROUP_HPP
#define WEFT_RDMA_GROUP_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "../common/keeper.hpp"
#include "../common/list.hpp"
#include "../common/services.hpp"
#include "../common/unique_fd.hpp"
#include "connection.hpp"
#include "data_op.hpp"
#include "device_events.hpp"
#include "device_share.hpp"
#include "listener.hpp"
#include "places.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Domain;

class Group final : public plugin::Keeper {
 public:
  static plugin::Made<std::unique_ptr<Group>> open(Domain& domain);
  Group(Domain& domain, std::unique_ptr<verbs::CmChannel> channel, plugin::UniqueFd epoll);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // The table's operations.
  int poll(std::uint32_t budget);
  void flush();
  int arm(int& fd, std::uint64_t& deadline_ns);
  void stats(weft_stats& out) const { sum_stats(out); }
  plugin::Made<Connection*> connect(const weft_address& address, const weft_qpair_params& params,
                                    const weft_qpair_events& events, void* ctx);
  plugin::Made<Listener*> listen(const weft_address& address, const weft_listener_events& events, void* ctx);
  plugin::Made<Connection*> accept(Pending& pending, const weft_qpair_params& params, const weft_qpair_events& events,
                                   void* ctx);

  // For what lives on the group.
  [[nodiscard]] std::uint64_t now() const { return now_; }
  [[nodiscard]] Domain& domain() { return domain_; }
  [[nodiscard]] const plugin::Services& services() const;
  [[nodiscard]] verbs::CmChannel& channel() { return *channel_; }
  [[nodiscard]] Places<Connection>& places() { return places_; }
  plugin::Made<DeviceShare*> share(verbs::Device& device);
  // Events of `id` go to `user` until it is unheard; an id dies unheard.
  void hear(const verbs::CmId& id, CmUser& user) { users_[&id] = &user; }
  void unhear(const verbs::CmId& id) { users_.erase(&id); }
  void mark_dirty(Connection& connection) { dirty_.push_back(connection); }
  void device_goes_away(verbs::Device& device);
  void look_at_device_events();
  void finish(DataOp& op);  // its event comes from the next deliver()

 private:
  void deliver();
  void take_completions(std::uint32_t budget);
  void take(DeviceShare& share, const ibv_wc& completion);
  void post_receives();
  void take_cm_events();
  void take_device_events();
  void on_device_event(const DeviceEvents::Event& event);
  void end_all_on(const verbs::Device& device);
  void drop_idle_shares();

  Domain& domain_;
  const std::unique_ptr<verbs::CmChannel> channel_;
  const plugin::UniqueFd epoll_;
  std::uint64_t now_ = 0;
  std::uint64_t look_at_cm_ = 0;       // when the connection manager is asked again
  std::uint64_t look_at_devices_ = 0;  // when devices are asked for events again
  DeviceEvents device_events_;
  const std::uint32_t vector_;
  std::vector<std::unique_ptr<DeviceShare>> shares_;
  Places<Connection> places_;
  std::unordered_map<const verbs::CmId*, CmUser*> users_;
  plugin::HookList<Connection, &Connection::dirty_hook> dirty_;
  DataOp* finished_first_ = nullptr;
  DataOp* finished_last_ = nullptr;
};

}  // namespace weft::rdma

#endif
