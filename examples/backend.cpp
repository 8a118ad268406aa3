// A storage backend of one's own, served over TCP: a disk that keeps only the blocks somebody wrote, in a std::map.
//
//   backend tcp://127.0.0.1:4420          then: weft list 'tcp://127.0.0.1:4420/nqn.2026-01.org.example:sparse'
//
// One thread, so no locks; a real backend would give each context its own way to the storage. Memory is lent from the op's
// own staging here, as much as is asked for; see backend.hpp for how to avoid that copy. Nothing here fails, so op.status
// stays the success that the caller put there.
#include <signal.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "weft/backend.hpp"
#include "weft/controller.hpp"
#include "weft/log.hpp"

namespace {

using Block = std::vector<std::byte>;

class SparseContext final : public weft::BackendContext {
 public:
  explicit SparseContext(std::map<std::uint64_t, Block>& blocks) : blocks_(blocks) {}
  std::uint32_t segments(std::uint64_t, std::uint32_t) const override { return 1; }
  weft::Progress lend(weft::BackendOp& op) override { return give(op, std::size_t{op.blocks} * 512); }
  weft::Progress commit(weft::BackendOp& op) override {
    const auto* from = static_cast<const std::byte*>(op.iov[0].base);
    for (std::uint32_t i = 0; i < op.blocks; ++i) blocks_[op.lba + i].assign(from + i * 512, from + (i + 1) * 512);
    return discard(op), weft::Progress::kDone;
  }
  void discard(weft::BackendOp& op) override { delete[] static_cast<std::byte*>(op.iov[0].base); }
  weft::Progress map(weft::BackendOp& op) override {
    give(op, std::size_t{op.blocks} * 512);
    auto* to = static_cast<std::byte*>(op.iov[0].base);
    for (std::uint32_t i = 0; i < op.blocks; ++i) {
      if (auto found = blocks_.find(op.lba + i); found != blocks_.end())
        std::memcpy(to + i * 512, found->second.data(), 512);
    }
    return weft::Progress::kDone;
  }
  void unmap(weft::BackendOp& op) override { discard(op); }
  weft::Progress flush(weft::BackendOp&) override { return weft::Progress::kDone; }
  weft::Progress write_zeroes(weft::BackendOp& op) override { return deallocate(op); }
  weft::Progress deallocate(weft::BackendOp& op) override {
    blocks_.erase(blocks_.lower_bound(op.lba), blocks_.lower_bound(op.lba + op.blocks));
    return weft::Progress::kDone;
  }

 private:
  static weft::Progress give(weft::BackendOp& op, std::size_t bytes) {
    op.iov[0] = weft_iov{new std::byte[bytes](), bytes, nullptr};
    op.iov_count = 1;
    return weft::Progress::kDone;
  }
  std::map<std::uint64_t, Block>& blocks_;
};

class SparseBackend final : public weft::Backend {
 public:
  // Its data ends with it, so it is a new disk each time. One that keeps data overrides identity() as well.
  weft::BackendInfo info() const override {
    return {.blocks = 1u << 21, .thin = true, .description = "sparse 1 GiB", .data = weft::DataLifetime::kLost};
  }
  weft::Result<std::unique_ptr<weft::BackendContext>> open(weft::Reactor&, std::uint64_t) override {
    return std::make_unique<SparseContext>(blocks_);
  }

 private:
  std::map<std::uint64_t, Block> blocks_;
};

int fail(const weft::Error& error) { return std::fprintf(stderr, "%s\n", weft::terminal_text(error.text).c_str()), 1; }

}  // namespace

int main(int argc, char** argv) {
  const std::string nqn = "nqn.2026-01.org.example:sparse";
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  weft::TransportRegistry registry;
  auto target = weft::Target::start(registry);
  if (!target) return fail(target.error());
  weft::SubsystemOptions subsystem;
  subsystem.nqn = nqn;
  if (auto s = (*target)->add_subsystem(subsystem); !s) return fail(s.error());
  weft::NamespaceOptions options;
  options.backend = std::make_unique<SparseBackend>();
  if (auto nsid = (*target)->add_namespace(nqn, std::move(options)); !nsid) return fail(nsid.error());
  auto address = weft::Address::parse(argc > 1 ? argv[1] : "tcp://127.0.0.1:4420");
  if (!address) return fail(address.error());
  auto bound = (*target)->listen(*address);
  if (!bound) return fail(bound.error());
  std::printf("listening %s\n", bound->to_string().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  (*target)->stop(weft::monotonic_now() + 5'000'000'000);
}
