// Queue pairs and listeners of the loopback transport: how they come to be and how they end.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "support/loopback_hub.hpp"

namespace weft::test {
namespace {

constexpr std::uint32_t kKnownQpairFlags = WEFT_QP_ADMIN | WEFT_QP_SQ_FLOW_CONTROL;
constexpr std::uint32_t kMaxDepth = 65536;

int check_params(const weft_qpair_params& params, weft_error* error) {
  if (params.size != sizeof params) return fail(error, -EINVAL, "", "weft_qpair_params has a wrong size");
  if ((params.flags & ~kKnownQpairFlags) != 0) return fail(error, -ENOTSUP, "", "weft_qpair_params has unknown flags");
  if (params.depth == 0 || params.depth > kMaxDepth) return fail(error, -EINVAL, "", "depth is not 1 to 65,536");
  return 0;
}

int check_address(const weft_address& address, weft_error* error) {
  if (address.size != sizeof address) return fail(error, -EINVAL, "", "weft_address has a wrong size");
  if (address.reserved != 0) return fail(error, -ENOTSUP, "", "weft_address has its reserved field set");
  if (address.fd >= 0) return fail(error, -ENOTSUP, "", "the loopback transport has no sockets");
  if (address.traddr == nullptr) return fail(error, -EINVAL, "", "the address has no name");
  return 0;
}

weft_qpair* make_qpair_locked(bool host, weft_group* group, const weft_qpair_params& params,
                              const weft_qpair_events* events, void* ctx, std::string name) {
  auto qpair = std::make_unique<weft_qpair>();
  qpair->host = host;
  qpair->group = group;
  qpair->events = events;
  qpair->ctx = ctx;
  qpair->params = params;
  qpair->params.hostnqn = qpair->params.subnqn = nullptr;  // borrowed for the call only
  const std::size_t at = name.find('@');
  qpair->from = at == name.npos ? "host" : name.substr(0, at);
  qpair->name = at == name.npos ? std::move(name) : name.substr(at + 1);
  qpair->limits = hub().limits;
  if (host) qpair->commands.resize(params.depth);
  for (std::uint32_t i = 0; !host && i < params.depth; ++i) qpair->tokens.push_back(std::make_unique<Token>());
  ++group->qpairs;
  ++hub().counts.qpairs;
  if (host) group->connecting.push_back(qpair.get());
  hub().qpairs.push_back(std::move(qpair));
  return hub().qpairs.back().get();
}

void post_ready_locked(weft_qpair& qpair) {
  post_locked(*qpair.group, [&qpair] {
    weft_limits limits{};
    {
      const std::lock_guard lock(hub().mutex);
      if (qpair.state != QueueState::kConnecting) return;
      qpair.state = QueueState::kReady;
      const LoopbackLimits& own = qpair.limits;
      limits = {.size = sizeof limits,
                .caps = own.caps,
                .max_in_capsule = own.max_in_capsule,
                .max_in_capsule_admin = own.max_in_capsule_admin,
                .max_iov = own.max_iov,
                .max_descriptors = own.max_descriptors,
                .max_depth = own.max_depth,
                .data_alignment = own.data_alignment,
                .max_transfer = own.max_transfer,
                .max_io_depth = own.max_io_depth,
                .reserved = 0};
    }
    qpair.events->on_ready(qpair.ctx, &limits);
  });
}

void end_pending_locked(weft_pending& pending) {
  pending.ended = true;
  --hub().counts.pendings;
  if (pending.host != nullptr) pending.host->pending = nullptr;
}

void refuse_locked(weft_pending& pending, std::uint32_t detail, const char* text) {
  weft_qpair* host = pending.host;
  end_pending_locked(pending);
  if (host == nullptr) return;
  weft_error error = make_error(-ECONNREFUSED, WEFT_ORIGIN_PEER, "connect", text);
  error.detail = detail;
  end_side_locked(*host, -ECONNREFUSED, error);
}

void start_connect_locked(weft_qpair& host) {
  if (host.state != QueueState::kConnecting) return;
  const auto found = hub().listeners.find(host.name);
  if (found == hub().listeners.end()) {
    const std::string text = "nobody listens at '" + host.name + "'";
    return end_side_locked(host, -ECONNREFUSED,
                           make_error(-ECONNREFUSED, WEFT_ORIGIN_NETWORK, "connect", text.c_str()));
  }
  weft_listener& listener = *found->second;
  hub().pendings.push_back(std::make_unique<weft_pending>(weft_pending{&host, &listener}));
  weft_pending& pending = *hub().pendings.back();
  host.pending = &pending;
  ++hub().counts.pendings;
  if (hub().faults.hold_connects)
    listener.held.push_back(&pending);
  else
    announce_locked(listener, pending);
}

void peer_closed_locked(weft_qpair& qpair) {
  if (qpair.peer != nullptr)
    end_side_locked(*qpair.peer, -ECONNRESET, make_error(0, WEFT_ORIGIN_PEER, "", "the peer closed the connection"));
}

}  // namespace

void announce_locked(weft_listener& listener, weft_pending& pending) {
  post_locked(*listener.group, [&listener, &pending] {
    std::string from;
    {
      const std::lock_guard lock(hub().mutex);
      if (pending.host == nullptr) return end_pending_locked(pending);
      from = pending.host->from;
      if (!listener.open) return refuse_locked(pending, 0, "the listener has gone");
      pending.handed = true;
    }
    const weft_connect_info info{sizeof info, 0, from.c_str(), listener.name.c_str(), 0, 0, 0};
    listener.events->on_connect(listener.ctx, &pending, &info);
  });
}

bool is_usable(const weft_qpair* qpair, const char* call) {
  if (qpair->gone) {
    violation(std::string(call) + " on a queue pair that is gone");
    return false;
  }
  if (qpair->state == QueueState::kClosed) {
    violation(std::string(call) + " after on_closed");
    return false;
  }
  return true;
}

void finish_if_done_locked(weft_qpair& qpair) {
  if (qpair.gone) return;
  for (const std::unique_ptr<Token>& token : qpair.tokens)
    if (token->held) return;
  qpair.gone = true;
  --qpair.group->qpairs;
  --hub().counts.qpairs;
}

void end_side_locked(weft_qpair& qpair, std::int32_t operations, const weft_error& reason) {
  if (qpair.state == QueueState::kClosing || qpair.state == QueueState::kClosed) return;
  qpair.state = QueueState::kClosing;
  if (qpair.pending != nullptr) std::exchange(qpair.pending, nullptr)->host = nullptr;
  for (std::size_t cid = 0; cid < qpair.commands.size(); ++cid)
    if (qpair.commands[cid].in_use) end_command_locked(qpair, static_cast<std::uint16_t>(cid), operations);
  qpair.waiting.clear();
  for (const std::shared_ptr<Transfer>& transfer : std::vector(qpair.transfers))
    end_transfer_locked(transfer, 0, operations, 0, 0);
  post_locked(*qpair.group, [&qpair, reason] {
    {
      const std::lock_guard lock(hub().mutex);
      qpair.state = QueueState::kClosed;
    }
    qpair.events->on_closed(qpair.ctx, &reason);
    const std::lock_guard lock(hub().mutex);
    finish_if_done_locked(qpair);
  });
}

void cut_connection_locked(weft_qpair& qpair) {
  const weft_error error = make_error(-ECONNRESET, WEFT_ORIGIN_NETWORK, "", "the connection was cut");
  end_side_locked(qpair, -ECONNRESET, error);
  if (qpair.peer != nullptr) end_side_locked(*qpair.peer, -ECONNRESET, error);
}

std::uint64_t expire_connects_locked(weft_group& group, bool act) {
  const weft_services* services = group.domain->services;
  std::uint64_t nearest = 0;
  std::erase_if(group.connecting,
                [](const weft_qpair* one) { return one->gone || one->state != QueueState::kConnecting; });
  for (weft_qpair* const one : std::vector<weft_qpair*>(group.connecting)) {
    const std::uint64_t deadline = one->params.deadline_ns;
    if (deadline == 0) continue;
    if (act && services->now_ns(services->ctx) >= deadline) {
      end_side_locked(*one, -ETIMEDOUT,
                      make_error(-ETIMEDOUT, WEFT_ORIGIN_LOCAL, "connect", "nobody accepted within the time given"));
      peer_closed_locked(*one);
    } else if (nearest == 0 || deadline < nearest) {
      nearest = deadline;
    }
  }
  return nearest;
}

int loop_connect(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                 const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  const std::lock_guard lock(hub().mutex);
  if (const int rc = std::exchange(hub().faults.connect, 0); rc != 0)
    return fail(error, rc, "connect", "connect was told to fail");
  if (const int rc = check_address(*address, error); rc != 0) return rc;
  if (const int rc = check_params(*params, error); rc != 0) return rc;
  weft_qpair* host = make_qpair_locked(true, group, *params, events, ctx, address->traddr);
  group->outbox.emplace_back([host] { start_connect_locked(*host); });
  *out = host;
  return 0;
}

void loop_close(weft_qpair* qpair, std::uint32_t flags, std::uint64_t) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "close")) return;
  if ((flags & WEFT_CLOSE_FLUSH) != 0) flush_locked(*qpair->group);
  if (qpair->state == QueueState::kClosing) return;
  end_side_locked(*qpair, -ECANCELED, make_error(0, WEFT_ORIGIN_LOCAL, "", ""));
  peer_closed_locked(*qpair);
}

