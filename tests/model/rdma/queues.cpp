#include "queues.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::rdma::model {
namespace {

constexpr std::uint32_t kBothAccesses = WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE;

Closed told(const weft_error* error) { return {error->code, error->origin, error->detail, error->stage, error->text}; }

}  // namespace

Bytes pattern(std::size_t length, std::uint64_t seed) {
  Bytes bytes(length);
  std::uint64_t state = seed * 2654435761u + 1;
  for (std::byte& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

Bytes core_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint32_t where) {
  Bytes sqe(kSqeSize);
  sqe[0] = static_cast<std::byte>(opcode);
  store(sqe.data() + 2, le16(cid));
  store(sqe.data() + 40, le32(where));
  return sqe;
}

weft_qpair_params params(std::uint32_t depth, bool admin, std::uint32_t in_capsule, std::uint16_t descriptors) {
  weft_qpair_params made{};
  made.size = sizeof made;
  made.flags = admin ? WEFT_QP_ADMIN : 0;
  made.depth = depth;
  made.qid = admin ? 0 : 1;
  made.cntlid = admin ? 0 : 1;
  made.in_capsule = in_capsule;
  made.max_descriptors = descriptors;
  return made;
}

// ---- Where, Buffer -------------------------------------------------------------------------------------------------

Where::Where(std::string host, std::string service, Given given)
    : host_(std::move(host)), service_(std::move(service)), given_(std::move(given)) {
  for (const auto& [key, value] : given_) raw_.push_back({key.c_str(), value.c_str()});
  address_.size = sizeof address_;
  address_.fd = -1;
  address_.traddr = host_.c_str();
  address_.trsvcid = service_.c_str();
  address_.options = raw_.data();
  address_.option_count = static_cast<std::uint32_t>(raw_.size());
}

Where& Where::from(std::string source) {
  source_ = std::move(source);
  address_.source_traddr = source_.c_str();
  return *this;
}

Buffer::Buffer(World& world, weft_domain* domain, std::size_t length, bool registered) : bytes(length), world_(world) {
  if (!registered) return;
  weft_error error{};
  error.size = sizeof error;
  for (weft_region*& region : regions_)
    EXPECT_EQ(world.table.region_register(domain, bytes.data(), length, kBothAccesses, &region, &error), 0)
        << error.text;
}

Buffer::~Buffer() {
  for (weft_region* region : regions_)
    if (region != nullptr) world_.table.region_release(region);
}

std::vector<weft_iov> Buffer::iov(std::size_t offset, std::size_t length, std::size_t pieces) {
  std::vector<weft_iov> all;
  for (std::size_t i = 0, at = 0; i < pieces && length != 0; ++i) {
    const std::size_t part = i + 1 == pieces ? length - at : length / pieces;
    all.push_back({bytes.data() + offset + at, part, regions_[i % 2]});
    at += part;
  }
  return all;
}

// ---- HostQueue -----------------------------------------------------------------------------------------------------

namespace {

struct HostEvents {
  static HostQueue& of(void* ctx) { return *static_cast<HostQueue*>(ctx); }
  static void on_ready(void* ctx, const weft_limits* limits) {
    EXPECT_FALSE(of(ctx).limits) << "ready twice";
    of(ctx).limits = *limits;
  }
  static void on_response(void* ctx, const weft_response* response) {
    HostQueue& host = of(ctx);
    EXPECT_FALSE(host.closed) << "an event after on_closed";
    HostQueue::Response& answer = host.responses[response->cid];
    EXPECT_EQ(++answer.times, 1) << "CID " << response->cid << " ended twice";
    answer.error = response->error;
    answer.moved = response->moved;
    answer.has_cqe = response->cqe != nullptr;
    if (answer.has_cqe)
      answer.status =
          static_cast<std::uint16_t>(load<le16>(static_cast<const std::byte*>(response->cqe) + 14).value() >> 1);
    --host.outstanding;
  }
  static void on_closed(void* ctx, const weft_error* error) {
    HostQueue& host = of(ctx);
    EXPECT_FALSE(host.closed) << "closed twice";
    EXPECT_EQ(host.outstanding, 0) << "closed before its commands ended";
    host.closed = told(error);
  }
};

const weft_qpair_events kHostEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &HostEvents::on_ready,
    .on_command = [](void*, const weft_command*) { ADD_FAILURE() << "a host got a command"; },
    .on_response = &HostEvents::on_response,
    .on_data = [](void*, std::uint64_t, std::uint64_t, std::int32_t, std::uint16_t, std::uint32_t) { ADD_FAILURE(); },
    .on_closed = &HostEvents::on_closed,
};

}  // namespace

HostQueue::HostQueue(World& in, const Where& where, const weft_qpair_params& with, weft_group* group) : world(in) {
  error.size = sizeof error;
  rc = world.table.connect(group != nullptr ? group : world.host_group, where.get(), &with, &kHostEvents, this, &handle,
                           &error);
}

HostQueue::~HostQueue() {
  if (rc != 0 || closed) return;
  close();
  world.run_until([this] { return closed.has_value(); }, "the host's on_closed");
}

