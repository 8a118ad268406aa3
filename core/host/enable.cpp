// The controller's state machine seen from the host: properties, enabling, identifying, asking for queues.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/host/impl.hpp"
#include "core/wire/sqe.hpp"

namespace weft {
namespace {

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kPoll = 2 * kMillisecond;
constexpr std::uint32_t kTimeoutUnit = nvme::Cap::kTimeoutUnitMs;

// Sends a command of the control path on the admin queue.
auto admin_call(Host::Impl& impl) {
  return Call([&impl](PassthroughRequest& request) {
    impl.submit(request);
    return true;
  });
}

}  // namespace

Task<Host::Impl::Answer> Host::Impl::admin(nvme::Sqe sqe, Nanoseconds limit) {
  Answer answer;
  auto call = admin_call(*this);
  call.sqe = sqe;
  call.timeout = limit;
  co_await call;
  answer.completion = call.completion;
  co_return answer;
}

Task<Host::Impl::Answer> Host::Impl::admin_read(nvme::Sqe sqe, std::uint64_t length, std::uint64_t least) {
  Answer answer;
  answer.data.resize(length);
  const weft_iov iov{answer.data.data(), answer.data.size(), nullptr};
  auto call = admin_call(*this);
  call.sqe = sqe;
  call.direction = DataDirection::kIn;
  call.iov = &iov;
  call.iov_count = 1;
  co_await call;
  answer.completion = call.completion;
  if (answer.completion.ok() && answer.completion.moved < least) answer.completion.error = -ENODATA;
  answer.data.resize(std::min(answer.completion.moved, length));
  co_return answer;
}

// Each of Identify's structures fills its page.
Task<Host::Impl::Answer> Host::Impl::identify_page(wire::IdentifyFields fields) {
  return admin_read(wire::identify(fields), nvme::kIdentifySize, nvme::kIdentifySize);
}

Task<Result<std::uint64_t>> Host::Impl::property_get(std::uint32_t offset, bool eight_bytes, Nanoseconds limit) {
  Answer answer = co_await admin(wire::property_get(offset, eight_bytes), limit);
  if (!answer.completion.ok())
    co_return Error(EIO, fmt::format("Property Get {:02x}h: {}", offset, outcome_words(answer.completion)));
  co_return answer.completion.result;
}

Task<Status> Host::Impl::property_set(std::uint32_t offset, std::uint64_t value, bool eight_bytes, Nanoseconds limit) {
  Answer answer = co_await admin(wire::property_set(offset, value, eight_bytes), limit);
  if (!answer.completion.ok())
    co_return Error(EIO, fmt::format("Property Set {:02x}h: {}", offset, outcome_words(answer.completion)));
  co_return Status();
}

// For a command of a step: never 0, which would be the time-out anew.
Nanoseconds Host::Impl::left(Nanoseconds deadline) const {
  return deadline > reactor_.now() ? deadline - reactor_.now() : 1;
}

Host::Impl::Step Host::Impl::step(std::uint32_t units, Nanoseconds end) const {
  const std::uint64_t asked = std::uint64_t{units} * kTimeoutUnit;
  const Nanoseconds deadline = reactor_.now() + asked * kMillisecond;
  if (deadline <= end) return {deadline, fmt::format("the {} ms that it asks for", asked), end};
  return {end, fmt::format("{} ms (timeout), though it asks for {} ms", timeout() / kMillisecond, asked), end};
}

Task<Status> Host::Impl::enable() {
  const Nanoseconds end = reactor_.now() + timeout();
  auto cap = co_await property_get(nvme::property::kCap, true, left(end));
  if (!cap) co_return at("enable", cap.error().text);
  cap_ = nvme::Cap(*cap);
  auto vs = co_await property_get(nvme::property::kVs, false, left(end));
  if (!vs) co_return at("enable", vs.error().text);
  vs_ = nvme::Vs(static_cast<std::uint32_t>(*vs));
  std::uint32_t units = std::max(cap_.to(), 1U);
  if (cap_.crwms()) {
    auto crto = co_await property_get(nvme::property::kCrto, false, left(end));
    if (crto) units = std::max(units, nvme::Crto(static_cast<std::uint32_t>(*crto)).crwmt());
  }
  const std::uint32_t css = (cap_.css() & nvme::Cap::kCssSelectable) != 0 ? nvme::Cc::kCssAllIo : nvme::Cc::kCssNvm;
  cc_ = nvme::Cc()
            .with_enable(true)
            .with_css(css)
            .with_mps(cap_.mpsmin())
            .with_iosqes(nvme::Cc::kIosqes)
            .with_iocqes(nvme::Cc::kIocqes);
  Status set = co_await property_set(nvme::property::kCc, cc_.value(), false, left(end));
  if (!set) co_return at("enable", set.error().text);
  co_return co_await wait_for(true, step(units, end), "did not become ready");
}

Task<Status> Host::Impl::disable() {
  const Nanoseconds end = reactor_.now() + timeout();
  cc_ = cc_.with_enable(false);
  Status set = co_await property_set(nvme::property::kCc, cc_.value(), false, left(end));
  if (!set) co_return at("reset", set.error().text);
  co_return co_await wait_for(false, step(std::max(cap_.to(), 1U), end), "did not stop being ready");
}

// It asks once more only where the answer, if it takes as long as the last one, comes before the deadline: a controller that
// answers and is not ready is to be told from one that is silent.
Task<Status> Host::Impl::wait_for(bool ready, Step step, std::string_view what) {
  const std::string_view stage = ready ? "enable" : "reset";
  for (;;) {
    const Nanoseconds asked = reactor_.now();
    auto value = co_await property_get(nvme::property::kCsts, false, left(step.end));
    if (!value) co_return at(stage, value.error().text);
    const nvme::Csts csts(static_cast<std::uint32_t>(*value));
    if (csts.value() == UINT32_MAX) co_return at(stage, "CSTS reads as all ones: the controller is gone", ENODEV);
    if (ready && csts.fatal()) co_return at(stage, "the controller reports a fatal status (CSTS.CFS)", EIO);
    if (csts.ready() == ready) co_return Status();
    const Nanoseconds took = reactor_.now() - asked;
    if (reactor_.now() + 2 * took >= step.deadline)
      co_return at(stage, fmt::format("the controller {} in {}; CSTS is {:x}h", what, step.bound, csts.value()),
                   ETIMEDOUT);
    Pause pause(*this, std::min(kPoll, left(step.deadline - 2 * took)));
    co_await pause;
  }
}

Task<Status> Host::Impl::identify_controller() {
  wire::IdentifyFields fields;
  fields.cns = nvme::cns::kController;
  Answer answer = co_await identify_page(fields);
  if (!answer.completion.ok()) co_return at("identify", "Identify Controller: " + outcome_words(answer.completion));
  std::memcpy(&identity_, answer.data.data(), sizeof identity_);
  co_return judge_identity();
}

Status Host::Impl::judge_identity() {
  discovery_ = discovery_ || identity_.cntrltype == nvme::cntrltype::kDiscovery;
  if (identity_.cntlid != cntlid_) {
    return at("identify",
              fmt::format("it says to be controller {}, but answered Connect as {}", std::uint16_t{identity_.cntlid},
                          cntlid_),
              EPROTO);
  }
  const std::uint64_t page = std::uint64_t{4096} << cap_.mpsmin();
  // Beyond 2^31 pages there is no bound that matters.
  max_transfer_ = identity_.mdts == 0 || identity_.mdts > 31 ? 0 : page << identity_.mdts;
  const std::uint64_t transport_most = admin_->limits().max_transfer;
  if (transport_most != 0 && (max_transfer_ == 0 || transport_most < max_transfer_)) max_transfer_ = transport_most;
  settle_keep_alive();
  if (discovery_) return {};
  if ((cap_.css() & (nvme::Cap::kCssNvm | nvme::Cap::kCssSelectable)) == 0) {
    return at("identify", fmt::format("it has no NVM command set (CAP.CSS is {:02x}h)", cap_.css()), ENOTSUP);
  }
  if (cap_.mqes() == 0)
    return at("identify", "its queues have one entry at most (CAP.MQES is 0): no command fits", EPROTO);
  if ((identity_.sgls & nvme::sgls::kSupportMask) == 0)
    return at("identify", "it takes no SGLs, without which there is no data over fabrics", EPROTO);
  if (identity_.ioccsz < 4)
    return at("identify",
              fmt::format("a command capsule of {} bytes is too small for a command", identity_.ioccsz * 16U), EPROTO);
  if (identity_.ioccsz > UINT32_MAX / 16)
    return at("identify", "the size of its command capsules makes no sense", EPROTO);
  if (identity_.iorcsz < 1) return at("identify", "its response capsules have no room for a completion", EPROTO);
  if (identity_.icdoff != 0)
    return at("identify", "it wants in-capsule data at an offset, which this host does not do", ENOTSUP);
  return {};
}

// The controller rounds up what Connect said; one that was not asked for is left as it is.
void Host::Impl::settle_keep_alive() {
  const auto wanted = static_cast<std::uint64_t>(options_.kato.count());
  const bool asked = options_.kato != HostOptions().kato;
  std::uint64_t taken = 0;
  if (identity_.kas == 0) {
    if (!discovery_ && asked) say_clamped("kato", wanted, taken, "the controller knows no Keep Alive", "ms");
  } else {
    const std::uint64_t unit = identity_.kas * std::uint64_t{100};
    taken = asked ? (wanted + unit - 1) / unit * unit : wanted;
    say_clamped("kato", wanted, taken, fmt::format("the controller counts in units of {} ms", unit), "ms");
  }
  options_.kato = std::chrono::milliseconds(taken);
}

Task<Status> Host::Impl::ask_for_queues() {
  const nvme::QueueCounts wanted{.submission = options_.queues, .completion = options_.queues};
  Answer answer = co_await admin(wire::set_features(nvme::feature::kNumberOfQueues, wanted.encode()));
  if (!answer.completion.ok())
    co_return at("queues", "Set Features Number of Queues: " + outcome_words(answer.completion));
  const auto counts = nvme::QueueCounts::decode(static_cast<std::uint32_t>(answer.completion.result));
  granted_ = std::min({options_.queues, counts.submission, counts.completion});
  say_clamped("queues", options_.queues, granted_, "the controller grants no more");
  if (granted_ < io_.size()) {
    co_return at("queues", fmt::format("the controller granted {} I/O queues, and now only {}", io_.size(), granted_),
                 EBUSY);
  }
  co_return Status();
}

}  // namespace weft
