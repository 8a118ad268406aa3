// What ScriptedController answers when the script leaves it to the model.
#include <algorithm>
#include <cstring>

#include "core/wire/text_field.hpp"
#include "support/scripted_controller.hpp"

namespace weft::test {
namespace {

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  return {first, first + sizeof value};
}

Answered failed(NvmeStatus status) { return {status, 0, {}}; }

struct Extent {
  std::size_t offset = 0, length = 0;
};

bool locate(const Space& space, const nvme::ReadWriteArguments& rw, Extent& out) {
  const std::uint64_t blocks = space.bytes.size() / space.block_size;
  if (rw.slba > blocks || rw.blocks() > blocks - rw.slba) return false;
  out = {static_cast<std::size_t>(rw.slba * space.block_size),
         static_cast<std::size_t>(rw.blocks()) * space.block_size};
  return true;
}

std::ptrdiff_t at(std::size_t offset) { return static_cast<std::ptrdiff_t>(offset); }

}  // namespace

Answered ScriptedController::model(Pending& pending, bool& later) {
  const nvme::Sqe& sqe = pending.command.sqe;
  if (pending.command.is_fabrics(fabrics::fctype::kConnect)) return connect(pending);
  if (pending.command.is_fabrics(fabrics::fctype::kPropertyGet)) return property_get(sqe);
  if (pending.command.is_fabrics(fabrics::fctype::kPropertySet)) return property_set(sqe);
  if (sqe.is_fabrics()) return failed(nvme::status::kInvalidOpcode);
  if (!csts.ready()) return failed(nvme::status::kCommandSequenceError);
  return pending.command.qid == 0 ? admin(pending, later) : io(pending, later);
}

Answered ScriptedController::connect(Pending& pending) {
  const auto command = fabrics::as<fabrics::ConnectCommand>(pending.command.sqe);
  Queue& queue = *pending.queue;
  queue.qid = command.qid;
  queue.entries = command.sqsize + 1U;
  queue.flow_control = (command.cattr & fabrics::cattr::kDisableSqFlowControl) == 0;
  weft_qpair_params params{};
  params.size = sizeof params;
  params.flags = queue.qid == 0 ? WEFT_QP_ADMIN : 0;
  params.depth = queue.entries;
  params.qid = queue.qid;
  params.in_capsule = identity.ioccsz * 16 - 64;
  params.max_descriptors = 1;
  table_->configure(queue.handle, &params, nullptr);
  return {{}, fabrics::ConnectResult{.cntlid = cntlid}.encode(), {}};
}

Answered ScriptedController::property_get(const nvme::Sqe& sqe) const {
  switch (fabrics::as<fabrics::PropertyGetCommand>(sqe).offset) {
    case nvme::property::kCap:
      return {{}, cap.value(), {}};
    case nvme::property::kVs:
      return {{}, vs.value(), {}};
    case nvme::property::kCc:
      return {{}, cc.value(), {}};
    case nvme::property::kCsts:
      return {{}, csts.value(), {}};
    case nvme::property::kCrto:
      return {{}, nvme::Crto().with_crwmt(cap.to()).value(), {}};
    default:
      return failed(nvme::status::kInvalidField);
  }
}

Answered ScriptedController::property_set(const nvme::Sqe& sqe) {
  const auto command = fabrics::as<fabrics::PropertySetCommand>(sqe);
  if (command.offset != nvme::property::kCc) return failed(nvme::status::kInvalidField);
  cc = nvme::Cc(static_cast<std::uint32_t>(command.value));
  csts = csts.with_ready(cc.enable() && becomes_ready);
  if (cc.shn() != nvme::Cc::kShutdownNone && shuts_down) csts = csts.with_shst(nvme::Csts::kShutdownComplete);
  while (!cc.enable() && ends_events_at_reset && !events_.empty()) {
    Pending& event = *events_.front();
    events_.erase(events_.begin());
    give(event, failed(nvme::status::kAbortRequested));
  }
  return {};
}

Answered ScriptedController::admin(Pending& pending, bool& later) {
  const nvme::Sqe& sqe = pending.command.sqe;
  switch (sqe.opcode) {
    case nvme::admin::kIdentify:
      return identify(sqe);
    case nvme::admin::kGetLogPage:
      return log_page(sqe, pending.command.length);
    case nvme::admin::kKeepAlive:
      return {};
    case nvme::admin::kAbort:
      return {{}, nvme::AbortArguments::kNotAborted, {}};
    case nvme::admin::kGetFeatures:
      return {{}, sqe.arguments<nvme::FeaturesArguments>().fid(), {}};
    case nvme::admin::kSetFeatures: {
      const auto features = sqe.arguments<nvme::FeaturesArguments>();
      if (features.fid() != nvme::feature::kNumberOfQueues) return {{}, features.cdw11, {}};
      return {{}, nvme::QueueCounts{.submission = queues_granted, .completion = queues_granted}.encode(), {}};
    }
    case nvme::admin::kAsyncEventRequest:
      if (events_.size() > identity.aerl) return failed(nvme::status::kAsyncEventLimitExceeded);
      events_.push_back(&pending);
      later = true;
      return {};
    default:
      return failed(nvme::status::kInvalidOpcode);
  }
}

