// A host that does the same I/O over and over: io_driver PLUGIN_FOLDER ADDRESS read|write BYTES COUNT OWN_FILE PEER_FILE
//
// After a warm-up it takes both processes' allocation counters (count_allocations.c), does COUNT I/Os, takes them again, and
// prints what was added: "host MALLOCS MMAPS" and "target MALLOCS MMAPS". Exit 1 when an I/O failed.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "weft/host.hpp"

namespace {

constexpr std::uint32_t kDepth = 16;
constexpr std::uint64_t kWarmUp = 1000;
constexpr std::uint64_t kSpan = 32u << 20;  // of the namespace

struct Counters {
  std::atomic<std::uint64_t> mallocs, mmaps;
};

const Counters* map_counters(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  void* at = mmap(nullptr, sizeof(Counters), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return at == MAP_FAILED ? nullptr : static_cast<const Counters*>(at);
}

class Driver {
 public:
  Driver(weft::Host& host, weft::IoRequest::Kind kind, std::uint32_t bytes)
      : host_(host), bytes_(bytes), memory_(std::size_t{bytes} * kDepth) {
    for (std::uint32_t i = 0; i < kDepth; ++i) {
      iov_[i] = weft_iov{memory_.data() + std::size_t{i} * bytes, bytes, nullptr};
      weft::IoRequest& request = requests_[i];
      request.kind = kind;
      request.nsid = 1;
      request.block_size = 512;
      request.blocks = bytes / 512;
      request.iov = &iov_[i];
      request.iov_count = 1;
      request.ctx = this;
      request.done = [](weft::IoRequest& ended) { static_cast<Driver*>(ended.ctx)->done(ended); };
    }
  }

  bool run(weft::Reactor& reactor, std::uint64_t count) {
    left_ = count;
    for (weft::IoRequest& request : requests_) next(request);
    const std::uint64_t deadline = weft::monotonic_now() + 300'000'000'000;
    while (under_way_ > 0 && weft::monotonic_now() < deadline) reactor.run_once(deadline);
    return under_way_ == 0 && failed_ == 0;
  }

 private:
  void next(weft::IoRequest& request) {
    if (left_ == 0) return;
    --left_;
    ++under_way_;
    request.lba = at_ / 512;
    at_ = (at_ + bytes_) % (kSpan - bytes_);
    host_.submit(request);
  }
  void done(weft::IoRequest& request) {
    --under_way_;
    if (!request.completion.ok()) ++failed_;
    next(request);
  }

  weft::Host& host_;
  const std::uint32_t bytes_;
  std::vector<std::byte> memory_;
  std::array<weft_iov, kDepth> iov_{};
  std::array<weft::IoRequest, kDepth> requests_{};
  std::uint64_t left_ = 0, under_way_ = 0, failed_ = 0, at_ = 0;
};

int fail(const std::string& why) {
  std::fprintf(stderr, "io_driver: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  auto address = weft::Address::parse(argv[2]);
  if (!address) return fail(address.error().text);
  auto options = weft::take_host_options(*address);
  if (!options) return fail(options.error().text);
  weft::TransportRegistry registry(weft::SearchPath{{argv[1]}});
  auto reactor = weft::Reactor::create();
  if (!reactor) return fail(reactor.error().text);
  std::unique_ptr<weft::Host> host;
  std::string failure;
  weft::Host::connect(**reactor, registry, *address, *options, [&](weft::Result<std::unique_ptr<weft::Host>> result) {
    if (result)
      host = std::move(*result);
    else
      failure = result.error().text;
  });
  if (!(*reactor)->run_until([&] { return host || !failure.empty(); }, weft::monotonic_now() + 30'000'000'000) || !host)
    return fail(failure);

  const Counters* own = map_counters(argv[6]);
  const Counters* peer = map_counters(argv[7]);
  const auto kind = std::string(argv[3]) == "read" ? weft::IoRequest::Kind::kRead : weft::IoRequest::Kind::kWrite;
  Driver driver(*host, kind, static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10)));
  if (!driver.run(**reactor, kWarmUp)) return fail("an I/O of the warm-up failed");
  const std::array<std::uint64_t, 4> before{own->mallocs, own->mmaps, peer->mallocs, peer->mmaps};
  const bool done = driver.run(**reactor, std::strtoull(argv[5], nullptr, 10));
  const std::array<std::uint64_t, 4> after{own->mallocs, own->mmaps, peer->mallocs, peer->mmaps};
  if (!done) return fail("an I/O failed");
  std::printf("host %lu %lu\ntarget %lu %lu\n", after[0] - before[0], after[1] - before[1], after[2] - before[2],
              after[3] - before[3]);

  bool closed = false;
  host->close([&] { closed = true; });
  return (*reactor)->run_until([&] { return closed; }, weft::monotonic_now() + 30'000'000'000)
             ? 0
             : fail("it did not close in time");
}
