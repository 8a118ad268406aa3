// host_fixture.hpp - what the tests of Host share: one reactor on a fake clock, a ScriptedController, and a Host on demand.
#ifndef WEFT_TESTS_UNIT_HOST_HOST_FIXTURE_HPP
#define WEFT_TESTS_UNIT_HOST_HOST_FIXTURE_HPP

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_clock.hpp"
#include "support/loopback_transport.hpp"
#include "support/scripted_controller.hpp"
#include "weft/host.hpp"

namespace weft::test {

inline constexpr Nanoseconds kMs = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000 * kMs;
inline const std::string kSubsystem = "nqn.2026-01.org.example:disk";

inline std::vector<std::byte> pattern(std::size_t size, unsigned seed = 1) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 7 + seed * 31 + i / 512) & 0xff);
  return bytes;
}

// A request that counts its ends, and notices an end from inside submit().
struct Io : IoRequest {
  int ends = 0;
  bool inside_call = false;
  std::function<void()> then;
  std::vector<weft_iov> parts, compare_parts;
  Io() {
    nsid = 1;
    block_size = 512;
    done = [](IoRequest& request) {
      auto& io = static_cast<Io&>(request);
      ++io.ends;
      EXPECT_FALSE(io.inside_call) << "a request ended from inside submit()";
      if (io.then) io.then();
    };
  }
  Io(Kind what, std::uint64_t first, std::uint64_t count) : Io() {
    kind = what;
    lba = first;
    blocks = count;
  }
  Io(Kind what, std::uint64_t first, std::vector<std::byte>& data) : Io(what, first, data.size() / 512) { use(data); }
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;
  void use(std::vector<std::byte>& data) {
    parts = {{data.data(), data.size(), nullptr}};
    iov = parts.data();
    iov_count = 1;
  }
  void compare_with(std::vector<std::byte>& data) {
    compare_parts = {{data.data(), data.size(), nullptr}};
    compare_iov = compare_parts.data();
    compare_iov_count = 1;
  }
  void cut(std::vector<std::byte>& data, const std::vector<std::size_t>& sizes) {
    parts.clear();
    std::size_t at = 0;
    for (std::size_t i = 0; at < data.size(); ++i) {
      const std::size_t size = std::min(sizes[i % sizes.size()], data.size() - at);
      parts.push_back({data.data() + at, size, nullptr});
      at += size;
    }
    iov = parts.data();
    iov_count = static_cast<std::uint32_t>(parts.size());
  }
};

struct Command : PassthroughRequest {
  int ends = 0;
  bool inside_call = false;
  explicit Command(const nvme::Sqe& entry, std::uint16_t on = 0) {
    sqe = entry;
    queue = on;
    done = [](PassthroughRequest& request) {
      auto& command = static_cast<Command&>(request);
      ++command.ends;
      EXPECT_FALSE(command.inside_call) << "a command ended from inside submit()";
    };
  }
};

class HostTest : public ::testing::Test {
 protected:
  HostTest() {
    FakeClock::set(kSecond);
    EXPECT_TRUE(registry_.add(loopback_transport(), "loopback").has_value());
    reactor_ = *Reactor::create({.wait = WaitPolicy::kPoll, .clock = &FakeClock::now});
    controller_ = std::make_unique<ScriptedController>(*reactor_, registry_);
    options_.kato = std::chrono::milliseconds(0);
  }
  ~HostTest() override {
    host_.reset();
    controller_->script = nullptr;
    settle();
    controller_->close();
    EXPECT_TRUE(run_until([&] { return controller_->closed() && loopback_control().live().qpairs == 0; }));
    settle();
    controller_.reset();
    reactor_.reset();
  }

  // Turns until nothing happens any more; time stands still.
  void settle() {
    while (reactor_->run_once() != 0) {
    }
  }
  // Time passes, by milliseconds.
  void pass(Nanoseconds time, Nanoseconds step = kMs) {
    settle();
    for (Nanoseconds done = 0; done < time; done += step) {
      FakeClock::advance(step);
      settle();
    }
  }
  bool run_until(const std::function<bool()>& what, Nanoseconds limit = 60 * kSecond, Nanoseconds step = 5 * kMs) {
    settle();
    for (Nanoseconds done = 0; !what() && done < limit; done += step) {
      FakeClock::advance(step);
      settle();
    }
    return what();
  }