void HostQueue::close(std::uint32_t flags, std::uint64_t deadline) const { world.table.close(handle, flags, deadline); }

int HostQueue::send(const Bytes& sqe, const std::vector<weft_iov>& iov, std::uint32_t flags) {
  if (closed) return -ENOTCONN;  // the handle is gone
  responses.erase(cid_of(sqe));
  const int result =
      world.table.send_command(handle, sqe.data(), iov.data(), static_cast<std::uint32_t>(iov.size()), flags);
  if (result == 0) ++outstanding;
  return result;
}

int HostQueue::send(const Bytes& sqe) { return send(sqe, {}, 0); }

int HostQueue::write(std::uint16_t cid, std::uint32_t where, Buffer& from, std::size_t length, std::size_t pieces) {
  return send(core_sqe(kWrite, cid, where), from.iov(0, length, pieces), WEFT_DIR_OUT);
}

int HostQueue::read(std::uint16_t cid, std::uint32_t where, Buffer& to, std::size_t length, std::size_t pieces) {
  return send(core_sqe(kRead, cid, where), to.iov(0, length, pieces), WEFT_DIR_IN);
}

// ---- ControllerQueue -----------------------------------------------------------------------------------------------

struct ControllerEvents {
  static ControllerQueue& of(void* ctx) { return *static_cast<ControllerQueue*>(ctx); }
  static void on_ready(void* ctx, const weft_limits* limits) {
    EXPECT_FALSE(of(ctx).limits) << "ready twice";
    of(ctx).limits = *limits;
  }
  static void on_command(void* ctx, const weft_command* told_command) {
    ControllerQueue& queue = of(ctx);
    EXPECT_FALSE(queue.closed);
    EXPECT_TRUE(queue.limits) << "a command before on_ready";
    ControllerQueue::Command& command = queue.commands[told_command->token];
    EXPECT_FALSE(command.held) << "the token is in use";
    const auto* sqe = static_cast<const std::byte*>(told_command->sqe);
    command.sqe.assign(sqe, sqe + kSqeSize);
    command.told = *told_command;
    command.done = 0;
    command.held = true;
    ++queue.held;
    queue.order.push_back(told_command->token);
    if (queue.on_command) return queue.on_command(told_command->token);
    queue.serve(told_command->token);
  }
  static void on_data(void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error, std::uint16_t,
                      std::uint32_t) {
    ControllerQueue& queue = of(ctx);
    EXPECT_FALSE(queue.closed);
    EXPECT_GE(--queue.outstanding, 0) << "more ends than data calls";
    queue.told_data(cookie, moved, error);
  }
  static void on_closed(void* ctx, const weft_error* error) {
    ControllerQueue& queue = of(ctx);
    EXPECT_FALSE(queue.closed) << "closed twice";
    EXPECT_EQ(queue.outstanding, 0) << "closed before its data calls ended";
    queue.closed = told(error);
  }
};

namespace {

const weft_qpair_events kControllerEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &ControllerEvents::on_ready,
    .on_command = &ControllerEvents::on_command,
    .on_response = [](void*, const weft_response*) { ADD_FAILURE() << "a controller got a response"; },
    .on_data = &ControllerEvents::on_data,
    .on_closed = &ControllerEvents::on_closed,
};

}  // namespace

ControllerQueue::ControllerQueue(World& in, weft_pending* pending, const weft_qpair_params& with, bool registered,
                                 weft_group* group)
    : world(in), memory(in, in.controller_domain, kMemory, registered) {
  error.size = sizeof error;
  rc = world.table.accept(group != nullptr ? group : world.controller_group, pending, &with, &kControllerEvents, this,
                          &handle, &error);
  if (rc != 0) world.table.reject(pending, WEFT_REJECT_RESOURCES);
}

ControllerQueue::~ControllerQueue() {
  if (rc != 0) return;
  if (!closed) {
    on_command = [](std::uint64_t) {};
    close();
    world.run_until([this] { return closed.has_value(); }, "the controller's on_closed");
  }
  for (const auto& [token, command] : commands) {
    if (!command.held) continue;
    EXPECT_EQ(release(token), 0);
  }
}

void ControllerQueue::close(std::uint32_t flags, std::uint64_t deadline) const {
  world.table.close(handle, flags, deadline);
}

int ControllerQueue::respond(std::uint64_t token, std::uint16_t status) {
  const Bytes cqe = make_cqe(cid_of(commands[token].sqe), status);
  return world.table.send_response(handle, token, cqe.data(), 0);
}

int ControllerQueue::release(std::uint64_t token) {
  const int result = world.table.release_command(handle, token);
  if (result != 0) return result;
  commands[token].held = false;
  --held;
  return 0;
}

int ControllerQueue::receive(std::uint64_t token, std::uint64_t offset, std::uint64_t length) {
  const auto iov = memory.iov(place_of(token) + offset, length);
  const int result = world.table.receive_data(handle, token, offset, iov.data(), 1, token, 0);
  if (result == 0) ++outstanding;
  return result;
}

