#include "core/reactor/resolver.hpp"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netdb.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <vector>

#include "weft/reactor.hpp"

namespace {
std::atomic<int> asked_flags{0};  // of the latest look-up
}

// In place of the C library's, to see how it is asked.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** list) {
  static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  asked_flags = hints != nullptr ? hints->ai_flags : 0;
  return real(host, service, hints, list);
}

namespace weft {
namespace {

constexpr Nanoseconds kPatience = 30'000'000'000;  // a test that needs it has failed

struct Found {
  static void done(void* self, std::int32_t error, const void* addresses, std::uint32_t length) {
    auto& result = *static_cast<Found*>(self);
    ++result.calls;
    result.error = error;
    const auto* const bytes = static_cast<const std::byte*>(addresses);
    result.bytes.assign(bytes, bytes + length);
  }
  template <class Sockaddr>
  [[nodiscard]] Sockaddr as() const {
    Sockaddr address{};
    EXPECT_GE(bytes.size(), sizeof address);
    if (bytes.size() >= sizeof address) std::memcpy(&address, bytes.data(), sizeof address);
    return address;
  }
  [[nodiscard]] sa_family_t family() const { return as<sockaddr_in>().sin_family; }
  int calls = 0;
  std::int32_t error = 1;
  std::vector<std::byte> bytes;
};

Found resolve(const char* host, const char* service) {
  const auto reactor = *Reactor::create();
  Found result;
  reactor->resolve(host, service, &result, &Found::done);
  EXPECT_EQ(result.calls, 0) << "never from inside the call";
  EXPECT_TRUE(reactor->run_until([&] { return result.calls == 1; }, monotonic_now() + kPatience));
  return result;
}

TEST(Resolver, AnswersNumericAddressesInTheNextTurn) {
  const auto reactor = *Reactor::create();
  Found result;
  reactor->resolve("192.0.2.1", "4420", &result, &Found::done);
  reactor->run_once();
  ASSERT_EQ(result.calls, 1);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.bytes.size(), sizeof(sockaddr_in));
  EXPECT_EQ(result.as<sockaddr_in>().sin_port, htons(4420));
}

TEST(Resolver, AnswersIpv6WithScope) {
  const Found result = resolve("fe80::1%lo", "8009");
  ASSERT_EQ(result.error, 0);
  const auto address = result.as<sockaddr_in6>();
  EXPECT_EQ(address.sin6_family, AF_INET6);
  EXPECT_EQ(address.sin6_port, htons(8009));
  EXPECT_EQ(address.sin6_scope_id, ::if_nametoindex("lo"));
}

TEST(Resolver, AnswersAnEmptyHostWithTheWildcard) {
  const Found result = resolve("", "4420");
  ASSERT_EQ(result.error, 0);
  EXPECT_TRUE(result.family() == AF_INET || result.family() == AF_INET6);
}

TEST(Resolver, FindsLocalhost) {
  const Found result = resolve("localhost", "4420");
  ASSERT_EQ(result.error, 0);
  EXPECT_EQ(result.family() == AF_INET ? result.as<sockaddr_in>().sin_port : result.as<sockaddr_in6>().sin6_port,
            htons(4420));
}

// Where a machine's only other address is an IPv6 link-local one, AI_ADDRCONFIG leaves 127.0.0.1 out.
TEST(Resolver, FindsLocalhostWhateverAddressesTheMachineHas) {
  for (const char* name : {"localhost", "LocalHost", "localhost.", "a.localhost"}) {
    Resolver::look_up_name(name, "4420");
    EXPECT_EQ(asked_flags & AI_ADDRCONFIG, 0) << name;
  }
  const std::string too_long(70, 'x');  // no server is asked
  for (const std::string& name : {too_long + ".invalid", too_long + ".alocalhost"}) {
    Resolver::look_up_name(name, "4420");
    EXPECT_NE(asked_flags & AI_ADDRCONFIG, 0) << name;
  }
}

TEST(Resolver, SaysThatANameIsNone) {
  const std::string too_long(70, 'x');  // no label has more than 63 characters: no server is asked
  const Found result = resolve((too_long + ".invalid").c_str(), "4420");
  EXPECT_LT(result.error, 0);
  EXPECT_TRUE(result.bytes.empty());
}

// ---- With a look-up that waits until the test lets it go.

struct Gate {
  static Gate& instance() {
    static Gate gate;
    return gate;
  }
  static Resolver::Answer look_up(const std::string& host, const std::string& /*service*/) {
    Gate& gate = instance();
    std::unique_lock lock(gate.mutex);
    ++gate.waiting;
    gate.changed.notify_all();
    gate.changed.wait(lock, [&] { return gate.open; });
    --gate.waiting;
    ++gate.passed;
    gate.changed.notify_all();
    Resolver::Answer answer;
    answer.error = host == "bad" ? -ENOENT : 0;
    answer.length = host == "bad" ? 0 : 4;
    std::memcpy(answer.addresses.data(), "abcd", 4);
    return answer;
  }
  void close() {
    const std::lock_guard lock(mutex);
    open = false;
    passed = 0;
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  template <class Condition>
  [[nodiscard]] bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::nanoseconds(kPatience), condition);
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int waiting = 0, passed = 0;
};

class SlowResolver : public ::testing::Test {
 protected:
  SlowResolver() : mailbox_(*Mailbox::create()), resolver_(std::make_unique<Resolver>(mailbox_, &Gate::look_up)) {
    gate_.close();
  }
  ~SlowResolver() override {
    gate_.let_go();
    EXPECT_TRUE(gate_.wait([&] { return gate_.waiting == 0; }));
  }
  void run_until_passed(int count) {
    ASSERT_TRUE(gate_.wait([&] { return gate_.passed >= count; }));
    const Nanoseconds deadline = monotonic_now() + kPatience;
    while (resolver_->open_requests() != 0 && monotonic_now() < deadline) mailbox_->run();
  }
  Gate& gate_ = Gate::instance();
  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(SlowResolver, DoesNotBlockTheCallerAndAnswersEach) {
  std::vector<Found> results(20);
  for (Found& result : results) {
    resolver_->resolve(&result == &results[7] ? "bad" : "good", "1", &result, &Found::done);
  }
  gate_.let_go();
  run_until_passed(20);
  for (const Found& result : results) {
    EXPECT_EQ(result.calls, 1);
    EXPECT_EQ(result.error, &result == &results[7] ? -ENOENT : 0);
  }
}

TEST_F(SlowResolver, UsesABoundedNumberOfThreads) {
  std::vector<Found> results(3 * Resolver::kMaxWorkers);
  for (Found& result : results) resolver_->resolve("name", "1", &result, &Found::done);
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == static_cast<int>(Resolver::kMaxWorkers); }));
  {
    const std::lock_guard lock(gate_.mutex);
    EXPECT_EQ(gate_.waiting, static_cast<int>(Resolver::kMaxWorkers));
  }
  gate_.let_go();
  run_until_passed(static_cast<int>(results.size()));
}

