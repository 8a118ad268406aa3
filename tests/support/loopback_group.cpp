// The hub, the control, domains, groups and regions of the loopback transport, and its table.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "support/loopback_hub.hpp"

namespace weft::test {
namespace {

int loop_domain_open(const weft_services* services, const weft_option*, std::uint32_t, weft_domain** out, weft_error*) {
  const std::lock_guard lock(hub().mutex);
  *out = new weft_domain{services};
  ++hub().counts.domains;
  return 0;
}

void loop_domain_close(weft_domain* domain) {
  const std::lock_guard lock(hub().mutex);
  --hub().counts.domains;
  delete domain;
}

int loop_region_register(weft_domain* domain, void*, std::uint64_t, std::uint32_t, weft_region** out, weft_error*) {
  const std::lock_guard lock(hub().mutex);
  *out = new weft_region{domain};
  ++hub().counts.regions;
  return 0;
}

void loop_region_release(weft_region* region) {
  const std::lock_guard lock(hub().mutex);
  --hub().counts.regions;
  delete region;
}

int loop_group_open(weft_domain* domain, weft_group** out, weft_error* error) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return fail(error, -errno, "", "the group has no event descriptor");
  const std::lock_guard lock(hub().mutex);
  auto* group = new weft_group{};
  group->domain = domain;
  group->event_fd = fd;
  *out = group;
  ++hub().counts.groups;
  return 0;
}

int loop_group_poll(weft_group* group, std::uint32_t budget) {
  std::unique_lock lock(hub().mutex);
  if (std::exchange(group->in_poll, true)) {
    violation("group_poll from inside an event");
    return -EINVAL;
  }
  std::uint64_t count;
  [[maybe_unused]] const ssize_t got = read(group->event_fd, &count, sizeof count);
  flush_locked(*group);
  expire_connects_locked(*group, true);
  std::uint32_t done = 0;
  for (; !group->events.empty() && (budget == 0 || done < budget); ++done) {
    const std::function<void()> event = std::move(group->events.front());
    group->events.pop_front();
    lock.unlock();
    event();
    lock.lock();
  }
  group->in_poll = false;
  ++group->stats.polls;
  if (done == 0) ++group->stats.empty_polls;
  return static_cast<int>(done);
}

void loop_group_flush(weft_group* group) {
  const std::lock_guard lock(hub().mutex);
  flush_locked(*group);
}

int loop_group_arm(weft_group* group, int* fd, std::uint64_t* deadline_ns) {
  const std::lock_guard lock(hub().mutex);
  if (group->in_poll) violation("group_arm from inside an event");
  ++group->stats.arms;
  *fd = group->event_fd;
  *deadline_ns = expire_connects_locked(*group, false);
  return group->events.empty() && group->outbox.empty() ? 0 : -EAGAIN;
}

void loop_group_close(weft_group* group) {
  const std::lock_guard lock(hub().mutex);
  if (group->in_poll) violation("group_close from inside an event");
  if (group->listeners != 0 || group->qpairs != 0)
    violation("group_close while " + std::to_string(group->listeners) + " listeners and " +
              std::to_string(group->qpairs) + " queue pairs are open on it");
  close(group->event_fd);
  --hub().counts.groups;
  delete group;
}

void loop_group_stats(const weft_group* group, weft_stats* out) {
  const std::lock_guard lock(hub().mutex);
  const std::uint32_t size = out->size;
  std::memcpy(out, &group->stats, std::min<std::size_t>(size, sizeof *out));
  out->size = size;
}

int loop_claim(const weft_address* address, std::uint32_t, weft_error* error) {
  if (address->fd >= 0) return fail(error, -ENOTSUP, "", "the loopback transport has no sockets");
  return 0;
}

constexpr weft_option_info kOptions[] = {
    {"note", "text", "", "anything: the loopback transport reads none of it"},
    {"speed", "slow|fast", "fast", "one of two words, without effect"},
    {nullptr, nullptr, nullptr, nullptr},
};

weft_transport make_table() {
  weft_transport table{};
  table.size = sizeof table;
  table.abi_minor = WEFT_ABI_MINOR;
  table.name = "loop";
  table.version = "test";
  table.options = kOptions;
  table.roles = WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER;
  table.trtype = 0xfe;
  table.claim = loop_claim;
  table.domain_open = loop_domain_open;
  table.domain_close = loop_domain_close;
  table.region_register = loop_region_register;
  table.region_release = loop_region_release;
  table.group_open = loop_group_open;
  table.group_poll = loop_group_poll;
  table.group_flush = loop_group_flush;
  table.group_arm = loop_group_arm;
  table.group_close = loop_group_close;
  table.group_stats = loop_group_stats;
  table.connect = loop_connect;
  table.close = loop_close;
  table.qpair_info = loop_qpair_info;
  table.qpair_stats = loop_qpair_stats;
  table.send_command = loop_send_command;
  table.listen = loop_listen;
  table.unlisten = loop_unlisten;
  table.listener_info = loop_listener_info;
  table.accept = loop_accept;
  table.reject = loop_reject;
  table.configure = loop_configure;
  table.receive_data = loop_receive_data;
  table.send_data = loop_send_data;
  table.send_response = loop_send_response;
  table.cancel_data = loop_cancel_data;
  table.release_command = loop_release_command;
  return table;
}

void release_some(std::deque<std::function<void()>>& held, std::uint32_t count) {
  for (; count > 0 && !held.empty(); --count) {
    const std::function<void()> one = std::move(held.front());
    held.pop_front();
    one();
  }
}

}  // namespace

