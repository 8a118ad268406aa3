#include "event_records.hpp"

#include <gtest/gtest.h>

#include "weft/endian.hpp"

namespace weft::test {
namespace {

template <class Record>
Record& of(void* ctx) {
  return *static_cast<Record*>(ctx);
}

template <class Record>
void on_ready(void* ctx, const weft_limits* limits) {
  EXPECT_FALSE(of<Record>(ctx).limits) << "ready twice";
  of<Record>(ctx).limits = *limits;
}

template <class Record>
void on_closed(void* ctx, const weft_error* error) {
  EXPECT_FALSE(of<Record>(ctx).closed) << "closed twice";
  of<Record>(ctx).closed = Closed{error->code, error->origin, error->detail, error->stage, error->text};
}

template <class Record>
void on_queue_closed(void* ctx, const weft_error* error) {
  EXPECT_EQ(of<Record>(ctx).outstanding, 0) << "closed before its operations ended";
  on_closed<Record>(ctx, error);
}

void on_host_ready(void* ctx, const weft_limits* limits) {
  on_ready<HostRecord>(ctx, limits);
  if (const auto& then = of<HostRecord>(ctx).on_ready) then();
}

void on_host_response(void* ctx, const weft_response* response) {
  auto& host = of<HostRecord>(ctx);
  EXPECT_FALSE(host.closed) << "an event after on_closed";
  HostRecord::Response& told = host.responses[response->cid];
  EXPECT_EQ(++told.times, 1) << "CID " << response->cid << " ended twice";
  told.error = response->error;
  told.moved = response->moved;
  told.flags = response->flags;
  if (response->cqe != nullptr) told.cqe = load<Cqe>(response->cqe);
  EXPECT_GE(--host.outstanding, 0) << "more ends than commands";
  if (host.on_response) host.on_response(response->cid);
}

void on_controller_command(void* ctx, const weft_command* told) {
  auto& controller = of<ControllerRecord>(ctx);
  EXPECT_FALSE(controller.closed) << "an event after on_closed";
  EXPECT_TRUE(controller.limits) << "a command before on_ready";
  controller.keep(*told);
  ++controller.held;
  controller.order.push_back(told->token);
  if (controller.on_command) return controller.on_command(told->token);
  controller.serve(told->token);
}

void on_controller_data(void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error, std::uint16_t status,
                        std::uint32_t flags) {
  auto& controller = of<ControllerRecord>(ctx);
  EXPECT_FALSE(controller.closed) << "an event after on_closed";
  EXPECT_GE(--controller.outstanding, 0) << "more ends than data calls";
  controller.told_data(cookie, {.moved = moved, .error = error, .status = status, .flags = flags, .times = 1});
}

void on_connect(void* ctx, weft_pending* pending, const weft_connect_info* info) {
  auto& listener = of<ListenerRecord>(ctx);
  listener.peers.emplace_back(info->peer == nullptr ? "" : info->peer);
  listener.asked_depth = info->depth;
  if (listener.keep) return listener.pendings.push_back(pending);
  listener.accept(pending);
}

}  // namespace

std::uint16_t status_of(const Cqe& cqe) { return static_cast<std::uint16_t>(load<le16>(cqe.data() + 14).value() >> 1); }

const weft_qpair_events HostRecord::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &on_host_ready,
    .on_command = [](void*, const weft_command*) { ADD_FAILURE() << "a host got a command"; },
    .on_response = &on_host_response,
    .on_data = [](void*, std::uint64_t, std::uint64_t, std::int32_t, std::uint16_t,
                  std::uint32_t) { ADD_FAILURE() << "a host was told of a data call"; },
    .on_closed = &on_queue_closed<HostRecord>,
};

const weft_qpair_events ControllerRecord::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = &on_ready<ControllerRecord>,
    .on_command = &on_controller_command,
    .on_response = [](void*, const weft_response*) { ADD_FAILURE() << "a controller got a response"; },
    .on_data = &on_controller_data,
    .on_closed = &on_queue_closed<ControllerRecord>,
};

const weft_listener_events ListenerRecord::kEvents = {
    .size = sizeof(weft_listener_events),
    .reserved = 0,
    .on_connect = &on_connect,
    .on_closed = &on_closed<ListenerRecord>,
};

}  // namespace weft::test
