#include "queues.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::rdma::model {
namespace {

constexpr std::uint32_t kBothAccesses = WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE;

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

// ---- Buffer --------------------------------------------------------------------------------------------------------

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

HostQueue::HostQueue(World& in, const Where& where, const weft_qpair_params& with, weft_group* group) : world(in) {
  error.size = sizeof error;
  rc = world.table.connect(group != nullptr ? group : world.host_group, where.get(), &with, &kEvents, record(), &handle,
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

ControllerQueue::ControllerQueue(World& in, weft_pending* pending, const weft_qpair_params& with, bool registered,
                                 weft_group* group)
    : world(in), memory(in, in.controller_domain, kMemory, registered) {
  error.size = sizeof error;
  rc = world.table.accept(group != nullptr ? group : world.controller_group, pending, &with, &kEvents, record(),
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

void ControllerQueue::keep(const weft_command& told) {
  Command& command = commands[told.token];
  EXPECT_FALSE(command.held) << "the token is in use";
  const auto* sqe = static_cast<const std::byte*>(told.sqe);
  command.sqe.assign(sqe, sqe + kSqeSize);
  command.told = told;
  command.done = 0;
  command.held = true;
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

void ControllerQueue::told_data(std::uint64_t token, const Data& told) {
  Command& command = commands[token];
  command.done += told.moved;
  if (told.error != 0) return data_errors.push_back(told.error);
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

Server::Server(World& in, const weft_qpair_params& with, const Where& where) : world(in), params(with) {
  error.size = sizeof error;
  rc = world.table.listen(world.controller_group, where.get(), &kEvents, record(), &handle, &error);
}

Server::~Server() {
  for (weft_pending* pending : pendings) world.table.reject(pending, WEFT_REJECT_RESOURCES);
  queues.clear();
  if (rc != 0) return;
  if (!closed) world.table.unlisten(handle);
  world.run_until([this] { return closed.has_value(); }, "the listener's on_closed");
}

void Server::accept(weft_pending* pending) {
  queues.push_back(std::make_unique<ControllerQueue>(world, pending, params, registered));
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