int ControllerQueue::send(std::uint64_t token, std::uint64_t offset, std::uint64_t length, bool last) {
  const auto iov = memory.iov(place_of(token) + offset, length);
  const Bytes cqe = make_cqe(cid_of(commands[token].sqe));
  const int result = world.table.send_data(handle, token, offset, iov.data(), 1, last ? cqe.data() : nullptr, token, 0);
  if (result == 0) ++outstanding;
  return result;
}

void ControllerQueue::serve(std::uint64_t token) {
  Command& command = commands[token];
  const std::uint64_t length = command.told.data_len;
  if (command.told.status != 0) return refuse(token, command.told.status);
  const std::uint64_t where = place_of(token);
  if (length > kMemory || where > kMemory - length) return refuse(token, 0x4080);  // LBA out of range, DNR
  command.writes = std::to_integer<std::uint8_t>(command.sqe[0]) == kWrite;
  if (length == 0) return finish(token);
  if (command.writes && is_lent(token)) return waiting_.push_back(token);
  start(token);
}

bool ControllerQueue::is_lent(std::uint64_t token) {
  const std::uint64_t where = place_of(token), end = where + commands[token].told.data_len;
  return std::ranges::any_of(commands, [&](const auto& entry) {
    const Command& other = entry.second;
    if (entry.first == token || !other.held || other.writes || other.told.data_len == 0) return false;
    const std::uint64_t from = place_of(entry.first);
    return where < from + other.told.data_len && from < end;
  });
}

void ControllerQueue::start(std::uint64_t token) {
  const Command& command = commands[token];
  if (command.told.capsule_data == nullptr || (command.told.flags & WEFT_DATA_COMPLETE) == 0) return next(token);
  std::memcpy(memory.bytes.data() + place_of(token), command.told.capsule_data, command.told.data_len);
  finish(token);
}

void ControllerQueue::refuse(std::uint64_t token, std::uint16_t status) {
  const int result = respond(token, status);
  EXPECT_TRUE(result == 0 || result == -ENOTCONN) << result;  // an end may be under way
  EXPECT_EQ(release(token), 0);
}

void ControllerQueue::finish(std::uint64_t token) {
  ++served;
  refuse(token, 0);
}

void ControllerQueue::next(std::uint64_t token) {
  Command& command = commands[token];
  const std::uint64_t left = command.told.data_len - command.done;
  const std::uint64_t part = piece == 0 ? left : std::min<std::uint64_t>(piece, left);
  const int result =
      command.writes ? receive(token, command.done, part) : send(token, command.done, part, part == left);
  EXPECT_TRUE(result == 0 || result == -ENOTCONN) << result;
}

void ControllerQueue::told_data(std::uint64_t token, std::uint64_t moved, int code) {
  Command& command = commands[token];
  command.done += moved;
  if (code != 0) {
    data_errors.push_back(code);
    return;
  }
  if (command.done < command.told.data_len) return next(token);
  if (command.writes) return finish(token);
  ++served;
  EXPECT_EQ(release(token), 0);
  for (const std::uint64_t other : std::exchange(waiting_, {})) {
    if (is_lent(other)) {
      waiting_.push_back(other);
    } else {
      start(other);
    }
  }
}

// ---- Server --------------------------------------------------------------------------------------------------------

namespace {

void on_connect(void* ctx, weft_pending* pending, const weft_connect_info* info) {
  auto& server = *static_cast<Server*>(ctx);
  server.peers.emplace_back(info->peer == nullptr ? "" : info->peer);
  server.asked_depth = info->depth;
  if (server.keep) {
    server.pendings.push_back(pending);
  } else {
    server.queues.push_back(std::make_unique<ControllerQueue>(server.world, pending, server.params, server.registered));
  }
}

const weft_listener_events kListenerEvents = {
    .size = sizeof(weft_listener_events),
    .reserved = 0,
    .on_connect = &on_connect,
    .on_closed = [](void* ctx, const weft_error* error) { static_cast<Server*>(ctx)->closed = told(error); },
};

}  // namespace

Server::Server(World& in, const weft_qpair_params& with, const Where& where) : world(in), params(with) {
  error.size = sizeof error;
  rc = world.table.listen(world.controller_group, where.get(), &kListenerEvents, this, &handle, &error);
}

Server::~Server() {
  for (weft_pending* pending : pendings) world.table.reject(pending, WEFT_REJECT_RESOURCES);
  queues.clear();
  if (rc != 0) return;
  if (!closed) world.table.unlisten(handle);
  world.run_until([this] { return closed.has_value(); }, "the listener's on_closed");
}

bool Server::all_over() const {
  return std::ranges::all_of(queues, [](const auto& queue) { return queue->rc != 0 || queue->closed; });
}

Linked::Linked(World& world, const weft_qpair_params& host_params, const weft_qpair_params& controller_params,
               bool registered)
    : server(world, controller_params), host(world, Where(), host_params) {
  server.registered = registered;
  EXPECT_EQ(server.rc, 0) << server.error.text;
  EXPECT_EQ(host.rc, 0) << host.error.text;
  world.run_until([this] { return host.closed || (host.limits && !server.queues.empty() && server.only().limits); },
                  "both queue pairs ready");
}

}  // namespace weft::rdma::model
