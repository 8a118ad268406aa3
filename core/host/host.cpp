#include "weft/host.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/host/impl.hpp"
#include "core/util/log.hpp"
#include "core/wire/sqe.hpp"
#include "core/wire/text_field.hpp"

namespace weft {
namespace {

Result<Namespace> namespace_of(std::uint32_t nsid, const std::vector<std::byte>& data) {
  nvme::IdentifyNamespace wire_form;
  std::memcpy(&wire_form, data.data(), sizeof wire_form);
  Namespace ns;
  ns.nsid = nsid;
  ns.blocks = wire_form.nsze;
  if (ns.blocks == 0) return Error(ENODEV, fmt::format("namespace {} is not there", nsid));
  const nvme::LbaFormat format = wire_form.lbaf[wire_form.format_index()];
  if (format.lbads < 9 || format.lbads > 24)
    return Error(EPROTO,
                 fmt::format("namespace {} has blocks of 2^{} bytes, which makes no sense", nsid, format.lbads));
  if (format.ms != 0) return Error(ENOTSUP, fmt::format("namespace {} has metadata, which is not supported", nsid));
  ns.block_size = 1U << format.lbads;
  if (ns.blocks > UINT64_MAX / ns.block_size)
    return Error(EPROTO, fmt::format("namespace {} has {} blocks of {} bytes, which makes no sense", nsid, ns.blocks,
                                     ns.block_size));
  ns.read_only = (wire_form.nsattr & nvme::nsattr::kWriteProtected) != 0;
  std::memcpy(ns.nguid.data(), &wire_form.nguid, ns.nguid.size());
  std::memcpy(ns.eui64.data(), &wire_form.eui64, ns.eui64.size());
  return ns;
}

// Identify CNS 03h: what of it is there, and the command set. Bounded by the page, whatever the lengths say.
std::uint8_t read_descriptors(const std::vector<std::byte>& data, Namespace& ns) {
  std::uint8_t csi = nvme::csi::kNvm;
  std::size_t at = 0;
  while (at + sizeof(nvme::NsIdDescriptor) <= data.size()) {
    nvme::NsIdDescriptor descriptor;
    std::memcpy(&descriptor, data.data() + at, sizeof descriptor);
    at += sizeof descriptor;
    if (descriptor.nidl == 0 || at + descriptor.nidl > data.size()) break;
    if (descriptor.nidt == nvme::nidt::kUuid && descriptor.nidl == ns.uuid.size())
      std::memcpy(ns.uuid.data(), data.data() + at, ns.uuid.size());
    if (descriptor.nidt == nvme::nidt::kNguid && descriptor.nidl == ns.nguid.size())
      std::memcpy(ns.nguid.data(), data.data() + at, ns.nguid.size());
    if (descriptor.nidt == nvme::nidt::kCsi && descriptor.nidl == sizeof csi)
      csi = std::to_integer<std::uint8_t>(data[at]);
    at += descriptor.nidl;
  }
  return csi;
}

Error other_command_set(std::uint32_t nsid, std::uint8_t csi) {
  const std::string name = csi == nvme::csi::kZoned      ? "the zoned command set"
                           : csi == nvme::csi::kKeyValue ? "the key value command set"
                                                         : fmt::format("command set {:02x}h", csi);
  return {ENOTSUP, fmt::format("namespace {} has {}, which is not supported", nsid, name)};
}

using Impl = Host::Impl;

constexpr std::uint32_t kLastListStart = 0xFFFFFFFE;  // from there on Identify takes no list
// Not NN: namespaces come and go, and that number was read when the association began.
constexpr std::size_t kMostNamespaces = 65'536;

Detached run_list(std::shared_ptr<Impl> self, Host::Reply<std::vector<std::uint32_t>> done) {
  std::vector<std::uint32_t> found;
  for (;;) {
    wire::IdentifyFields fields;
    fields.cns = nvme::cns::kActiveNamespaces;
    fields.nsid = found.empty() ? 0 : found.back();
    Impl::Answer answer = co_await self->identify_page(fields);
    if (!answer.completion.ok()) {
      done(completion_error(answer.completion, "Identify active namespaces"));
      co_return;
    }
    nvme::NamespaceList list;
    std::memcpy(&list, answer.data.data(), sizeof list);
    std::size_t count = 0;
    // Ascending, or it might never end.
    while (count < list.nsid.size() && list.nsid[count] != 0 && (found.empty() || list.nsid[count] > found.back()))
      found.push_back(list.nsid[count++]);
    if (count < list.nsid.size() && list.nsid[count] != 0) {
      log::warning("{}: its list of namespaces is not ascending: {} follows {}; what comes after that is left out",
                   wire::printable(self->target_words()), std::uint32_t{list.nsid[count]}, found.back());
    }
    if (found.size() > kMostNamespaces) {
      done(Error(EFBIG, fmt::format("the controller lists more than {} namespaces", kMostNamespaces)));
      co_return;
    }
    if (count < list.nsid.size() || found.back() >= kLastListStart) break;
  }
  done(std::move(found));
}

Detached run_identify(std::shared_ptr<Impl> self, std::uint32_t nsid, Host::Reply<Namespace> done) {
  wire::IdentifyFields fields;
  fields.cns = nvme::cns::kNamespace;
  fields.nsid = nsid;
  Impl::Answer answer = co_await self->identify_page(fields);
  if (answer.completion.error != 0) {
    done(completion_error(answer.completion, fmt::format("Identify namespace {}", nsid)));
    co_return;
  }
  Result<Namespace> ns = answer.completion.ok()
                             ? namespace_of(nsid, answer.data)
                             : completion_error(answer.completion, fmt::format("Identify namespace {}", nsid));
  // A namespace of another command set is refused here or comes as zeroes: only its descriptors say why.
  fields.cns = nvme::cns::kNamespaceDescriptors;
  answer = co_await self->identify_page(fields);
  if (answer.completion.ok()) {
    Namespace named = ns ? *ns : Namespace{};
    const std::uint8_t csi = read_descriptors(answer.data, named);
    if (csi != nvme::csi::kNvm) {
      ns = other_command_set(nsid, csi);
    } else if (ns) {
      ns = named;
    }
  }
  done(std::move(ns));
}

Detached run_feature(std::shared_ptr<Impl> self, nvme::Sqe sqe, std::string what, Host::Reply<std::uint32_t> done) {
  Impl::Answer answer = co_await self->admin(sqe);
  if (!answer.completion.ok()) {
    done(completion_error(answer.completion, what));
    co_return;
  }
  done(static_cast<std::uint32_t>(answer.completion.result));
}

Detached run_log_page(std::shared_ptr<Impl> self, std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset,
                      std::uint32_t length, Host::Reply<std::vector<std::byte>> done) {
  done(co_await self->log_page(lid, nsid, offset, length));
}

Detached run_property_get(std::shared_ptr<Impl> self, std::uint32_t offset, bool eight_bytes,
                          Host::Reply<std::uint64_t> done) {
  done(co_await self->property_get(offset, eight_bytes));
}

Detached run_property_set(std::shared_ptr<Impl> self, std::uint32_t offset, std::uint64_t value, bool eight_bytes,
                          Host::Reply<bool> done) {
  Status status = co_await self->property_set(offset, value, eight_bytes);
  if (!status) {
    done(std::move(status).error());
    co_return;
  }
  done(true);
}

Detached run_discover(std::shared_ptr<Impl> self, Host::Reply<std::vector<fabrics::DiscoveryLogEntry>> done) {
  done(co_await self->discovery_log());
}

}  // namespace

Host::Impl::Impl(Reactor& reactor, const HostOptions& options)
    : reactor_(reactor),
      options_(options),
      finish_timer_(
          reactor, [](void* ctx) { static_cast<Impl*>(ctx)->finish_now(); }, this),
      keep_alive_timer_(reactor, [](void* ctx) { static_cast<Impl*>(ctx)->keep_alive_due(); }, this) {}

Host::Impl::~Impl() = default;

// No wait is without an end.
Nanoseconds Host::Impl::timeout() const {
  const std::chrono::milliseconds given = options_.timeout.count() > 0 ? options_.timeout : HostOptions().timeout;
  return static_cast<Nanoseconds>(given.count()) * 1'000'000;
}

std::string Host::Impl::target_words() const {
  Address where = address_;
  where.subnqn.clear();
  where.options.clear();
  return fmt::format("{} at {}", discovery_ ? "the discovery service" : subnqn_, where.to_string());
}

Error Host::Impl::at(std::string_view stage, std::string text, int code) const {
  return Error(code, stage, std::move(text)).with_context(target_words());
}

void Host::connect(Reactor& reactor, TransportRegistry& registry, const Address& address, const HostOptions& options,
                   Connected done) {
  Impl::run_connect(std::make_shared<Impl>(reactor, options), registry, address, std::move(done));
}

Host::Host(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Host::~Host() {
  impl_->events_.reset();
  if (impl_->alive()) impl_->close([] {});
}

void Host::set_events(Events events) { impl_->events_ = std::make_shared<Events>(std::move(events)); }
void Host::submit(IoRequest& request) { impl_->submit(request); }
void Host::submit(PassthroughRequest& request) { impl_->submit(request); }

void Host::list_namespaces(Reply<std::vector<std::uint32_t>> done) { run_list(impl_, std::move(done)); }
void Host::identify_namespace(std::uint32_t nsid, Reply<Namespace> done) { run_identify(impl_, nsid, std::move(done)); }
void Host::get_log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset, std::uint32_t length,
                        Reply<std::vector<std::byte>> done) {
  run_log_page(impl_, lid, nsid, offset, length, std::move(done));
}
void Host::get_feature(std::uint8_t fid, std::uint32_t cdw11, Reply<std::uint32_t> done) {
  run_feature(impl_, wire::get_features(fid, cdw11), fmt::format("Get Features {:02x}h", fid), std::move(done));
}
void Host::set_feature(std::uint8_t fid, std::uint32_t cdw11, Reply<std::uint32_t> done) {
  run_feature(impl_, wire::set_features(fid, cdw11), fmt::format("Set Features {:02x}h", fid), std::move(done));
}
void Host::get_property(std::uint32_t offset, bool eight_bytes, Reply<std::uint64_t> done) {
  run_property_get(impl_, offset, eight_bytes, std::move(done));
}
void Host::set_property(std::uint32_t offset, std::uint64_t value, bool eight_bytes, Reply<bool> done) {
  run_property_set(impl_, offset, value, eight_bytes, std::move(done));
}
void Host::discover(Reply<std::vector<fabrics::DiscoveryLogEntry>> done) { run_discover(impl_, std::move(done)); }
void Host::ask_loss(std::move_only_function<void(const Error&)> done) { Impl::run_ask_loss(impl_, std::move(done)); }
void Host::reset(Reply<bool> done) { Impl::run_reset(impl_, {}, std::move(done)); }

const nvme::IdentifyController& Host::identity() const { return impl_->identity_; }
std::uint64_t Host::capabilities() const { return impl_->cap_.value(); }
std::uint32_t Host::version() const { return impl_->vs_.value(); }
std::uint16_t Host::cntlid() const { return impl_->cntlid_; }
std::uint16_t Host::io_queues() const { return static_cast<std::uint16_t>(impl_->io_.size()); }
std::uint64_t Host::max_transfer() const { return impl_->max_transfer_; }
const HostOptions& Host::options() const { return impl_->options_; }
weft_qpair_info Host::connection() const {
  return impl_->admin_ != nullptr ? impl_->admin_->info() : weft_qpair_info{};
}

Transport& Host::transport() const { return *impl_->transport_; }

void Host::close(std::move_only_function<void()> done) { impl_->close(std::move(done)); }

Error completion_error(const Completion& completion, std::string_view what) {
  return Error(completion.error != 0 ? -completion.error : EIO, fmt::format("{}: {}", what, outcome_words(completion)));
}

std::string outcome_words(const Completion& completion, bool fabrics) {
  if (completion.error == -ETIMEDOUT) return "no answer in time";
  if (completion.error == -ECANCELED) return "the association was closed";
  if (completion.error == -EPROTO) return "the controller broke the protocol";  // how: why the connection was closed
  if (completion.error == -ENODATA) return "it was answered with success, but not exactly the command's data has moved";
  if (completion.error == -EBADMSG) return "its data was damaged on the way (data digest)";
  if (completion.error == -EMSGSIZE)
    return "it is more than one command carries: a block, or what is not split, larger than the controller's limit "
           "(MDTS) or "
           "the transport's, or memory in more pieces than the transport takes";
  if (completion.error != 0) return std::strerror(-completion.error);
  return completion.status.describe(fabrics);
}

}  // namespace weft
