// Asynchronous events: one request is kept with the controller; what it brings is looked up, which unmasks it, and passed on.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/host/impl.hpp"
#include "core/wire/sqe.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kWanted = nvme::async_event::kEnableNamespaceAttribute | nvme::async_event::kEnableDiscovery;

std::uint32_t log_length(std::uint8_t lid) {
  switch (lid) {
    case nvme::log_page::kError:
      return 64;
    case nvme::log_page::kSmart:
    case nvme::log_page::kFirmwareSlot:
      return 512;
    case nvme::log_page::kDiscovery:
      return 1024;
    default:
      return 4096;
  }
}

}  // namespace

// Once after connecting and once after each reset: a reset takes the configuration away, and may end the request.
Detached Host::Impl::run_async_events(std::shared_ptr<Impl> self) {
  const Flow flow(*self);
  const std::uint32_t enable = self->identity_.oaes & kWanted;
  const bool discovery_without_kato = self->discovery_ && self->options_.kato.count() == 0;
  if (enable == 0 || discovery_without_kato) co_return;
  Answer set = co_await self->admin(wire::set_features(nvme::feature::kAsyncEventConfiguration, enable));
  // A shutdown may have begun while this was under way: behind it no command may come.
  if (!set.completion.ok() || !self->alive() || self->event_request_out_) co_return;
  self->event_request_out_ = true;
  for (bool go_on = true; go_on;) {
    Answer answer = co_await self->admin(wire::async_event_request(), kForever);
    go_on = answer.completion.ok() && co_await self->take_async_event(answer.completion);
  }
  self->event_request_out_ = false;
}

// Reading the log page with RAE 0 unmasks the event, so it comes before anybody is told; where that fails, they are told all
// the same: something happened.
Task<bool> Host::Impl::take_async_event(const Completion& completion) {
  const auto event = nvme::AsyncEvent::decode(static_cast<std::uint32_t>(completion.result));
  const auto nsid = static_cast<std::uint32_t>(completion.result >> 32);
  const std::uint32_t scope = event.log_page == nvme::log_page::kSmart ? nvme::kNsidAll : 0;
  auto log = co_await log_page(event.log_page, scope, 0, log_length(event.log_page));
  if (!alive()) co_return false;
  const std::shared_ptr<Events> events = events_;
  if (events != nullptr && events->on_event) events->on_event(AsyncEvent{event.type, event.info, event.log_page, nsid});
  co_return alive();
}

Task<Result<std::vector<std::byte>>> Host::Impl::log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset,
                                                          std::uint32_t length) {
  wire::GetLogPageFields fields;
  fields.lid = lid;
  fields.nsid = nsid;
  if (length == 0 || offset % 4 != 0 || offset > UINT64_MAX - length) {
    Pause next_turn(*this);
    co_await next_turn;
    co_return Error(EINVAL,
                    fmt::format("{} bytes at {} of a log page: it is read by dwords, one at least", length, offset));
  }
  std::vector<std::byte> whole;
  // In parts that one command may carry, in dwords.
  const std::uint64_t most =
      max_transfer_ == 0 ? 1u << 20 : std::max<std::uint64_t>(max_transfer_ & ~std::uint64_t{3}, 4);
  for (std::uint64_t done = 0; done < length;) {
    fields.offset = offset + done;
    fields.length = std::min<std::uint64_t>(most, (length - done + 3) & ~std::uint64_t{3});
    Answer answer = co_await admin_read(wire::get_log_page(fields), fields.length, 1);
    if (!answer.completion.ok()) co_return completion_error(answer.completion, "Get Log Page");
    const std::uint64_t used = std::min<std::uint64_t>(answer.data.size(), length - done);
    whole.insert(whole.end(), answer.data.begin(), answer.data.begin() + static_cast<std::ptrdiff_t>(used));
    done += used;
    if (answer.data.size() < fields.length) break;  // the page ends here
  }
  co_return whole;
}

}  // namespace weft