  Result<std::unique_ptr<Host>> try_connect(const std::string& subnqn = kSubsystem) {
    std::optional<Result<std::unique_ptr<Host>>> result;
    Address address = *Address::parse("loop://here");
    address.subnqn = subnqn;
    Host::connect(*reactor_, registry_, address, options_, [&](Result<std::unique_ptr<Host>> host) {
      EXPECT_FALSE(result.has_value()) << "connecting ended twice";
      result = std::move(host);
    });
    EXPECT_FALSE(result.has_value()) << "connecting ended from inside the call";
    EXPECT_TRUE(run_until([&] { return result.has_value(); }, 300 * kSecond));
    if (!result) return Error(EIO, "connecting never ended");
    return std::move(*result);
  }
  void connect(const std::string& subnqn = kSubsystem) {
    auto host = try_connect(subnqn);
    ASSERT_TRUE(host.has_value()) << host.error().stage << ": " << host.error().text;
    host_ = std::move(*host);
    host_->set_events({.on_event = [this](const AsyncEvent& event) { events_.push_back(event); },
                       .on_lost = [this](const Error& error) { lost_.push_back(error); },
                       .on_reset = [this](const Error& error) { resets_.push_back(error); }});
    settle();
  }
  // The error of a connect that must fail.
  Error connect_error(const std::string& subnqn = kSubsystem) {
    auto host = try_connect(subnqn);
    EXPECT_FALSE(host.has_value());
    if (host) return {};
    settle();
    EXPECT_EQ(loopback_control().live().qpairs, 0u) << "a failed connect left queues";
    return host.error();
  }

  void submit(Io& io) {
    io.inside_call = true;
    host_->submit(static_cast<IoRequest&>(io));
    io.inside_call = false;
  }
  void submit(Command& command) {
    command.inside_call = true;
    host_->submit(static_cast<PassthroughRequest&>(command));
    command.inside_call = false;
  }
  const Completion& run(Io& io) {
    submit(io);
    EXPECT_TRUE(run_until([&] { return io.ends > 0; }));
    EXPECT_EQ(io.ends, 1);
    return io.completion;
  }
  const Completion& run(Command& command) {
    submit(command);
    EXPECT_TRUE(run_until([&] { return command.ends > 0; }));
    EXPECT_EQ(command.ends, 1);
    return command.completion;
  }
  // Calls that answer by a callback.
  template <class T, class Call>
  Result<T> ask(Call call) {
    std::optional<Result<T>> result;
    bool inside = true;
    call(*host_, [&](Result<T> value) {
      EXPECT_FALSE(inside) << "an answer from inside the call";
      EXPECT_FALSE(result.has_value()) << "two answers";
      result = std::move(value);
    });
    inside = false;
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    if (!result) return Error(EIO, "never answered");
    return std::move(*result);
  }
  // Ends the requests that a test leaves under way, before they go out of scope.
  void drop_host() {
    host_.reset();
    settle();
  }
  bool close() {
    bool closed = false;
    host_->close([&] { closed = true; });
    EXPECT_FALSE(closed) << "closed from inside the call";
    return run_until([&] { return closed; });
  }
  [[nodiscard]] std::vector<std::byte>& blocks() { return controller_->spaces[1].bytes; }
  [[nodiscard]] std::size_t count_io(std::uint8_t opcode) {
    return controller_->count([=](const Received& command) { return command.is_io(opcode); });
  }
  [[nodiscard]] std::size_t count_admin(std::uint8_t opcode) {
    return controller_->count([=](const Received& command) { return command.is_admin(opcode); });
  }

  LoopbackGuard guard_;
  TransportRegistry registry_{SearchPath{}};
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<ScriptedController> controller_;
  HostOptions options_;
  std::vector<AsyncEvent> events_;
  std::vector<Error> lost_, resets_;
  std::unique_ptr<Host> host_;
};

}  // namespace weft::test

#endif
