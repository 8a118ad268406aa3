#include "listener.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "agree.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "weft/fabrics.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;
using plugin::NetAddress;

namespace {

constexpr int kBacklog = 128;
constexpr std::uint32_t kMostPendings = 1024;
constexpr std::uint64_t kBetweenLooks = plugin::kSecond;  // for a device that went away
constexpr std::uint8_t kTrtypeRdma = 1;
// TSAS of the discovery log entry.
constexpr std::uint8_t kReliableConnected = 1, kAnyProvider = 1, kRdmaCm = 1;

NetAddress address_of(const sockaddr_storage& storage) {
  NetAddress address;
  NetAddress::from_bytes(&storage, sizeof storage, address);
  return address;
}

}  // namespace

Listener::Listener(Group& group, const Options& options, const weft_listener_events& events, void* ctx)
    : group_(group),
      options_(options),
      events_(events),
      ctx_(ctx),
      pendings_(std::make_shared<std::atomic<std::uint32_t>>(0)) {
  group_.add(*this);
}

Listener::~Listener() { stop(); }

Made<void> Listener::open(const weft_address& address) {
  if (address.source_interface != nullptr && *address.source_interface != '\0')
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = "this transport listens on addresses, not on interfaces", .stage = "listen"});
  const Made<NetAddress> where = plugin::address_to_bind(address, "::");
  if (!where) return std::unexpected(where.error());
  if (where->lacks_scope()) return std::unexpected(plugin::no_scope(*where, "listen"));
  one_family_ = !plugin::is_any(address);
  Made<void> bound = bind(*where);
  if (!bound && (bound.error().code == ENODEV || bound.error().code == EADDRNOTAVAIL))
    bound.error() = {
        .code = bound.error().code, .text = no_device_has(group_.domain().library(), where->host()), .stage = "listen"};
  return bound;
}

Made<void> Listener::bind(const NetAddress& where) {
  Made<std::unique_ptr<verbs::CmId>> id = group_.channel().make_id();
  if (!id) return std::unexpected(id.error());
  Made<void> bound = (*id)->bind(*where.raw(), one_family_);
  if (bound) bound = (*id)->listen(kBacklog);
  if (!bound) return bound;
  id_ = std::move(*id);
  device_ = id_->device();
  local_ = address_of(id_->local());
  group_.hear(*id_, *this);
  return {};
}

void Listener::stop() {
  if (id_ != nullptr) group_.unhear(*id_);
  id_.reset();
}

void Listener::close() {
  if (closing_) return;
  closing_ = true;
  group_.set_deadline(*this, 0);
  stop();
  group_.mark_ending(*this);
}

void Listener::info(weft_listener_info& out) const {
  out.trtype = kTrtypeRdma;
  out.treq = fabrics::treq::kSecureUnspecified;
  plugin::put_bound(out, local_, !one_family_ && local_.family() == AF_INET6);
  out.tsas[fabrics::tsas::kRdmaQpType] = kReliableConnected;
  out.tsas[fabrics::tsas::kRdmaProvider] = kAnyProvider;
  out.tsas[fabrics::tsas::kRdmaCms] = kRdmaCm;
}

void Listener::on_cm_event(verbs::CmEvent& event) {
  if (closing_) return;
  if (event.type == RDMA_CM_EVENT_CONNECT_REQUEST && event.fresh != nullptr) {
    asked(event);
  } else if (event.type == RDMA_CM_EVENT_DEVICE_REMOVAL) {
    device_went_away();
  }
}

void Listener::device_went_away() {
  stop();
  said_why_ = false;
  group_.services().log(
      WEFT_LOG_WARNING,
      fmt::format("the RDMA device of {} went away; hosts are listened for again when it is back", local_.text()));
  group_.set_deadline(*this, group_.services().now() + kBetweenLooks);
  if (device_ != nullptr) group_.device_goes_away(*device_);
}

void Listener::on_deadline() {
  const Made<void> bound = bind(local_);
  group_.set_deadline(*this, bound ? 0 : group_.services().now() + kBetweenLooks);
  if (bound) {
    group_.services().log(WEFT_LOG_WARNING, fmt::format("hosts are listened for on {} again", local_.text()));
  } else if (bound.error().code != ENODEV && bound.error().code != EADDRNOTAVAIL && !std::exchange(said_why_, true)) {
    group_.services().log(WEFT_LOG_WARNING, fmt::format("{}; it is tried again", bound.error().text));
  }
}

void Listener::asked(verbs::CmEvent& event) {
  const auto refuse = [&](RejectStatus status) { static_cast<void>(event.fresh->reject(write_reject(status))); };
  const auto request = read_request(event.said());
  if (!request) return refuse(request.error());
  const verbs::Device* const device = event.fresh->device();
  if (device == nullptr || pendings_->load(std::memory_order_relaxed) >= kMostPendings)
    return refuse(RejectStatus::kNoResources);
  const auto agreed = agree_with_host(*request, event.reads_out, device->attributes(), options_);
  if (!agreed) return refuse(agreed.error());

  const std::string peer = address_of(event.fresh->peer()).text();
  const std::string local = address_of(event.fresh->local()).text();
  auto* pending = new Pending(std::move(event.fresh), group_.channel(), *agreed, options_, pendings_);
  weft_connect_info info{};
  info.size = sizeof info;
  info.peer = peer.c_str();
  info.local = local.c_str();
  info.depth = agreed->depth;
  info.qid = request->qid;
  info.cntlid = request->cntlid;
  group_.count_event();
  events_.on_connect(ctx_, reinterpret_cast<weft_pending*>(pending), &info);
}

// There is no status for a host that is not allowed: it is told when it says who it is.
void Pending::reject(std::uint32_t reason) {
  static_cast<void>(id_->reject(write_reject(reason == WEFT_REJECT_PARAMETERS ? RejectStatus::kInvalidHostSendSize
                                                                              : RejectStatus::kNoResources)));
  delete this;
}

void Listener::tell_end() {
  const weft_error error = plugin::make_error(0, WEFT_ORIGIN_LOCAL, 0, "", "no longer listening");
  group_.count_event();
  events_.on_closed(ctx_, &error);
  group_.bury(*this);
}

}  // namespace weft::rdma
