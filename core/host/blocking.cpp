#include "weft/blocking.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>

#include "core/host/impl.hpp"
#include "core/util/handover.hpp"
#include "core/util/log.hpp"

namespace weft {
namespace {

Error own_thread() { return {EDEADLK, "a blocking call from inside the host's own thread would never end"}; }

weft_iov iov_of(std::span<const std::byte> data) {
  return weft_iov{const_cast<std::byte*>(data.data()), data.size(), nullptr};
}

Status check_span(const Namespace& ns, std::size_t bytes) {
  if (ns.block_size == 0)
    return Error(EINVAL, fmt::format("namespace {} has no block size: was it identified?", ns.nsid));
  if (bytes != 0 && bytes % ns.block_size == 0) return {};
  return Error(EINVAL,
               fmt::format("{} bytes are not a whole number of {}-byte blocks, one at least", bytes, ns.block_size));
}

IoRequest make_request(const Namespace& ns, IoRequest::Kind kind, std::uint64_t lba, std::uint64_t blocks) {
  IoRequest request;
  request.kind = kind;
  request.nsid = ns.nsid;
  request.block_size = ns.block_size;
  request.lba = lba;
  request.blocks = blocks;
  return request;
}

}  // namespace

struct BlockingHost::Impl {
  std::unique_ptr<ReactorThread> thread;
  std::unique_ptr<Host> host;  // touched on the thread alone
  std::mutex closing;
  bool closed = false;

  // Asks on the reactor's thread, waits here. `ask` gets the callback to pass on.
  template <class T, class Ask>
  Result<T> ask(Ask ask) {
    if (thread->reactor().on_thread()) return own_thread();
    Handover<Result<T>> answer;
    thread->reactor().post([this, &answer, &ask] {
      if (host == nullptr) return answer.give(Error(ENOTCONN, "the association is closed"));
      ask(*host, [&answer](Result<T> result) { answer.give(std::move(result)); });
    });
    Result<T> result = answer.wait();
    if (!result) return explained(std::move(result).error());
    return result;
  }

  Status status_of(const Completion& completion, std::string_view what) {
    if (completion.ok()) return {};
    return explained(completion_error(completion, what));
  }

  // With the reason for which the association was lost: the transport's sentence, when the controller broke the protocol.
  Error explained(Error error) {
    if (thread->reactor().on_thread()) return error;
    Handover<Error> answer;
    thread->reactor().post([this, &answer] {
      if (host == nullptr) return answer.give(Error());
      host->ask_loss([&answer](const Error& why) { answer.give(why); });
    });
    const Error why = answer.wait();
    const bool told = why.code == 0 || error.text.find(why.text) != std::string::npos;
    if (!told) error.text += ": " + why.text;
    return error;
  }

  template <class Request>
  Completion submit(Request& request) {
    if (thread->reactor().on_thread()) {
      request.completion = Completion();
      request.completion.error = -EDEADLK;
      return request.completion;
    }
    Handover<Completion> answer;
    request.ctx = &answer;
    request.done = [](Request& ended) { static_cast<Handover<Completion>*>(ended.ctx)->give(ended.completion); };
    thread->reactor().post([this, &request] {
      if (host != nullptr) return host->submit(request);
      request.completion = Completion();
      request.completion.error = -ENOTCONN;
      request.done(request);
    });
    return answer.wait();
  }
};

BlockingHost::BlockingHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockingHost::~BlockingHost() {
  if (Status closed = close(); closed) return;
  log::error("a BlockingHost is destroyed on its own thread, which would have to wait for its own end");
  std::abort();
}

Result<std::unique_ptr<BlockingHost>> BlockingHost::connect(TransportRegistry& registry, std::string_view address) {
  auto parsed = Address::parse(address);
  if (!parsed) return std::move(parsed).error();
  auto options = take_host_options(*parsed);
  if (!options) return std::move(options).error();
  return connect(registry, *parsed, *options);
}

Result<std::unique_ptr<BlockingHost>> BlockingHost::connect(TransportRegistry& registry, const Address& address,
                                                            const HostOptions& options) {
  auto impl = std::make_unique<Impl>();
  ReactorOptions reactor_options;
  reactor_options.wait = options.wait;
  auto thread = ReactorThread::start(reactor_options, "weft-host");
  if (!thread) return std::move(thread).error();
  impl->thread = std::move(*thread);
  Handover<Result<std::unique_ptr<Host>>> answer;
  impl->thread->reactor().post([&] {
    Host::connect(impl->thread->reactor(), registry, address, options,
                  [&answer](Result<std::unique_ptr<Host>> host) { answer.give(std::move(host)); });
  });
  auto host = answer.wait();
  if (!host) return std::move(host).error();
  impl->host = std::move(*host);
  return std::unique_ptr<BlockingHost>(new BlockingHost(std::move(impl)));
}

Status BlockingHost::close() {
  if (impl_->thread->reactor().on_thread()) return own_thread();
  const std::lock_guard lock(impl_->closing);
  if (std::exchange(impl_->closed, true)) return {};
  Handover<bool> answer;
  impl_->thread->reactor().post([this, &answer] {
    impl_->host->close([this, &answer] {
      impl_->host.reset();
      // Its last references go with this turn: the answer comes with the next.
      impl_->thread->reactor().post([&answer] { answer.give(true); });
    });
  });
  (void)answer.wait();
  return {};
}

Result<std::vector<std::uint32_t>> BlockingHost::list_namespaces() {
  return impl_->ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
}

Result<Namespace> BlockingHost::identify_namespace(std::uint32_t nsid) {
  return impl_->ask<Namespace>([nsid](Host& host, auto done) { host.identify_namespace(nsid, std::move(done)); });
}

Result<std::vector<std::byte>> BlockingHost::get_log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset,
                                                          std::uint32_t length) {
  return impl_->ask<std::vector<std::byte>>(
      [=](Host& host, auto done) { host.get_log_page(lid, nsid, offset, length, std::move(done)); });
}

