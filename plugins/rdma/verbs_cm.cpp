// verbs_cm.cpp - the connection manager: ids, and the channel of their events.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../common/net_address.hpp"
#include "verbs_library.hpp"

namespace weft::rdma::verbs {

// verbs_objects.cpp
Made<std::unique_ptr<QueuePair>> make_real_queue_pair(rdma_cm_id* id, RealDevice& device, CompletionQueue& completions,
                                                      SharedReceives* shared, const QueuePairSizes& sizes);

namespace {

plugin::NetAddress address_of(const sockaddr* given) {
  plugin::NetAddress address;
  if (given != nullptr)
    plugin::NetAddress::from_bytes(given, given->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in),
                                   address);
  return address;
}

rdma_conn_param parameters_of(const ConnectionParameters& given) {
  rdma_conn_param parameters{};
  parameters.private_data = given.private_data.data();
  parameters.private_data_len = static_cast<std::uint8_t>(given.private_data.size());
  parameters.responder_resources = given.reads_in;
  parameters.initiator_depth = given.reads_out;
  parameters.flow_control = 1;
  parameters.retry_count = given.retries;
  parameters.rnr_retry_count = given.rnr_retries;
  return parameters;
}

class RealCmChannel final : public CmChannel {
 public:
  RealCmChannel(RealLibrary& library, rdma_event_channel* channel) : library_(library), channel_(channel) {}
  ~RealCmChannel() override {
    for (const Watcher& watcher : watchers_) rdma_destroy_id(watcher.id);
    rdma_destroy_event_channel(channel_);
  }
  RealCmChannel(const RealCmChannel&) = delete;
  RealCmChannel& operator=(const RealCmChannel&) = delete;
  [[nodiscard]] int fd() const override { return channel_->fd; }
  Made<bool> next(CmEvent& out) override;
  Made<std::unique_ptr<CmId>> make_id() override;
  [[nodiscard]] rdma_event_channel* handle() const { return channel_; }
  // The kernel tells of a removal through ids that are bound to the device, and waits for all who hold it open, as we do
  // from the beginning: so each device has an id here for that alone.
  void watch_devices();

 private:
  struct Watcher {
    rdma_cm_id* id = nullptr;
    RealDevice* device = nullptr;
  };
  void watch(plugin::NetAddress address);
  void watch_device_of(rdma_cm_id* id);
  [[nodiscard]] bool is_watchers(rdma_cm_event* event, CmEvent& out);

  RealLibrary& library_;
  rdma_event_channel* const channel_;
  std::vector<Watcher> watchers_;
};

class RealCmId final : public CmId {
 public:
  RealCmId(RealLibrary& library, rdma_cm_id* id) : library_(library), id_(id) { id_->context = this; }
  ~RealCmId() override { rdma_destroy_id(id_); }
  RealCmId(const RealCmId&) = delete;
  RealCmId& operator=(const RealCmId&) = delete;

  Made<void> tune(const ConnectionTuning& tuning) override {
    std::uint8_t tos = tuning.tos, time = tuning.ack_timeout;
    if (tos != 0 && rdma_set_option(id_, RDMA_OPTION_ID, RDMA_OPTION_ID_TOS, &tos, sizeof tos) != 0)
      return failed(errno, "set the type of service (option tos)", "connect");
    if (time != 0 && rdma_set_option(id_, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT, &time, sizeof time) != 0)
      return failed(errno, "set the acknowledgement time-out (option ack_timeout)", "connect");
    return {};
  }
  Made<void> bind(const sockaddr& local, bool one_family) override {
    int on = 1;
    if (one_family && rdma_set_option(id_, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY, &on, sizeof on) != 0)
      return failed(errno, "listen on one family of addresses alone", "listen");
    plugin::NetAddress address = address_of(&local);
    return done(rdma_bind_addr(id_, address.raw()), "bind to " + address.text(), "listen");
  }
  Made<void> listen(int backlog) override { return done(rdma_listen(id_, backlog), "listen", "listen"); }
  Made<void> resolve_address(const sockaddr* source, const sockaddr& peer, int timeout_ms) override {
    plugin::NetAddress from = address_of(source);
    plugin::NetAddress to = address_of(&peer);
    return done(rdma_resolve_addr(id_, source != nullptr ? from.raw() : nullptr, to.raw(), timeout_ms),
                "find a device for " + to.text(), "resolve");
  }
  Made<void> resolve_route(int timeout_ms) override {
    return done(rdma_resolve_route(id_, timeout_ms), "find a route", "resolve");
  }
  [[nodiscard]] Device* device() const override { return library_.device_of(id_->verbs); }
  Made<std::unique_ptr<QueuePair>> make_queue_pair(CompletionQueue& completions, SharedReceives* shared,
                                                   const QueuePairSizes& sizes) override {
    RealDevice* const mine = library_.device_of(id_->verbs);
    if (mine == nullptr) return failed(ENODEV, "make a queue pair");
    return make_real_queue_pair(id_, *mine, completions, shared, sizes);
  }
  Made<void> connect(const ConnectionParameters& given) override {
    rdma_conn_param parameters = parameters_of(given);
    return done(rdma_connect(id_, &parameters), "connect", "connect");
  }
  Made<void> accept(const ConnectionParameters& given) override {
    rdma_conn_param parameters = parameters_of(given);
    const int accepted = rdma_accept(id_, &parameters);
    if (accepted == 0 && id_->qp != nullptr && id_->qp->srq != nullptr) ask_for_short_pauses();
    return done(accepted, "accept the connection", "connect");
  }
  Made<void> reject(std::span<const std::byte> said) override {
    return done(rdma_reject(id_, said.data(), static_cast<std::uint8_t>(said.size())), "reject the connection",
                "connect");
  }
  Made<void> disconnect() override { return done(rdma_disconnect(id_), "disconnect", ""); }
  Made<void> migrate(CmChannel& channel) override {
    return done(rdma_migrate_id(id_, static_cast<RealCmChannel&>(channel).handle()), "hand over a connection",
                "connect");
  }
  [[nodiscard]] sockaddr_storage local() const override { return address_of(rdma_get_local_addr(id_)).storage; }
  [[nodiscard]] sockaddr_storage peer() const override { return address_of(rdma_get_peer_addr(id_)).storage; }