TEST_F(SlowResolver, ACancelledLookUpSaysNothingAndItsKeyMayBeUsedAgain) {
  Found result;
  resolver_->resolve("bad", "1", &result, &Found::done);
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == 1; }));
  resolver_->cancel(&result);
  resolver_->resolve("good", "1", &result, &Found::done);
  gate_.let_go();
  run_until_passed(2);
  mailbox_->run();
  EXPECT_EQ(result.calls, 1);
  EXPECT_EQ(result.error, 0);
}

TEST_F(SlowResolver, ACancelledNameThatNoHelperHasTakenIsNotLookedUp) {
  std::vector<Found> results(2 * Resolver::kMaxWorkers);
  for (Found& result : results) resolver_->resolve("name", "1", &result, &Found::done);
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == static_cast<int>(Resolver::kMaxWorkers); }));
  for (Found& result : results) resolver_->cancel(&result);
  Found last;
  resolver_->resolve("good", "1", &last, &Found::done);
  gate_.let_go();
  run_until_passed(static_cast<int>(Resolver::kMaxWorkers) + 1);
  EXPECT_EQ(last.calls, 1);
  EXPECT_EQ(gate_.passed, static_cast<int>(Resolver::kMaxWorkers) + 1);
  for (const Found& result : results) EXPECT_EQ(result.calls, 0);
}

TEST_F(SlowResolver, ItsEndDoesNotWaitForAHangingLookUp) {
  Found result;
  resolver_->resolve("name", "1", &result, &Found::done);
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == 1; }));
  const Nanoseconds before = monotonic_now();
  resolver_.reset();
  EXPECT_LT(monotonic_now() - before, 5'000'000'000u);  // the look-up itself would last until the test lets it go
  gate_.let_go();
  ASSERT_TRUE(gate_.wait([&] { return gate_.passed == 1; }));
  mailbox_->run();
  EXPECT_EQ(result.calls, 0);
}

TEST_F(SlowResolver, TheLastRequestsOfADestroyedOneAreDropped) {
  Found result;
  for (std::size_t i = 0; i < 2 * Resolver::kMaxWorkers; ++i) resolver_->resolve("n", "1", &result, &Found::done);
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == static_cast<int>(Resolver::kMaxWorkers); }));
  resolver_.reset();
  gate_.let_go();
  ASSERT_TRUE(gate_.wait([&] { return gate_.waiting == 0; }));
  const std::lock_guard lock(gate_.mutex);
  EXPECT_EQ(gate_.passed, static_cast<int>(Resolver::kMaxWorkers));
  EXPECT_EQ(result.calls, 0);
}

}  // namespace
}  // namespace weft