Result<std::uint64_t> BlockingHost::get_property(std::uint32_t offset, bool eight_bytes) {
  return impl_->ask<std::uint64_t>(
      [=](Host& host, auto done) { host.get_property(offset, eight_bytes, std::move(done)); });
}

Result<std::vector<fabrics::DiscoveryLogEntry>> BlockingHost::discover() {
  return impl_->ask<std::vector<fabrics::DiscoveryLogEntry>>(
      [](Host& host, auto done) { host.discover(std::move(done)); });
}

Completion BlockingHost::submit(IoRequest& request) { return impl_->submit(request); }
Completion BlockingHost::passthrough(PassthroughRequest& request) { return impl_->submit(request); }

Status BlockingHost::read(const Namespace& ns, std::uint64_t lba, std::span<std::byte> into) {
  return read(ns, lba, iov_of(into));
}

Status BlockingHost::write(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> from,
                           bool force_unit_access) {
  return write(ns, lba, iov_of(from), force_unit_access);
}

Status BlockingHost::read(const Namespace& ns, std::uint64_t lba, const weft_iov& into) {
  if (Status s = check_span(ns, into.len); !s) return s;
  IoRequest request = make_request(ns, IoRequest::Kind::kRead, lba, into.len / ns.block_size);
  request.iov = &into;
  request.iov_count = 1;
  return impl_->status_of(submit(request), "read");
}

Status BlockingHost::write(const Namespace& ns, std::uint64_t lba, const weft_iov& from, bool force_unit_access) {
  if (Status s = check_span(ns, from.len); !s) return s;
  IoRequest request = make_request(ns, IoRequest::Kind::kWrite, lba, from.len / ns.block_size);
  request.force_unit_access = force_unit_access;
  request.iov = &from;
  request.iov_count = 1;
  return impl_->status_of(submit(request), "write");
}

Status BlockingHost::compare(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> with) {
  if (Status s = check_span(ns, with.size()); !s) return s;
  const weft_iov iov = iov_of(with);
  IoRequest request = make_request(ns, IoRequest::Kind::kCompare, lba, with.size() / ns.block_size);
  request.iov = &iov;
  request.iov_count = 1;
  return impl_->status_of(submit(request), "compare");
}

Status BlockingHost::compare_and_write(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> with,
                                       std::span<const std::byte> from) {
  if (Status s = check_span(ns, from.size()); !s) return s;
  if (with.size() != from.size())
    return Error(EINVAL, fmt::format("{} bytes to compare with and {} to write", with.size(), from.size()));
  const weft_iov compare_iov = iov_of(with);
  const weft_iov write_iov = iov_of(from);
  IoRequest request = make_request(ns, IoRequest::Kind::kCompareAndWrite, lba, from.size() / ns.block_size);
  request.iov = &write_iov;
  request.iov_count = 1;
  request.compare_iov = &compare_iov;
  request.compare_iov_count = 1;
  return impl_->status_of(submit(request), "compare and write");
}

Status BlockingHost::flush(const Namespace& ns) {
  IoRequest request = make_request(ns, IoRequest::Kind::kFlush, 0, 0);
  return impl_->status_of(submit(request), "flush");
}

Status BlockingHost::write_zeroes(const Namespace& ns, std::uint64_t lba, std::uint64_t blocks, bool deallocate) {
  IoRequest request = make_request(ns, IoRequest::Kind::kWriteZeroes, lba, blocks);
  request.deallocate = deallocate;
  return impl_->status_of(submit(request), "write zeroes");
}

Status BlockingHost::deallocate(const Namespace& ns, std::uint64_t lba, std::uint64_t blocks) {
  IoRequest request = make_request(ns, IoRequest::Kind::kDeallocate, lba, blocks);
  return impl_->status_of(submit(request), "deallocate");
}

Host& BlockingHost::host() { return *impl_->host; }
Transport& BlockingHost::transport() { return impl_->host->transport(); }
Reactor& BlockingHost::reactor() { return impl_->thread->reactor(); }

}  // namespace weft