 private:
  // A peer that finds no receive is told when to try again; the connection manager leaves that at 655 ms. A device that
  // cannot change it is none the worse.
  void ask_for_short_pauses() {
    constexpr std::uint8_t k640Microseconds = 12;
    ibv_qp_attr attributes{};
    attributes.min_rnr_timer = k640Microseconds;
    static_cast<void>(ibv_modify_qp(id_->qp, &attributes, IBV_QP_MIN_RNR_TIMER));
  }
  static Made<void> done(int rc, std::string what, std::string_view stage) {
    if (rc == 0) return {};
    return failed(errno, std::move(what), stage);
  }

  RealLibrary& library_;
  rdma_cm_id* const id_;
};

Made<bool> RealCmChannel::next(CmEvent& out) {
  rdma_cm_event* event = nullptr;
  if (rdma_get_cm_event(channel_, &event) != 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    return failed(errno, "read an event of the RDMA connection manager");
  }
  out = CmEvent{};
  out.type = event->event;
  out.status = event->status;
  if (is_watchers(event, out)) return true;
  rdma_cm_id* const whose = event->event == RDMA_CM_EVENT_CONNECT_REQUEST ? event->listen_id : event->id;
  out.id = static_cast<RealCmId*>(whose->context);
  if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST) out.fresh = std::make_unique<RealCmId>(library_, event->id);
  if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST || event->event == RDMA_CM_EVENT_ADDR_RESOLVED)
    watch_device_of(event->id);
  const rdma_conn_param& said = event->param.conn;
  out.reads_in = said.responder_resources;
  out.reads_out = said.initiator_depth;
  if (said.private_data != nullptr) {
    out.private_length =
        std::min<std::uint32_t>(said.private_data_len, static_cast<std::uint32_t>(out.private_data.size()));
    std::memcpy(out.private_data.data(), said.private_data, out.private_length);
  }
  rdma_ack_cm_event(event);
  return true;
}

// A watcher holds its device open too, so it goes with the event.
bool RealCmChannel::is_watchers(rdma_cm_event* event, CmEvent& out) {
  const auto found = std::ranges::find(watchers_, event->id, &Watcher::id);
  if (found == watchers_.end()) return false;
  out.device = found->device;
  rdma_ack_cm_event(event);
  if (out.type == RDMA_CM_EVENT_DEVICE_REMOVAL) {
    rdma_destroy_id(found->id);
    watchers_.erase(found);
  }
  return true;
}

void RealCmChannel::watch_devices() {
  for (const DeviceAddress& device : library_.addresses()) {
    if (device.addresses.empty()) continue;
    if (const auto address = plugin::parse_numeric(device.addresses.front(), "0"); address && *address)
      watch(**address);
  }
}

// Of a device that came later we first hear by what is asked of it.
void RealCmChannel::watch_device_of(rdma_cm_id* id) {
  const RealDevice* const device = library_.device_of(id->verbs);
  if (device == nullptr || std::ranges::find(watchers_, device, &Watcher::device) != watchers_.end()) return;
  plugin::NetAddress address = address_of(rdma_get_local_addr(id));
  address.set_port(0);
  watch(address);
}

void RealCmChannel::watch(plugin::NetAddress address) {
  rdma_cm_id* id = nullptr;
  if (rdma_create_id(channel_, &id, nullptr, RDMA_PS_TCP) != 0) return;
  RealDevice* const owner = rdma_bind_addr(id, address.raw()) == 0 ? library_.device_of(id->verbs) : nullptr;
  if (owner != nullptr) {
    watchers_.push_back({id, owner});
  } else {
    rdma_destroy_id(id);
  }
}

Made<std::unique_ptr<CmId>> RealCmChannel::make_id() {
  rdma_cm_id* id = nullptr;
  if (rdma_create_id(channel_, &id, nullptr, RDMA_PS_TCP) != 0) return failed(errno, "make an id for a connection");
  return std::make_unique<RealCmId>(library_, id);
}

}  // namespace

Made<std::unique_ptr<CmChannel>> RealLibrary::make_cm_channel() {
  rdma_event_channel* const channel = rdma_create_event_channel();
  if (channel == nullptr) return failed(errno, "reach the RDMA connection manager");
  auto made = std::make_unique<RealCmChannel>(*this, channel);
  const int flags = ::fcntl(channel->fd, F_GETFL);
  if (flags < 0 || ::fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return failed(errno, "make the connection manager's channel non-blocking");
  made->watch_devices();
  return made;
}

}  // namespace weft::rdma::verbs