Hub& hub() {
  static Hub the_hub;
  return the_hub;
}

void violation(const std::string& sentence) { ADD_FAILURE() << "wrong use of a transport: " << sentence; }

void post_locked(weft_group& group, std::function<void()> event) {
  group.events.push_back(std::move(event));
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(group.event_fd, &one, sizeof one);
}

void flush_locked(weft_group& group) {
  while (!group.outbox.empty()) {
    const std::function<void()> action = std::move(group.outbox.front());
    group.outbox.pop_front();
    action();
  }
}

weft_error make_error(std::int32_t code, std::uint32_t origin, const char* stage, const char* text) {
  weft_error error{};
  error.size = sizeof error;
  error.code = code;
  error.origin = origin;
  std::strncpy(error.stage, stage, sizeof error.stage - 1);
  std::strncpy(error.text, text, sizeof error.text - 1);
  return error;
}

int fail(weft_error* error, int rc, const char* stage, const char* text) {
  if (error != nullptr) *error = make_error(rc, WEFT_ORIGIN_LOCAL, stage, text);
  return rc;
}

void Hub::set_limits(const LoopbackLimits& value) {
  const std::lock_guard lock(mutex);
  limits = value;
}
void Hub::set_hold_responses(bool hold) {
  const std::lock_guard lock(mutex);
  faults.hold_responses = hold;
}
void Hub::release_responses(std::uint32_t count) {
  const std::lock_guard lock(mutex);
  release_some(responses_held, count);
}
std::uint32_t Hub::held_responses() {
  const std::lock_guard lock(mutex);
  return static_cast<std::uint32_t>(responses_held.size());
}
void Hub::set_hold_data(bool hold) {
  const std::lock_guard lock(mutex);
  faults.hold_data = hold;
}
void Hub::release_data(std::uint32_t count) {
  const std::lock_guard lock(mutex);
  release_some(data_held, count);
}
std::uint32_t Hub::held_data() {
  const std::lock_guard lock(mutex);
  return static_cast<std::uint32_t>(data_held.size());
}
void Hub::set_hold_connects(bool hold) {
  const std::lock_guard lock(mutex);
  faults.hold_connects = hold;
  if (hold) return;
  for (const auto& [name, listener] : listeners)
    for (; !listener->held.empty(); listener->held.pop_front()) announce_locked(*listener, *listener->held.front());
}
void Hub::cut_at(CutPoint point, std::uint16_t qid, std::uint32_t after) {
  const std::lock_guard lock(mutex);
  faults.cuts.push_back({point, qid, after});
}
void Hub::cut_now(std::optional<std::uint16_t> qid) {
  const std::lock_guard lock(mutex);
  for (const std::unique_ptr<weft_qpair>& one : qpairs)
    if (one->host && !one->gone && (!qid || one->params.qid == *qid)) cut_connection_locked(*one);
}
void Hub::fail_next_connect(int rc) {
  const std::lock_guard lock(mutex);
  faults.connect = rc;
}
void Hub::fail_next_listen(int rc) {
  const std::lock_guard lock(mutex);
  faults.listen = rc;
}
void Hub::fail_next_accept(int rc) {
  const std::lock_guard lock(mutex);
  faults.accept = rc;
}
void Hub::fail_next_configure(int rc) {
  const std::lock_guard lock(mutex);
  faults.configure = rc;
}
void Hub::fail_next_receive(std::int32_t error, std::uint16_t status) {
  const std::lock_guard lock(mutex);
  faults.receive_error = error;
  faults.receive_status = status;
}
void Hub::fail_next_response(std::int32_t error) {
  const std::lock_guard lock(mutex);
  faults.response_error = error;
}
void Hub::misreport_next_data(std::uint64_t moved) {
  const std::lock_guard lock(mutex);
  faults.moved = moved;
}
void Hub::flag_next_command(std::uint16_t status, std::uint16_t error_offset) {
  const std::lock_guard lock(mutex);
  faults.command_status = status;
  faults.command_offset = error_offset;
}
LoopbackCounts Hub::live() {
  const std::lock_guard lock(mutex);
  return counts;
}
std::uint64_t Hub::commands_carried() {
  const std::lock_guard lock(mutex);
  return carried;
}

