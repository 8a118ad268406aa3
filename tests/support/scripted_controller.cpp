// The transport's side of ScriptedController: capsules in, answers out.
#include "support/scripted_controller.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/wire/cqe.hpp"
#include "core/wire/text_field.hpp"

namespace weft::test {
namespace {

constexpr std::uint64_t kReceiveCookie = 1, kSendCookie = 2;

nvme::IdentifyController default_identity() {
  nvme::IdentifyController id;
  id.cntlid = 7;
  id.ver = nvme::Vs(2, 0, 0).value();
  id.oaes = nvme::async_event::kEnableNamespaceAttribute;
  id.cntrltype = nvme::cntrltype::kIo;
  id.acl = 3;
  id.aerl = 3;
  id.kas = 10;
  id.maxcmd = 128;
  id.nn = 16;
  id.sgls = nvme::sgls::kAnyAlignment | nvme::sgls::kTransport | nvme::sgls::kOffsetAddressing;
  id.ioccsz = (64 + 4096) / 16;
  id.iorcsz = 1;
  id.msdbd = 1;
  return id;
}

}  // namespace

const weft_qpair_events ScriptedController::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = [](void*, const weft_limits*) {},
    .on_command =
        [](void* ctx, const weft_command* command) {
          auto& queue = *static_cast<Queue*>(ctx);
          queue.owner->arrived(queue, *command);
        },
    .on_response = nullptr,
    .on_data =
        [](void* ctx, std::uint64_t cookie, std::uint64_t, std::int32_t error, std::uint16_t, std::uint32_t) {
          auto& queue = *static_cast<Queue*>(ctx);
          const auto found = queue.commands.find(cookie >> 8);
          if (found == queue.commands.end()) return;
          Pending& pending = *found->second;
          if ((cookie & 0xff) == kSendCookie || error != 0) return queue.owner->release(pending);
          queue.owner->judge(pending);
        },
    .on_closed =
        [](void* ctx, const weft_error*) {
          auto& queue = *static_cast<Queue*>(ctx);
          queue.open = false;
          queue.owner->forget(queue);
          while (!queue.commands.empty()) queue.owner->release(*queue.commands.begin()->second);
        },
};

const weft_listener_events ScriptedController::kListenerEvents = {
    .size = sizeof(weft_listener_events),
    .reserved = 0,
    .on_connect = [](void* ctx, weft_pending* pending,
                     const weft_connect_info*) { static_cast<ScriptedController*>(ctx)->accept(pending); },
    .on_closed = [](void* ctx, const weft_error*) { static_cast<ScriptedController*>(ctx)->listener_ = nullptr; },
};

ScriptedController::ScriptedController(Reactor& reactor, TransportRegistry& registry, std::string name)
    : identity(default_identity()), reactor_(reactor) {
  spaces[1].bytes.resize(std::size_t{512} * 1024);
  auto transport = registry.find("loop", WEFT_ROLE_CONTROLLER);
  EXPECT_TRUE(transport.has_value());
  table_ = &(*transport)->table();
  group_ = *reactor_.group(**transport);
  weft_address address{};
  address.size = sizeof address;
  address.fd = -1;
  address.traddr = name.c_str();
  EXPECT_EQ(table_->listen(group_, &address, &kListenerEvents, this, &listener_, nullptr), 0);
}

ScriptedController::~ScriptedController() {
  EXPECT_TRUE(closed()) << "a ScriptedController is destroyed before it closed";
}

void ScriptedController::close() {
  if (closing_) return;
  closing_ = true;
  if (listener_ != nullptr) table_->unlisten(listener_);
  for (auto& queue : queues_) {
    if (queue->open) table_->close(queue->handle, 0, 0);
  }
}

bool ScriptedController::closed() const { return listener_ == nullptr && queues() == 0; }

std::size_t ScriptedController::queues() const {
  return static_cast<std::size_t>(std::ranges::count_if(queues_, [](const auto& queue) { return queue->open; }));
}

std::size_t ScriptedController::count(const std::function<bool(const Received&)>& what) const {
  return static_cast<std::size_t>(std::ranges::count_if(log, what));
}

const Received& ScriptedController::held_command(std::size_t index) const { return held_.at(index)->command; }

void ScriptedController::accept(weft_pending* pending) {
  auto queue = std::make_unique<Queue>();
  queue->owner = this;
  weft_qpair_params params{};
  params.size = sizeof params;
  params.depth = queue->entries;
  params.max_descriptors = 1;
  EXPECT_EQ(table_->accept(group_, pending, &params, &kEvents, queue.get(), &queue->handle, nullptr), 0);
  queues_.push_back(std::move(queue));
}

