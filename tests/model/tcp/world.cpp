#include "world.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace weft::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(20);

}  // namespace

Bytes pattern(std::size_t length, std::uint32_t seed) {
  Bytes bytes(length);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

Sqe make_sqe(std::uint8_t opcode, std::uint16_t cid, std::uint32_t where) {
  Sqe sqe{};
  sqe[0] = static_cast<std::byte>(opcode);
  store(sqe.data() + 2, le16(cid));
  store(sqe.data() + 40, le32(where));
  return sqe;
}

Cqe make_cqe(std::uint16_t cid, std::uint16_t status, std::uint32_t dw0) {
  Cqe cqe{};
  store(cqe.data(), le32(dw0));
  store(cqe.data() + 12, le16(cid));
  store(cqe.data() + 14, le16(static_cast<std::uint16_t>(status << 1)));
  return cqe;
}

std::uint16_t cid_of(const void* sqe) { return load<le16>(static_cast<const std::byte*>(sqe) + 2); }

// ---- World ---------------------------------------------------------------------------------------------------------

World::World(const Options& domain_options) : table(*weft_transport_v1()) {
  services_.size = sizeof services_;
  services_.abi_minor = WEFT_ABI_MINOR;
  services_.ctx = this;
  services_.log = &World::log;
  services_.now_ns = &World::now_ns;
  services_.resolve = &World::resolve;
  services_.resolve_cancel = &World::resolve_cancel;
  std::vector<weft_option> raw;
  for (const auto& [key, value] : domain_options) raw.push_back({key.c_str(), value.c_str()});
  weft_error error{};
  error.size = sizeof error;
  EXPECT_EQ(table.domain_open(&services_, raw.data(), static_cast<std::uint32_t>(raw.size()), &domain, &error), 0)
      << error.text;
  EXPECT_EQ(table.group_open(domain, &host_group, &error), 0) << error.text;
  EXPECT_EQ(table.group_open(domain, &controller_group, &error), 0) << error.text;
}

World::~World() {
  table.group_close(host_group);
  table.group_close(controller_group);
  table.domain_close(domain);
}

void World::turn() {
  answer_names();
  for (const auto& step : between_turns) step();
  EXPECT_GE(table.group_poll(host_group, 32), 0);
  EXPECT_GE(table.group_poll(controller_group, 32), 0);
}

void World::run_until(const std::function<bool()>& done, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (int idle = 0; !done();) {
    turn();
    if (done()) return;
    if (std::chrono::steady_clock::now() > deadline) {
      FAIL() << what << " did not come";
      return;
    }
    pollfd fds[2];
    std::uint64_t at = 0;
    const bool known =
        table.group_arm(host_group, &fds[0].fd, &at) != 0 || table.group_arm(controller_group, &fds[1].fd, &at) != 0;
    if (known || !between_turns.empty() || ++idle < 3) continue;
    fds[0].events = fds[1].events = POLLIN;
    ::poll(fds, 2, 5);
  }
}

void World::settle(int turns) {
  for (int i = 0; i < turns; ++i) turn();
}

int World::resolve(void* ctx, weft_group*, const char* host, const char*, void* user,
                   void (*done)(void*, std::int32_t, const void*, std::uint32_t)) {
  static_cast<World*>(ctx)->asked_.push_back({user, done, host});
  return 0;
}

void World::resolve_cancel(void* ctx, weft_group*, void* user) {
  auto& world = *static_cast<World*>(ctx);
  ++world.cancelled_names;
  std::erase_if(world.asked_, [&](const Asked& asked) { return asked.user == user; });
}

void World::answer_names() {
  if (hold_names) return;
  while (!asked_.empty()) {
    const Asked asked = asked_.front();
    asked_.pop_front();
    const auto found = names.find(asked.host);
    if (found == names.end()) {
      asked.done(asked.user, -ENOENT, nullptr, 0);
    } else {
      asked.done(asked.user, 0, found->second.data(), static_cast<std::uint32_t>(found->second.size()));
    }
  }
}

// ---- HostQueue -----------------------------------------------------------------------------------------------------

HostQueue::HostQueue(World& in, const Where& where, const weft_qpair_params& with) : world(in) {
  error.size = sizeof error;
  rc = world.table.connect(world.host_group, where.get(), &with, &kEvents, record(), &handle, &error);
}

HostQueue::~HostQueue() {
  if (rc != 0 || closed) return;
  on_response = nullptr;
  world.table.close(handle, 0, 0);
  world.run_until([this] { return closed.has_value(); }, "the host's on_closed");
}

int HostQueue::send(const Sqe& sqe, const Bytes* out, Bytes* in, std::size_t pieces) {
  std::vector<weft_iov> iov;
  auto* base = out != nullptr ? const_cast<std::byte*>(out->data()) : in != nullptr ? in->data() : nullptr;
  const std::size_t length = out != nullptr ? out->size() : in != nullptr ? in->size() : 0;
  for (std::size_t i = 0, at = 0; i < pieces && length != 0; ++i) {
    const std::size_t part = i + 1 == pieces ? length - at : length / pieces;
    iov.push_back({base + at, part, nullptr});
    at += part;
  }
  const std::uint32_t flags = out != nullptr ? WEFT_DIR_OUT : in != nullptr ? WEFT_DIR_IN : 0;
  responses.erase(cid_of(sqe.data()));
  const int result =
      world.table.send_command(handle, sqe.data(), iov.data(), static_cast<std::uint32_t>(iov.size()), flags);
  if (result == 0) ++outstanding;
  return result;
}

// ---- ControllerQueue -----------------------------------------------------------------------------------------------

ControllerQueue::ControllerQueue(World& in, weft_pending* pending, const weft_qpair_params& with)
    : world(in), memory(kMemory) {
  weft_error error{};
  error.size = sizeof error;
  rc = world.table.accept(world.controller_group, pending, &with, &kEvents, record(), &handle, &error);
  EXPECT_EQ(rc, 0) << error.text;
}

ControllerQueue::~ControllerQueue() {
  if (rc != 0) return;
  if (!closed) {
    on_command = [](std::uint64_t) {};
    on_data = nullptr;
    world.table.close(handle, 0, 0);
    world.run_until([this] { return closed.has_value(); }, "the controller's on_closed");
  }
  for (auto& [token, command] : commands)
    if (command.times > 0) release(token);
}

void ControllerQueue::keep(const weft_command& told) {
  Command& command = commands[told.token];
  command.sqe = load<Sqe>(told.sqe);
  command.told = told;
  command.data.clear();
  if (told.capsule_data != nullptr) {
    const auto* bytes = static_cast<const std::byte*>(told.capsule_data);
    command.data.assign(bytes, bytes + told.data_len);
  }
  ++command.times;
}

int ControllerQueue::respond(std::uint64_t token, std::uint16_t status) {
  const Cqe cqe = make_cqe(cid_of(commands[token].sqe.data()), status);
  return world.table.send_response(handle, token, cqe.data(), 0);
}

int ControllerQueue::release(std::uint64_t token) {
  const int result = world.table.release_command(handle, token);
  if (result == 0) {
    --held;
    commands[token].times = 0;
  }
  return result;
}

int ControllerQueue::receive(std::uint64_t token, std::uint64_t offset, void* base, std::uint64_t len,
                             std::uint64_t cookie) {
  const weft_iov iov{base, len, nullptr};
  const int result = world.table.receive_data(handle, token, offset, &iov, 1, cookie, 0);
  if (result == 0) ++outstanding;
  return result;
}

int ControllerQueue::send(std::uint64_t token, std::uint64_t offset, const void* base, std::uint64_t len,
                          std::uint64_t cookie, const Cqe* final_cqe, std::uint32_t flags) {
  const weft_iov iov{const_cast<void*>(base), len, nullptr};
  const int result = world.table.send_data(handle, token, offset, &iov, 1,
                                           final_cqe != nullptr ? final_cqe->data() : nullptr, cookie, flags);
  if (result == 0) ++outstanding;
  return result;
}

void ControllerQueue::serve(std::uint64_t token) {
  Command& command = commands[token];
  const auto opcode = std::to_integer<std::uint8_t>(command.sqe[0]);
  const std::size_t where = load<le32>(command.sqe.data() + 40);
  const std::size_t length = command.told.data_len;
  if (command.told.status != 0) {
    EXPECT_EQ(respond(token, command.told.status), 0);
    EXPECT_EQ(release(token), 0);
  } else if (length != 0 && opcode == kRead) {
    transfers_[token] = {.buffer = Bytes(memory.begin() + static_cast<std::ptrdiff_t>(where),
                                         memory.begin() + static_cast<std::ptrdiff_t>(where + length)),
                         .out = true};
    next_piece(token);
  } else if (length != 0 && command.told.capsule_data == nullptr) {
    transfers_[token] = {.buffer = Bytes(length)};
    next_piece(token);
  } else {
    if (opcode == kWrite)
      std::copy(command.data.begin(), command.data.end(), memory.begin() + static_cast<std::ptrdiff_t>(where));
    EXPECT_EQ(respond(token), 0);
    EXPECT_EQ(release(token), 0);
  }
}

// Asks for the next pieces, two at a time as the contract allows; the cookie is the token.
void ControllerQueue::next_piece(std::uint64_t token) {
  Transfer& transfer = transfers_[token];
  const std::size_t length = transfer.buffer.size();
  const std::size_t step = piece == 0 ? length : piece;
  const std::size_t most = transfer.done + WEFT_DATA_CALLS * step;
  while (transfer.asked < length && transfer.asked + step <= std::max(most, step)) {
    const std::size_t part = std::min(step, length - transfer.asked);
    std::byte* base = transfer.buffer.data() + transfer.asked;
    if (!transfer.out) {
      ASSERT_EQ(receive(token, transfer.asked, base, part, token), 0);
    } else if (transfer.asked + part == length) {
      const Cqe cqe = make_cqe(cid_of(commands[token].sqe.data()));
      ASSERT_EQ(send(token, transfer.asked, base, part, token, &cqe, allow_implied ? WEFT_ALLOW_IMPLIED : 0), 0);
    } else {
      ASSERT_EQ(send(token, transfer.asked, base, part, token), 0);
    }
    transfer.asked += part;
  }
}

void ControllerQueue::told_data(std::uint64_t cookie, const Data& told) {
  const int before = data[cookie].times;
  data[cookie] = told;
  data[cookie].times += before;
  go_on(cookie, told);
  if (on_data) on_data(cookie);
}

void ControllerQueue::go_on(std::uint64_t cookie, const Data& told) {
  const auto found = transfers_.find(cookie);
  if (found == transfers_.end()) return;
  Transfer& transfer = found->second;
  const std::uint64_t token = cookie;
  transfer.done += told.moved;
  if (told.error != 0) {
    if (handle != nullptr && told.error == -EBADMSG) {
      EXPECT_EQ(respond(token, told.status), 0);
      EXPECT_EQ(release(token), 0);
    }
    transfers_.erase(found);
  } else if (transfer.done == transfer.buffer.size()) {
    if (!transfer.out) {
      const std::size_t where = load<le32>(commands[token].sqe.data() + 40);
      std::copy(transfer.buffer.begin(), transfer.buffer.end(), memory.begin() + static_cast<std::ptrdiff_t>(where));
      EXPECT_EQ(respond(token), 0);
    } else {
      EXPECT_NE(told.flags & WEFT_RESPONSE_SENT, 0u);
    }
    EXPECT_EQ(release(token), 0);
    transfers_.erase(found);
  } else {
    next_piece(token);
  }
}

// ---- Server --------------------------------------------------------------------------------------------------------

Server::Server(World& in, const Where& where, const weft_qpair_params& with) : world(in), params(with) {
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
  queues.push_back(std::make_unique<ControllerQueue>(world, pending, params));
}

weft_listener_info Server::info() const {
  weft_listener_info info{};
  info.size = sizeof info;
  world.table.listener_info(handle, &info);
  return info;
}

std::string Server::port() const { return info().trsvcid; }

}  // namespace weft::test
