// group.hpp - what one thread polls: an epoll descriptor, the connections and listeners on it, and the memory they
// share.
//
// A turn (poll): send what is queued, tell what has ended, go on where a connection had to stop, read what epoll
// reports, judge deadlines, tell what has ended. Calls of the core only queue: a connection with something to send is
// on the dirty list, an operation that is over on the finished list, a connection with an end to tell on the ending
// list (Keeper). Thread: all of it belongs to the thread that polls.
#ifndef WEFT_TCP_GROUP_HPP
#define WEFT_TCP_GROUP_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../common/keeper.hpp"
#include "../common/list.hpp"
#include "../common/services.hpp"
#include "connection.hpp"
#include "data_op.hpp"
#include "fetcher.hpp"
#include "hot_set.hpp"
#include "listener.hpp"
#include "options.hpp"
#include "pollable.hpp"
#include "sender.hpp"
#include "slab_pool.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Group final : public plugin::Keeper {
 public:
  // `fd`: an epoll descriptor.
  Group(const plugin::Services& services, const Options& options, plugin::UniqueFd fd);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  static plugin::Made<std::unique_ptr<Group>> open(const plugin::Services& services, const Options& options);

  // The table's operations.
  int poll(std::uint32_t budget);
  void flush();
  int arm(int& fd, std::uint64_t& deadline_ns);
  void stats(weft_stats& out) const;
  plugin::Made<Connection*> connect(const weft_address& address, const weft_qpair_params& params,
                                    const weft_qpair_events& events, void* ctx);
  plugin::Made<Listener*> listen(const weft_address& address, const weft_listener_events& events, void* ctx);
  plugin::Made<Connection*> accept(Pending& pending, const weft_qpair_params& params, const weft_qpair_events& events,
                                   void* ctx);

  // For what lives on the group.
  [[nodiscard]] std::uint64_t now() const { return now_; }
  [[nodiscard]] const plugin::Services& services() const { return services_; }
  [[nodiscard]] SendBuffer& send_buffer() { return send_buffer_; }
  [[nodiscard]] SlabPool& slabs(Role role) { return role == Role::kHost ? host_slabs_ : slabs_; }
  [[nodiscard]] DataOpPool& ops() { return ops_; }
  [[nodiscard]] Fetcher& fetcher() { return fetcher_; }
  [[nodiscard]] HotSet& hot() { return hot_; }
  // Changes what epoll reports for the object: `wanted` 0 takes it out. `known`: what was asked for before.
  void watch(Pollable& object, int fd, std::uint32_t known, std::uint32_t wanted);
  void mark_dirty(Connection& connection) { dirty_.push_back(connection); }
  void finish(DataOp& op);  // its event comes from the next deliver()
  void wait_for_memory(Connection& connection) { waiting_.push_back(connection); }
  void waits_no_more(Connection& connection) { waiting_.remove(connection); }
  void say_memory_is_low();
  void say_changed_buffers(int fd, const Options& options);  // of all queue pairs of hosts once

 private:
  void deliver();
  void read_ready(std::uint32_t budget);
  void resume_stopped();

  const plugin::Services services_;
  const Options options_;
  const plugin::UniqueFd epoll_;
  SlabPool slabs_;       // of connections in the controller's role
  SlabPool host_slabs_;  // nothing is ever held there: a host can always read, whatever controllers wait for
  DataOpPool ops_;
  SendBuffer send_buffer_;
  Fetcher fetcher_;
  HotSet hot_;
  std::uint64_t now_ = 0;

  plugin::HookList<Connection, &Connection::dirty_hook> dirty_;
  plugin::HookList<Connection, &Connection::memory_hook> waiting_;
  std::uint64_t say_low_ = 0;  // when it may be said again
  bool said_buffers_ = false;
  DataOp* finished_first_ = nullptr;
  DataOp* finished_last_ = nullptr;
};

}  // namespace weft::tcp

#endif
