// request_mix.hpp - requests in each state they can be in, for tests of the end of an association.
#ifndef WEFT_TESTS_UNIT_HOST_REQUEST_MIX_HPP
#define WEFT_TESTS_UNIT_HOST_REQUEST_MIX_HPP

#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {

class MixTest : public HostTest {
 protected:
  // Requests in each state: under way, waiting for room, waiting for one queue, an admin command under way, one that waits.
  struct Mix {
    std::vector<std::unique_ptr<Io>> io;
    std::vector<std::unique_ptr<Command>> commands;
    [[nodiscard]] bool all_ended() const {
      return std::ranges::all_of(io, [](const auto& one) { return one->ends == 1; }) &&
             std::ranges::all_of(commands, [](const auto& one) { return one->ends == 1; });
    }
    [[nodiscard]] bool none_ended() const {
      return std::ranges::all_of(io, [](const auto& one) { return one->ends == 0; }) &&
             std::ranges::all_of(commands, [](const auto& one) { return one->ends == 0; });
    }
  };
  Mix start_mix() {
    controller_->script = [](const Received& command) {
      const bool held = command.is_io(nvme::io::kVerify) || command.is_io(nvme::io::kFlush) ||
                        command.is_admin(nvme::admin::kGetFeatures);
      return held ? Verdict::hold() : Verdict::model();
    };
    Mix mix;
    for (std::uint64_t i = 0; i < 10; ++i) {
      mix.io.push_back(std::make_unique<Io>(IoRequest::Kind::kVerify, i, 1));
      if (i % 3 == 2) mix.io.back()->queue = 2;
      submit(*mix.io.back());
    }
    for (int i = 0; i < 35; ++i) {
      mix.commands.push_back(std::make_unique<Command>(wire::get_features(nvme::feature::kTimestamp)));
      submit(*mix.commands.back());
    }
    mix.commands.push_back(std::make_unique<Command>(wire::flush(1), std::uint16_t{1}));
    submit(*mix.commands.back());
    settle();
    return mix;
  }
  void connect_small() {
    options_.queues = 2;
    options_.qsize = 2;
    options_.timeout = std::chrono::milliseconds(2000);
    connect();
  }
};

}  // namespace weft::test

#endif
