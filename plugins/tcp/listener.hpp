// listener.hpp - a listening socket, and the peers that it has accepted and the core has not taken yet.
//
// Listener: on its group's thread; dies when its on_closed was told. Pending: owned by whoever holds it, any thread;
// ends in Group::accept or reject(). It carries what the connection needs, so it outlives the listener.
#ifndef WEFT_TCP_LISTENER_HPP
#define WEFT_TCP_LISTENER_HPP

#include <cstdint>
#include <memory>
#include <string>

#include "../common/net_address.hpp"
#include "options.hpp"
#include "pollable.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Group;

class Pending {
 public:
  Pending(plugin::UniqueFd fd, const Options& options) : fd_(std::move(fd)), options_(options) {}
  void reject(std::uint32_t) { delete this; }  // TCP has no words before ICReq: the socket is closed
  [[nodiscard]] plugin::UniqueFd take_fd() { return std::move(fd_); }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  plugin::UniqueFd fd_;
  const Options options_;
};

class Listener final : public Pollable {
 public:
  // `one`: the descriptor is a connected socket, which is told once as if it had just been accepted.
  Listener(Group& group, plugin::UniqueFd fd, bool one, const Options& options, const weft_listener_events& events,
           void* ctx);
  ~Listener() override;
  // A socket for the address, bound and listening.
  static plugin::Made<plugin::UniqueFd> open_socket(const weft_address& address, const Options& options);

  // The table's operations.
  void close();
  void info(weft_listener_info& out) const;

  void on_events(std::uint32_t events) override;
  void on_deadline() override;  // a pause is over
  void on_resume() override;
  void tell_end() override;

 private:
  bool accept_one();
  bool judge_error(int error);
  void pause(std::uint64_t time);
  void say_paused(int error);
  void offer(plugin::UniqueFd fd);
  void stop();

  Group& group_;
  plugin::UniqueFd fd_;
  const bool one_;
  const Options options_;
  const weft_listener_events& events_;
  void* const ctx_;
  plugin::NetAddress local_;
  bool both_families_ = false;
  bool watched_ = false;
  bool closing_ = false;
  bool paused_ = false;
  std::uint64_t say_paused_ = 0;  // when it may be said again
  int error_ = 0;
};

}  // namespace weft::tcp

#endif