Answered ScriptedController::identify(const nvme::Sqe& sqe) const {
  const auto space = spaces.find(sqe.nsid);
  switch (sqe.arguments<nvme::IdentifyArguments>().cns) {
    case nvme::cns::kController:
      return {{}, 0, bytes_of(identity)};
    case nvme::cns::kActiveNamespaces: {
      nvme::NamespaceList list;
      std::size_t count = 0;
      for (auto next = spaces.upper_bound(sqe.nsid); next != spaces.end() && count < list.nsid.size(); ++next)
        list.nsid[count++] = next->first;
      return {{}, 0, bytes_of(list)};
    }
    case nvme::cns::kNamespace: {
      nvme::IdentifyNamespace data;
      if (space != spaces.end()) {
        data.nsze = data.ncap = data.nuse = space->second.bytes.size() / space->second.block_size;
        while (1U << data.lbaf[0].lbads < space->second.block_size) ++data.lbaf[0].lbads;
        data.nguid.fill(space->second.nguid);
      }
      return {{}, 0, bytes_of(data)};
    }
    case nvme::cns::kNamespaceDescriptors: {
      std::vector<std::byte> data(nvme::kIdentifySize);
      const nvme::NsIdDescriptor uuid{.nidt = nvme::nidt::kUuid, .nidl = 16};
      std::memcpy(data.data(), &uuid, sizeof uuid);
      std::fill_n(data.begin() + sizeof uuid, 16, std::byte{0xab});
      return {{}, 0, data};
    }
    default:
      return failed(nvme::status::kInvalidField);
  }
}

Answered ScriptedController::log_page(const nvme::Sqe& sqe, std::uint64_t length) const {
  const auto arguments = sqe.arguments<nvme::GetLogPageArguments>();
  const auto page = log_pages.find(arguments.lid);
  std::vector<std::byte> data(length);
  if (page != log_pages.end() && arguments.offset < page->second.size()) {
    const std::size_t there = page->second.size() - static_cast<std::size_t>(arguments.offset);
    std::copy_n(page->second.begin() + at(static_cast<std::size_t>(arguments.offset)),
                std::min<std::size_t>(there, data.size()), data.begin());
  }
  return {{}, 0, data};
}

Answered ScriptedController::io(Pending& pending, bool& later) {
  const nvme::Sqe& sqe = pending.command.sqe;
  const auto found = spaces.find(sqe.nsid);
  if (found == spaces.end()) return failed(nvme::status::kInvalidNamespaceOrFormat);
  Space& space = found->second;
  Queue& queue = *pending.queue;
  if (sqe.fuse() == nvme::flags::kFuseFirst) {
    queue.fused_first = &pending;
    later = true;
    return {};
  }
  if (queue.fused_first != nullptr) return fused(*std::exchange(queue.fused_first, nullptr), pending);
  if (sqe.opcode == nvme::io::kFlush) return {};
  if (sqe.opcode == nvme::io::kDatasetManagement) {
    nvme::DsmRange range;
    std::memcpy(&range, pending.command.data.data(), sizeof range);
    const std::size_t first = static_cast<std::size_t>(range.slba * space.block_size);
    std::fill_n(space.bytes.begin() + at(first), std::size_t{range.blocks} * space.block_size, std::byte{0});
    return {};
  }
  Extent extent;
  if (!locate(space, sqe.arguments<nvme::ReadWriteArguments>(), extent)) return failed(nvme::status::kLbaOutOfRange);
  const auto first = space.bytes.begin() + at(extent.offset);
  switch (sqe.opcode) {
    case nvme::io::kRead:
      return {{}, 0, {first, first + at(extent.length)}};
    case nvme::io::kWrite:
      std::ranges::copy(pending.command.data, first);
      return {};
    case nvme::io::kCompare:
      return std::equal(first, first + at(extent.length), pending.command.data.begin())
                 ? Answered{}
                 : failed(nvme::status::kCompareFailure);
    case nvme::io::kWriteZeroes:
      std::fill_n(first, extent.length, std::byte{0});
      return {};
    case nvme::io::kVerify:
    case nvme::io::kWriteUncorrectable:
      return {};
    default:
      return failed(nvme::status::kInvalidOpcode);
  }
}

Answered ScriptedController::fused(Pending& first, Pending& second) {
  Space& space = spaces[second.command.sqe.nsid];
  Extent extent;
  if (!locate(space, second.command.sqe.arguments<nvme::ReadWriteArguments>(), extent)) {
    give(first, failed(nvme::status::kLbaOutOfRange));
    return failed(nvme::status::kAbortedFailedFused);
  }
  const auto there = space.bytes.begin() + at(extent.offset);
  if (!std::equal(there, there + at(extent.length), first.command.data.begin())) {
    give(first, failed(nvme::status::kCompareFailure));
    return failed(nvme::status::kAbortedFailedFused);
  }
  std::ranges::copy(second.command.data, there);
  give(first, {});
  return {};
}

}  // namespace weft::test
