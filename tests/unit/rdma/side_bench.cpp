#include "side_bench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace weft::rdma {

const weft_qpair_events End::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = nullptr,
    .on_command =
        [](void* ctx, const weft_command* command) {
          auto& end = *static_cast<End*>(ctx);
          EXPECT_TRUE(end.inside_poll_) << "a command was told outside of a poll";
          ++end.commands;
          if (end.on_command) end.on_command(*command);
        },
    .on_response =
        [](void* ctx, const weft_response* response) {
          auto& end = *static_cast<End*>(ctx);
          EXPECT_TRUE(end.inside_poll_) << "a response was told outside of a poll";
          Response told{.cqe = {}, .moved = response->moved, .error = response->error, .cid = response->cid};
          if (response->cqe != nullptr) told.cqe = load<nvme::Cqe>(response->cqe);
          end.responses.push_back(told);
          if (end.on_response) end.on_response(told);
        },
    .on_data =
        [](void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error, std::uint16_t,
           std::uint32_t flags) {
          auto& end = *static_cast<End*>(ctx);
          EXPECT_TRUE(end.inside_poll_) << "the end of a data call was told outside of a poll";
          const Data told{.cookie = cookie, .moved = moved, .error = error, .flags = flags};
          end.data.push_back(told);
          if (end.on_data) end.on_data(told);
        },
    .on_closed = nullptr};

namespace {

model::Traits traits_of(const BenchOptions& options) {
  model::Traits traits = options.traits;
  traits.max_inline = options.max_inline;
  traits.attributes.windows = options.windows;
  traits.attributes.invalidates = options.invalidate;
  return traits;
}

}  // namespace

End::End(model::Fabric& fabric, const char* name, const BenchOptions& options, bool host)
    : machine(fabric.add_machine(name)),
      options_(options),
      model_device_(machine.add_device(traits_of(options), {host ? "192.0.2.1" : "192.0.2.2"})) {
  channel_ = std::move(*model_device_.make_completion_channel());
  completion_queue_ = std::move(*model_device_.make_completion_queue(4096, *channel_, 0));
  MemoryOptions memory = options.memory;
  memory.remote = host;
  memory_ = std::move(*Memory::make(model_device_, memory));
  params_.size = sizeof params_;
  params_.depth = options.depth;
  params_.in_capsule = options.in_capsule;
  params_.max_descriptors = options.descriptors;
  params_.flags = options.flow_control ? WEFT_QP_SQ_FLOW_CONTROL : 0;
}

End::~End() {
  leave_device();
  side_.reset();
  for (Region* region : regions_) region->release();
}

void End::leave_device() {
  if (auto* host = dynamic_cast<HostSide*>(side_.get()); host != nullptr) host->drop_windows();
  model_pair_ = nullptr;
  pair_.reset();
}

void End::make_pair(const verbs::QueuePairSizes& sizes) {
  auto made = std::make_unique<model::QueuePair>(
      model_device_, dynamic_cast<model::CompletionQueue&>(*completion_queue_), nullptr, sizes);
  model_pair_ = made.get();
  pair_ = std::move(made);
  sends_ = std::make_unique<SendQueue>(sizes.sends, sizes.send_sge, place());
}

bool End::take(std::unique_ptr<Side> side, const Agreed& agreed) {
  side_ = std::move(side);
  verbs::QueuePairSizes sizes = side_->sizes(agreed);
  if (options_.sends != 0) sizes.sends = options_.sends;
  make_pair(sizes);
  if (plugin::Made<void> opened = side_->open(agreed); !opened) {
    failure = opened.error();
    return false;
  }
  return true;
}

void End::play(const verbs::QueuePairSizes& sizes) { make_pair(sizes); }

void End::join(const End& peer, std::uint8_t reads_out) {
  model_pair_->join({.peer = peer.model_pair_->number(), .reads_out = reads_out});
}

Region& End::own(void* base, std::uint64_t length) {
  verbs::Device* device = &model_device_;
  Region* region = *Region::make({&device, 1}, base, length, WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE,
                                 options_.memory.windows);
  regions_.push_back(region);
  return *region;
}

void End::finish(DataOp& op) {
  op.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &op;
  last_ = &op;
}