void loop_qpair_info(const weft_qpair* qpair, weft_qpair_info* out) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "qpair_info")) return;
  weft_qpair_info info{};
  info.size = out->size;
  info.caps = qpair->limits.caps;
  std::strncpy(qpair->host ? info.peer : info.local, qpair->name.c_str(), sizeof info.peer - 1);
  std::strncpy(qpair->host ? info.local : info.peer, "host", sizeof info.peer - 1);
  std::memcpy(out, &info, std::min<std::size_t>(out->size, sizeof info));
}

void loop_qpair_stats(const weft_qpair* qpair, weft_stats* out) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "qpair_stats")) return;
  const std::uint32_t size = out->size;
  std::memcpy(out, &qpair->stats, std::min<std::size_t>(size, sizeof *out));
  out->size = size;
}

int loop_listen(weft_group* group, const weft_address* address, const weft_listener_events* events, void* ctx,
                weft_listener** out, weft_error* error) {
  const std::lock_guard lock(hub().mutex);
  if (const int rc = std::exchange(hub().faults.listen, 0); rc != 0)
    return fail(error, rc, "listen", "listen was told to fail");
  if (const int rc = check_address(*address, error); rc != 0) return rc;
  std::string name = address->traddr;
  if (name.empty()) name = "unnamed" + std::to_string(++hub().names_made);
  if (hub().listeners.contains(name))
    return fail(error, -EADDRINUSE, "listen", "somebody listens at that name already");
  auto listener = std::make_unique<weft_listener>();
  listener->group = group;
  listener->events = events;
  listener->ctx = ctx;
  listener->name = name;
  *out = hub().listeners[name] = listener.get();
  hub().all_listeners.push_back(std::move(listener));
  ++group->listeners;
  ++hub().counts.listeners;
  return 0;
}

