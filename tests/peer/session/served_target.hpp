// A target in this process, serving over the TCP plugin on a port of its own, and hosts that connect to it.
#ifndef WEFT_TESTS_PEER_SESSION_SERVED_TARGET_HPP
#define WEFT_TESTS_PEER_SESSION_SERVED_TARGET_HPP

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/build_folders.hpp"
#include "tests/support/process_counts.hpp"
#include "weft/blocking.hpp"
#include "weft/controller.hpp"

namespace weft {

inline constexpr char kNqn[] = "nqn.2026-01.org.example:session";

class ServedTarget {
 public:
  explicit ServedTarget(const TargetOptions& options = {}, const std::string& listen_options = "",
                        const std::vector<Option>& transport_options = {})
      : registry(SearchPath{{plugin_folder()}}) {
    const Status set = (*registry.find("tcp", WEFT_ROLE_CONTROLLER))->set_options(transport_options);
    EXPECT_TRUE(set) << (set ? "" : set.error().text);
    auto started = Target::start(registry, options);
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
    target = std::move(*started);
    SubsystemOptions subsystem;
    subsystem.nqn = kNqn;
    EXPECT_TRUE(target->add_subsystem(subsystem));
    auto bound = target->listen(*Address::parse("tcp://127.0.0.1:0" + listen_options));
    EXPECT_TRUE(bound) << (bound ? "" : bound.error().text);
    if (bound) port = bound->trsvcid;
  }

  std::uint32_t add(const std::string& backend) {
    NamespaceOptions options;
    auto opened = BackendRegistry::builtin().open(backend);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text);
    options.backend = std::move(*opened);
    auto nsid = target->add_namespace(kNqn, std::move(options));
    EXPECT_TRUE(nsid) << (nsid ? "" : nsid.error().text);
    return nsid ? *nsid : 0;
  }

  [[nodiscard]] std::string url(const std::string& options = "", const std::string& nqn = kNqn) const {
    return "tcp://127.0.0.1:" + port + (nqn.empty() ? "" : "/" + nqn) + options;
  }
  [[nodiscard]] std::unique_ptr<BlockingHost> connect(const std::string& options = "", const std::string& nqn = kNqn) {
    auto host = BlockingHost::connect(registry, url(options, nqn));
    EXPECT_TRUE(host) << (host ? "" : host.error().stage + ": " + host.error().text);
    return host ? std::move(*host) : nullptr;
  }

  // Waits until everything that hosts held here is gone again.
  [[nodiscard]] bool comes_to_rest() {
    const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
    for (;;) {
      const TargetCounts counts = target->counts();
      if (counts.queue_pairs == 0 && counts.controllers == 0 && counts.commands == 0 && counts.borrowed_buffers == 0)
        return true;
      if (monotonic_now() > deadline) {
        ADD_FAILURE() << counts.queue_pairs << " queue pairs, " << counts.controllers << " controllers, "
                      << counts.commands << " commands, " << counts.borrowed_buffers << " buffers are left";
        return false;
      }
      std::this_thread::yield();
    }
  }

  TransportRegistry registry;
  std::unique_ptr<Target> target;
  std::string port;
};

inline std::vector<std::byte> letters(std::size_t bytes, unsigned seed) {
  std::vector<std::byte> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>((i * 31 + i / 512 + seed) & 0xff);
  return data;
}

}  // namespace weft

#endif