void End::flush() {
  while (dirty_ && !ended && pair_ != nullptr) {
    dirty_ = false;
    side_->flush();
  }
}

void End::turn() {
  flush();
  inside_poll_ = true;
  take_completions();
  while (DataOp* op = first_) {
    first_ = op->next;
    if (first_ == nullptr) last_ = nullptr;
    side_->tell_finished(*op);
  }
  inside_poll_ = false;
}

void End::take_completions() {
  std::array<ibv_wc, 4> some;
  for (int count = completion_queue_->poll(some); count > 0; count = completion_queue_->poll(some)) {
    for (const ibv_wc& completion : std::span(some).first(static_cast<std::size_t>(count))) {
      const WorkId id = WorkId::unpack(completion.wr_id);
      EXPECT_EQ(id.queue_pair, place());
      if (completion.status != IBV_WC_SUCCESS) {
        bad.push_back(completion);
        side_->failed(id, completion);
        if (!ended) ended = Reason{.code = EIO, .text = "a work request failed"};
        continue;
      }
      if (ended || (id.work != Work::kReceive && !sends_->completed(completion.wr_id))) continue;
      side_->completed(id, completion);
    }
  }
}

void End::break_off(std::int32_t error) {
  if (!ended) ended = Reason{.code = -error, .text = "broken off"};
  leave_device();  // it touches nothing any more
  turn();
  inside_poll_ = true;
  side_->end_operations(error);
  inside_poll_ = false;
}

SideBench::SideBench(const BenchOptions& given, Sides sides)
    : options(given),
      fabric(given.seed),
      host(fabric, "host", given, true),
      controller(fabric, "controller", given, false),
      agreed{.depth = given.depth,
             .receives = given.receives,
             .peer_receives = given.receives,
             .reads_out = given.reads_out,
             .in_capsule = given.in_capsule,
             .qid = 1} {
  constexpr verbs::QueuePairSizes kByHand{
      .sends = 64, .receives = 64, .send_sge = 4, .receive_sge = 1, .inline_bytes = 0};
  if (sides == Sides::kController) {
    host.play(kByHand);
  } else {
    auto side = std::make_unique<HostSide>(host);
    host_side_ = side.get();
    EXPECT_TRUE(host.take(std::move(side), agreed)) << host.failure->text;
  }
  if (sides == Sides::kHost) {
    controller.play(kByHand);
  } else {
    auto side = std::make_unique<ControllerSide>(controller);
    controller_side_ = side.get();
    EXPECT_TRUE(controller.take(std::move(side), agreed)) << controller.failure->text;
    weft_qpair_params params = controller.params();
    params.max_descriptors = kMostDescriptors;
    EXPECT_TRUE(controller_side_->configure(params));
  }
  host.join(controller, 0);
  controller.join(host, static_cast<std::uint8_t>(given.reads_out));
}

void SideBench::turn() {
  if (host_side_ != nullptr) host.turn();
  if (controller_side_ != nullptr) controller.turn();
}

bool SideBench::run_until(const std::function<bool()>& done) {
  return fabric.run_until([&] {
    turn();
    return done();
  });
}

void SideBench::settle() {
  do turn();
  while (fabric.settle() != 0);
  turn();
}

void SideBench::expect_no_faults() const {
  EXPECT_THAT(host.machine.record.faults(), testing::IsEmpty());
  EXPECT_THAT(controller.machine.record.faults(), testing::IsEmpty());
  EXPECT_EQ(host.machine.record.counts.rnr, 0U);
  EXPECT_EQ(controller.machine.record.counts.rnr, 0U);
  EXPECT_FALSE(host.ended) << host.ended->text;
  EXPECT_FALSE(controller.ended) << controller.ended->text;
}

nvme::Sqe make_sqe(std::uint16_t cid, std::uint8_t opcode) {
  nvme::Sqe sqe;
  sqe.opcode = opcode;
  sqe.cid = cid;
  sqe.nsid = 1;
  return sqe;
}

nvme::Cqe make_cqe(std::uint16_t cid, std::uint16_t status) {
  nvme::Cqe cqe;
  cqe.cid = cid;
  cqe.set_status(NvmeStatus(status));
  return cqe;
}

}  // namespace weft::rdma
