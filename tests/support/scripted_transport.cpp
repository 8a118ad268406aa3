#include "support/scripted_transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::test {
namespace {

ScriptedTransport* current = nullptr;

ScriptedTransport& of(const void* handle) {
  EXPECT_EQ(handle, current);
  return *current;
}

}  // namespace

struct ScriptedTable {
  static int domain_open(const weft_services* services, const weft_option*, std::uint32_t, weft_domain** domain,
                         weft_error*) {
    current->services = services;
    ++current->domains;
    *domain = reinterpret_cast<weft_domain*>(current);
    return 0;
  }
  static void domain_close(weft_domain* domain) { --of(domain).domains; }
  static int group_open(weft_domain* domain, weft_group** group, weft_error*) {
    auto& script = of(domain);
    ++script.groups;
    *group = script.group = reinterpret_cast<weft_group*>(&script);
    return 0;
  }
  static void group_close(weft_group* group) {
    EXPECT_EQ(of(group).events_, nullptr) << "the group is closed before its queue pair";
    --of(group).groups;
  }
  static int group_poll(weft_group* group, std::uint32_t budget) {
    auto& script = of(group);
    ++script.polls;
    if (script.next_poll != 0) return std::exchange(script.next_poll, 0);
    int events = 0;
    for (auto left = std::min<std::size_t>(budget, script.script_.size()); left > 0; --left, ++events) {
      auto event = std::move(script.script_.front());
      script.script_.pop_front();
      event();
    }
    return events;
  }
  static void group_flush(weft_group* group) { ++of(group).flushes; }
  static int group_arm(weft_group* group, int* fd, std::uint64_t* deadline) {
    auto& script = of(group);
    ++script.arms;
    if (script.arm_again > 0 || !script.script_.empty()) {
      script.arm_again = std::max(0, script.arm_again - 1);
      return -EAGAIN;
    }
    *fd = script.arm_fd;
    *deadline = script.arm_deadline;
    return 0;
  }

  static int open(weft_group* group, const weft_qpair_params* params, const weft_qpair_events* events, void* ctx,
                  weft_qpair** qpair, weft_error* error) {
    auto& script = of(group);
    if (const int rc = script.take_next_call(); rc != 0) {
      error->code = rc;
      std::strncpy(error->text, "the script says no", sizeof error->text - 1);
      return rc;
    }
    EXPECT_EQ(script.events_, nullptr) << "one queue pair at a time";
    script.params = *params;
    script.events_ = events;
    script.ctx_ = ctx;
    *qpair = reinterpret_cast<weft_qpair*>(&script);
    return 0;
  }
  static int connect(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                     const weft_qpair_events* events, void* ctx, weft_qpair** qpair, weft_error* error) {
    auto& script = of(group);
    script.traddr = address->traddr != nullptr ? address->traddr : "";
    script.trsvcid = address->trsvcid != nullptr ? address->trsvcid : "";
    script.options.clear();
    for (std::uint32_t i = 0; i < address->option_count; ++i) {
      script.options.push_back(std::string(address->options[i].key) + "=" + address->options[i].value);
    }
    return open(group, params, events, ctx, qpair, error);
  }
  static int accept(weft_group* group, weft_pending* pending, const weft_qpair_params* params,
                    const weft_qpair_events* events, void* ctx, weft_qpair** qpair, weft_error* error) {
    of(pending);
    return open(group, params, events, ctx, qpair, error);
  }
  static int configure(weft_qpair* qpair, const weft_qpair_params* params, weft_error*) {
    auto& script = of(qpair);
    script.params = *params;
    return script.take_next_call();
  }
  static void close(weft_qpair* qpair, std::uint32_t flags, std::uint64_t) {
    auto& script = of(qpair);
    ++script.closes;
    script.close_flags = flags;
    if (script.close_by_itself) script.close_now();
  }
  static void qpair_info(const weft_qpair* qpair, weft_qpair_info* info) {
    of(qpair);
    std::strncpy(info->peer, "the script", sizeof info->peer - 1);
  }
  static int send_command(weft_qpair* qpair, const void* sqe, const weft_iov* iov, std::uint32_t count,
                          std::uint32_t flags) {
    auto& script = of(qpair);
    if (const int rc = script.take_next_call(); rc != 0) return rc;
    const auto copy = load<nvme::Sqe>(sqe);
    script.outstanding_.push_back(copy.cid);
    script.sent.push_back({copy, std::vector<weft_iov>(iov, iov + count), flags});
    return 0;
  }