void ScriptedController::arrived(Queue& queue, const weft_command& command) {
  auto owned = std::make_unique<Pending>(Pending{&queue, command.token, {}, {}});
  Pending& pending = *owned;
  queue.commands[command.token] = std::move(owned);
  std::memcpy(&pending.command.sqe, command.sqe, sizeof pending.command.sqe);
  pending.command.qid = queue.qid;
  pending.command.length = command.data_len;
  if (pending.command.sqe.direction() != nvme::Direction::kHostToController || command.data_len == 0)
    return judge(pending);
  if (!takes_data && command.capsule_data == nullptr) return judge(pending);
  pending.command.data.resize(command.data_len);
  if (command.capsule_data != nullptr) {
    std::memcpy(pending.command.data.data(), command.capsule_data, command.data_len);
    return judge(pending);
  }
  const weft_iov iov{pending.command.data.data(), pending.command.data.size(), nullptr};
  EXPECT_EQ(table_->receive_data(queue.handle, pending.token, 0, &iov, 1, pending.token << 8 | kReceiveCookie, 0), 0);
}

void ScriptedController::judge(Pending& pending) {
  log.push_back(pending.command);
  const Verdict verdict = script ? script(pending.command) : Verdict::model();
  switch (verdict.kind) {
    case Verdict::Kind::kModel: {
      bool later = false;
      const Answered answered = model(pending, later);
      if (!later) give(pending, answered);
      return;
    }
    case Verdict::Kind::kAnswer:
      return give(pending, verdict.answer);
    case Verdict::Kind::kHold:
      held_.push_back(&pending);
      return;
    case Verdict::Kind::kCut:
      table_->close(pending.queue->handle, 0, 0);
      return;
  }
}

void ScriptedController::answer(std::size_t index) {
  Pending& pending = *held_.at(index);
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
  bool later = false;
  const Answered answered = model(pending, later);
  if (!later) give(pending, answered);
}

void ScriptedController::answer(std::size_t index, const Answered& answered) {
  Pending& pending = *held_.at(index);
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
  give(pending, answered);
}

void ScriptedController::send_event(nvme::AsyncEvent event, std::uint32_t nsid) {
  ASSERT_FALSE(events_.empty()) << "no Asynchronous Event Request is here";
  Pending& pending = *events_.front();
  events_.erase(events_.begin());
  give(pending, {{}, event.encode() | std::uint64_t{nsid} << 32, {}});
}

void ScriptedController::give(Pending& pending, const Answered& answered) {
  Queue& queue = *pending.queue;
  if (!queue.open) return;
  queue.sqhd = static_cast<std::uint16_t>((queue.sqhd + 1u) % queue.entries);
  if (pending.command.is_fabrics(fabrics::fctype::kConnect) && connect_sqhd) {
    queue.flow_control = *connect_sqhd != fabrics::kSqhdFlowControlDisabled;
    queue.sqhd = *connect_sqhd;
  }
  const std::uint16_t sqhd = queue.flow_control ? queue.sqhd : fabrics::kSqhdFlowControlDisabled;
  const nvme::Cqe cqe = wire::make_cqe(pending.command.sqe.cid, sqhd, answered.status, answered.result);
  const bool reads = pending.command.sqe.direction() == nvme::Direction::kControllerToHost;
  if (!reads || answered.data.empty() || !answered.status.ok()) {
    table_->send_response(queue.handle, pending.token, &cqe, 0);
    return release(pending);
  }
  pending.out = answered.data;
  if (answered.padded) pending.out.resize(pending.command.length);
  const weft_iov iov{pending.out.data(), pending.out.size(), nullptr};
  table_->send_data(queue.handle, pending.token, 0, &iov, 1, &cqe, pending.token << 8 | kSendCookie, 0);
}

void ScriptedController::release(Pending& pending) {
  Queue& queue = *pending.queue;
  std::erase(held_, &pending);
  std::erase(events_, &pending);
  if (queue.fused_first == &pending) queue.fused_first = nullptr;
  const std::uint64_t token = pending.token;
  queue.commands.erase(token);
  EXPECT_EQ(table_->release_command(queue.handle, token), 0);
}

void ScriptedController::forget(const Queue& queue) {
  const auto of_queue = [&](const Pending* pending) { return pending->queue == &queue; };
  std::erase_if(held_, of_queue);
  std::erase_if(events_, of_queue);
}

}  // namespace weft::test