void loop_unlisten(weft_listener* listener) {
  const std::lock_guard lock(hub().mutex);
  if (!listener->open) return violation("unlisten twice");
  listener->open = false;
  hub().listeners.erase(listener->name);
  for (; !listener->held.empty(); listener->held.pop_front())
    refuse_locked(*listener->held.front(), 0, "the listener has gone");
  post_locked(*listener->group, [listener] {
    const weft_error error = make_error(0, WEFT_ORIGIN_LOCAL, "", "");
    listener->events->on_closed(listener->ctx, &error);
    const std::lock_guard relock(hub().mutex);
    listener->gone = true;
    --listener->group->listeners;
    --hub().counts.listeners;
  });
}

void loop_listener_info(const weft_listener* listener, weft_listener_info* out) {
  const std::lock_guard lock(hub().mutex);
  if (listener->gone) return violation("listener_info of a listener that is gone");
  weft_listener_info info{};
  info.size = out->size;
  info.trtype = info.adrfam = 0xfe;
  std::strncpy(info.traddr, listener->name.c_str(), sizeof info.traddr - 1);
  std::memcpy(out, &info, std::min<std::size_t>(out->size, sizeof info));
}

int loop_accept(weft_group* group, weft_pending* pending, const weft_qpair_params* params,
                const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  const std::lock_guard lock(hub().mutex);
  if (pending->ended || !pending->handed) {
    violation("accept of a connection that is not pending");
    return -EINVAL;
  }
  if (const int rc = std::exchange(hub().faults.accept, 0); rc != 0)
    return fail(error, rc, "accept", "accept was told to fail");
  if (const int rc = check_params(*params, error); rc != 0) return rc;
  weft_qpair* host = pending->host;
  end_pending_locked(*pending);
  weft_qpair* controller = make_qpair_locked(false, group, *params, events, ctx, pending->listener->name);
  *out = controller;
  if (host == nullptr) {
    end_side_locked(*controller, -ECONNRESET, make_error(0, WEFT_ORIGIN_PEER, "", "the host went away"));
    return 0;
  }
  host->peer = controller;
  controller->peer = host;
  if (hub().cut_locked(CutPoint::kAccept, *host)) {
    cut_connection_locked(*host);
  } else {
    post_ready_locked(*controller);
    post_ready_locked(*host);
  }
  return 0;
}

void loop_reject(weft_pending* pending, std::uint32_t reason) {
  const std::lock_guard lock(hub().mutex);
  if (pending->ended || !pending->handed) return violation("reject of a connection that is not pending");
  refuse_locked(*pending, reason, "the controller rejected the connection");
}

int loop_configure(weft_qpair* qpair, const weft_qpair_params* params, weft_error* error) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "configure")) return -ENOTCONN;
  if (qpair->host) {
    violation("configure of a host's queue pair");
    return -EINVAL;
  }
  if (const int rc = std::exchange(hub().faults.configure, 0); rc != 0)
    return fail(error, rc, "configure", "configure was told to fail");
  if (qpair->state != QueueState::kReady) return fail(error, -ENOTCONN, "configure", "the queue pair is closing");
  if (const int rc = check_params(*params, error); rc != 0) return rc;
  qpair->params = *params;
  qpair->params.hostnqn = qpair->params.subnqn = nullptr;
  while (qpair->tokens.size() < params->depth) qpair->tokens.push_back(std::make_unique<Token>());
  return 0;
}

}  // namespace weft::test