  static int answer(weft_qpair* qpair, const ScriptedTransport::Answer& answer) {
    auto& script = of(qpair);
    if (const int rc = script.take_next_call(); rc != 0) return rc;
    script.answers.push_back(answer);
    return 0;
  }
  static int send_response(weft_qpair* qpair, std::uint64_t token, const void* cqe, std::uint32_t flags) {
    return answer(qpair, {token, load<nvme::Cqe>(cqe), flags, false});
  }
  static int send_data(weft_qpair* qpair, std::uint64_t token, std::uint64_t, const weft_iov*, std::uint32_t,
                       const void* cqe, std::uint64_t, std::uint32_t flags) {
    if (cqe == nullptr) return of(qpair).take_next_call();
    return answer(qpair, {token, load<nvme::Cqe>(cqe), flags, true});
  }
  static int receive_data(weft_qpair* qpair, std::uint64_t, std::uint64_t, const weft_iov*, std::uint32_t,
                          std::uint64_t, std::uint32_t) {
    return of(qpair).take_next_call();
  }
  static void cancel_data(weft_qpair* qpair, std::uint64_t) { of(qpair); }
  static int release_command(weft_qpair* qpair, std::uint64_t token) {
    auto& script = of(qpair);
    if (const int rc = script.take_next_call(); rc != 0) return rc;
    script.released.push_back(token);
    return 0;
  }

  static weft_transport table() {
    weft_transport made{};
    made.size = sizeof made;
    made.name = "script";
    made.version = "1.0";
    made.roles = WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER;
    made.default_trsvcid = "4420";
    made.domain_open = &domain_open;
    made.domain_close = &domain_close;
    made.group_open = &group_open;
    made.group_poll = &group_poll;
    made.group_flush = &group_flush;
    made.group_arm = &group_arm;
    made.group_close = &group_close;
    made.connect = &connect;
    made.close = &close;
    made.qpair_info = &qpair_info;
    made.send_command = &send_command;
    made.accept = &accept;
    made.configure = &configure;
    made.receive_data = &receive_data;
    made.send_data = &send_data;
    made.send_response = &send_response;
    made.cancel_data = &cancel_data;
    made.release_command = &release_command;
    return made;
  }
};

ScriptedTransport::ScriptedTransport() {
  EXPECT_EQ(current, nullptr) << "one ScriptedTransport at a time";
  current = this;
  static const weft_option_info no_options{};
  weft_transport table = ScriptedTable::table();
  table.options = &no_options;
  transport_ = std::make_unique<Transport>(table, "script");
}

ScriptedTransport::~ScriptedTransport() {
  transport_.reset();
  EXPECT_EQ(domains, 0);
  EXPECT_EQ(groups, 0);
  current = nullptr;
}

void ScriptedTransport::ready(weft_limits limits) {
  limits.size = sizeof limits;
  play([this, limits] { events_->on_ready(ctx_, &limits); });
}

void ScriptedTransport::deliver(const weft_response& response) {
  if (!outstanding_.empty() && outstanding_.back() == response.cid) {
    outstanding_.pop_back();  // what a close does for thousands
  } else {
    std::erase(outstanding_, response.cid);
  }
  events_->on_response(ctx_, &response);
}

void ScriptedTransport::respond(std::uint16_t cid, const ScriptedReply& reply) {
  play([this, cid, reply] {
    nvme::Cqe cqe;
    cqe.cid = cid;
    cqe.sqhd = reply.sqhd;
    cqe.set_status(reply.status);
    cqe.set_result(reply.result);
    weft_response response{};
    response.size = sizeof response;
    response.flags = reply.sqhd_valid ? WEFT_SQHD_VALID : 0;
    response.cqe = &cqe;
    response.moved = reply.moved;
    response.error = reply.error;
    response.cid = cid;
    deliver(response);
  });
}

void ScriptedTransport::end(std::uint16_t cid, std::int32_t error) {
  play([this, cid, error] {
    weft_response response{};
    response.size = sizeof response;
    response.error = error;
    response.cid = cid;
    deliver(response);
  });
}

void ScriptedTransport::closed(std::int32_t code, std::string text) {
  play([this, code, text] {
    weft_error error = empty_error();
    error.code = code;
    std::strncpy(error.text, text.c_str(), sizeof error.text - 1);
    outstanding_.clear();
    const weft_qpair_events* const events = std::exchange(events_, nullptr);
    events->on_closed(ctx_, &error);
  });
}

void ScriptedTransport::close_now() {
  play([this] {
    while (!outstanding_.empty()) {
      weft_response response{};
      response.size = sizeof response;
      response.error = -ECANCELED;
      response.cid = outstanding_.back();
      deliver(response);
    }
  });
  closed(0);
}

void ScriptedTransport::command(std::uint64_t token, std::uint16_t cid) {
  play([this, token, cid] {
    nvme::Sqe sqe;
    sqe.cid = cid;
    weft_command command{};
    command.size = sizeof command;
    command.token = token;
    command.sqe = &sqe;
    events_->on_command(ctx_, &command);
  });
}

void ScriptedTransport::data(std::uint64_t cookie, std::uint64_t moved) {
  play([this, cookie, moved] { events_->on_data(ctx_, cookie, moved, 0, 0, 0); });
}

}  // namespace weft::test
