#include "core/controller/registers.hpp"

#include <utility>

namespace weft::controller {
namespace {

constexpr std::uint32_t kReadyTimeout = 15;  // 500 ms units; it takes no time, but a host may be far away

nvme::Cap make_cap(std::uint32_t max_queue_size) {
  return nvme::Cap()
      .with_mqes(max_queue_size - 1)
      .with_cqr(true)
      .with_to(kReadyTimeout)
      .with_css(nvme::Cap::kCssNvm | nvme::Cap::kCssSelectable)
      .with_crwms(true);
}

bool shutdown_wanted(nvme::Cc cc) {
  return cc.shn() == nvme::Cc::kShutdownNormal || cc.shn() == nvme::Cc::kShutdownAbrupt;
}

}  // namespace

Registers::Registers(std::uint32_t max_queue_size, bool discovery)
    : discovery_(discovery), cap_(make_cap(max_queue_size)) {}

std::optional<std::uint64_t> Registers::get(std::uint32_t offset, bool eight_bytes) const {
  if (eight_bytes) return offset == nvme::property::kCap ? std::optional(cap_.value()) : std::nullopt;
  switch (offset) {
    case nvme::property::kVs:
      return kVersion.value();
    case nvme::property::kCc:
      return cc_.value();
    case nvme::property::kCsts:
      return csts_.value();
    case nvme::property::kCrto:
      return nvme::Crto().with_crwmt(kReadyTimeout).value();
    default:
      return std::nullopt;
  }
}

// A discovery controller has no I/O queues: its entry sizes may be left 0.
bool Registers::acceptable(nvme::Cc cc) const {
  const bool sizes_ok = (cc.iosqes() == nvme::Cc::kIosqes && cc.iocqes() == nvme::Cc::kIocqes) ||
                        (discovery_ && cc.iosqes() == 0 && cc.iocqes() == 0);
  return sizes_ok && (cc.css() == nvme::Cc::kCssNvm || cc.css() == nvme::Cc::kCssAllIo) && cc.mps() == 0 &&
         cc.ams() == 0;
}

CcAction Registers::write_cc(std::uint32_t value) {
  const nvme::Cc before = cc_;
  const nvme::Cc after(value);
  if (!before.enable()) {
    cc_ = after;
    if (resetting_) return CcAction::kNone;
    if (!after.enable()) {
      csts_ = csts_.with_shst(shutdown_wanted(after) ? nvme::Csts::kShutdownComplete : nvme::Csts::kShutdownNone);
      return CcAction::kNone;
    }
    if (!acceptable(after)) {
      csts_ = csts_.with_fatal(true);
      return CcAction::kNone;
    }
    csts_ = nvme::Csts().with_ready(true);
    return CcAction::kEnabled;
  }
  if (!after.enable()) {
    cc_ = after;
    resetting_ = true;
    return CcAction::kReset;
  }
  // Enabled, and to stay so: nothing but the shutdown may change.
  cc_ = before.with_shn(after.shn());
  if (!shutdown_wanted(after) || shutting_down()) return CcAction::kNone;
  csts_ = csts_.with_shst(nvme::Csts::kShutdownInProgress);
  return CcAction::kShutdown;
}

CcAction Registers::reset_done() {
  resetting_ = false;
  csts_ = nvme::Csts();
  if (!cc_.enable()) {
    if (shutdown_wanted(cc_)) csts_ = csts_.with_shst(nvme::Csts::kShutdownComplete);
    return CcAction::kNone;
  }
  const nvme::Cc wanted = std::exchange(cc_, cc_.with_enable(false));
  return write_cc(wanted.value());
}

// A host that sees "complete" may cut the power. With something not durable it never comes to see that, but CFS.
void Registers::shutdown_done(bool durable) {
  if (csts_.shst() != nvme::Csts::kShutdownInProgress) return;
  csts_ = durable ? csts_.with_shst(nvme::Csts::kShutdownComplete) : csts_.with_fatal(true);
}

}  // namespace weft::controller
