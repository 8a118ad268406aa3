// bench.hpp - a server and its hosts on one reactor, joined by the loopback transport: nothing happens but by run().
#ifndef WEFT_TESTS_UNIT_CONTROLLER_BENCH_HPP
#define WEFT_TESTS_UNIT_CONTROLLER_BENCH_HPP

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/controller/server.hpp"
#include "core/wire/sqe.hpp"
#include "support/capsule_host.hpp"
#include "support/fake_clock.hpp"
#include "support/loopback_transport.hpp"
#include "support/memory_backend.hpp"

namespace weft::test {

inline constexpr char kDiskNqn[] = "nqn.2026-01.org.example:disk";
inline constexpr char kHostA[] = "nqn.2026-01.org.example:host-a";
inline constexpr char kHostB[] = "nqn.2026-01.org.example:host-b";

class Bench : public testing::Test {
 protected:
  explicit Bench(TargetOptions options = {}) : options_(options) {
    EXPECT_TRUE(registry_.add(loopback_transport(), "loopback"));
    ReactorOptions reactor_options;
    reactor_options.clock = &FakeClock::now;
    reactor_ = std::move(*Reactor::create(reactor_options));
    Reactor* const one = reactor_.get();
    server_ = std::make_unique<controller::Server>(registry_, options_, std::span(&one, 1));
    server_->notice_to = [this](std::string_view sentence) { notices_.emplace_back(sentence); };
    transport_ = *registry_.find("loop", WEFT_ROLE_CONTROLLER);
  }
  ~Bench() override {
    hosts_.clear();
    stop();
    server_.reset();
    reactor_.reset();
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    bool done = false;
    server_->stop(FakeClock::now() + 1'000'000'000, [&] { done = true; });
    EXPECT_TRUE(run([&] { return done; })) << "the server does not stop";
  }
  bool run(const std::function<bool()>& done) {
    const Nanoseconds end = monotonic_now() + 5'000'000'000;
    while (!done()) {
      if (monotonic_now() > end) return false;
      reactor_->run_once(0);
    }
    return true;
  }
  // Until nothing happens any more.
  void settle() {
    for (int idle = 0; idle < 4;) idle = reactor_->run_once(0) == 0 ? idle + 1 : 0;
  }
  void advance(Nanoseconds by) {
    FakeClock::advance(by);
    settle();
  }

  void listen(const std::string& name = "here", bool discovery_only = false) {
    const auto bound = server_->listen(*Address::parse("loop://" + name), discovery_only);
    ASSERT_TRUE(bound) << bound.error().text;
  }
  std::uint32_t add_namespace(std::shared_ptr<MemoryStorage> storage, std::uint32_t nsid = 0,
                              const char* nqn = kDiskNqn) {
    NamespaceOptions ns;
    ns.nsid = nsid;
    ns.backend = std::make_unique<MemoryBackend>(std::move(storage));
    std::optional<Result<std::uint32_t>> outcome;
    server_->add_namespace(nqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
    EXPECT_TRUE(run([&] { return outcome.has_value(); }));
    EXPECT_TRUE(*outcome);
    return outcome->value_or(0);
  }
  // The usual: one subsystem for any host, one namespace of blocks of 512 bytes, one listener.
  void serve(std::uint64_t blocks = 1024) {
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
    storage_ = std::make_shared<MemoryStorage>(blocks);
    add_namespace(storage_);
    listen();
  }

  CapsuleHost& host(std::uint16_t qid = 0, std::uint32_t depth = 32, const std::string& name = "here") {
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://" + name)));
    EXPECT_TRUE(hosts_.back()->open(qid, depth)) << hosts_.back()->closed_error().text;
    return *hosts_.back();
  }
  static CapsuleHost::Names names(const char* subnqn = kDiskNqn, const char* hostnqn = kHostA) {
    return {subnqn, hostnqn, {1, 2, 3}};
  }
  static void enable(CapsuleHost& admin) {
    const auto cc = nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4);
    ASSERT_TRUE(admin.call(wire::property_set(nvme::property::kCc, cc.value(), false)).ok());
  }
  // An admin queue, connected and enabled; cntlid_ is its controller.
  CapsuleHost& admin(const CapsuleHost::Names& who = names(), std::uint32_t kato = 0) {
    CapsuleHost& h = host();
    const Reply reply = h.connect(who, 0, 32, 0xFFFF, kato);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    cntlid_ = static_cast<std::uint16_t>(reply.result());
    enable(h);
    return h;
  }
  CapsuleHost& io(std::uint16_t qid = 1, std::uint32_t entries = 32, const CapsuleHost::Names& who = names()) {
    CapsuleHost& h = host(qid, entries);
    const Reply reply = h.connect(who, qid, entries, cntlid_, 0, true);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    return h;
  }
  static std::vector<std::byte> pattern(std::size_t size, unsigned seed = 1) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 7 + seed * 31 + i / 251) & 0xFF);
    return bytes;
  }
  template <class T>
  static std::span<std::byte> bytes_of(T& value) {
    return std::as_writable_bytes(std::span(&value, 1));
  }
  TargetCounts counts() {
    std::optional<TargetCounts> counts;
    server_->counts([&](TargetCounts c) { counts = c; });
    EXPECT_TRUE(run([&] { return counts.has_value(); }));
    return counts.value_or(TargetCounts{});
  }

  LoopbackGuard loopback_;  // checks, last of all, that nothing is left
  TransportRegistry registry_{SearchPath{}};
  const TargetOptions options_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<controller::Server> server_;
  Transport* transport_ = nullptr;
  std::shared_ptr<MemoryStorage> storage_;
  std::vector<std::unique_ptr<CapsuleHost>> hosts_;
  std::vector<std::string> notices_;
  std::uint16_t cntlid_ = 0;
  bool stopped_ = false;
};

}  // namespace weft::test

#endif