void Hub::reset() {
  const std::lock_guard lock(mutex);
  if (counts != LoopbackCounts{}) {  // who left them may still use them: they stay, forgotten
    violation("reset while there are " + to_string(counts));
    for (auto& qpair : qpairs) [[maybe_unused]]
      auto* left = qpair.release();
    for (auto& listener : all_listeners) [[maybe_unused]]
      auto* left = listener.release();
    for (auto& pending : pendings) [[maybe_unused]]
      auto* left = pending.release();
    counts = {};
  }
  limits = {};
  faults = {};
  carried = 0;
  listeners.clear();
  responses_held.clear();
  data_held.clear();
  qpairs.clear();
  all_listeners.clear();
  pendings.clear();
}

bool Hub::cut_locked(CutPoint point, const weft_qpair& qpair) {
  const weft_qpair& host = qpair.host || qpair.peer == nullptr ? qpair : *qpair.peer;
  for (auto cut = faults.cuts.begin(); cut != faults.cuts.end(); ++cut) {
    if (cut->point != point || cut->qid != host.params.qid) continue;
    if (cut->after-- > 0) continue;
    faults.cuts.erase(cut);
    return true;
  }
  return false;
}

const weft_transport* loopback_transport() {
  static const weft_transport table = make_table();
  return &table;
}

LoopbackControl& loopback_control() { return hub(); }

std::string to_string(const LoopbackCounts& counts) {
  const std::pair<const char*, std::uint64_t> all[] = {
      {"domains", counts.domains},   {"groups", counts.groups},     {"listeners", counts.listeners},
      {"pendings", counts.pendings}, {"qpairs", counts.qpairs},     {"regions", counts.regions},
      {"tokens", counts.tokens},     {"commands", counts.commands}, {"transfers", counts.transfers}};
  std::string text;
  for (const auto& [what, count] : all)
    if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  return text.empty() ? "nothing" : text;
}

LoopbackGuard::LoopbackGuard() { loopback_control().reset(); }

LoopbackGuard::~LoopbackGuard() {
  EXPECT_EQ(to_string(loopback_control().live()), "nothing") << "is what should be alive on the loopback transport";
}

}  // namespace weft::test
