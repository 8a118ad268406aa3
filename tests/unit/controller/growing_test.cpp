// Namespaces whose file is made larger or smaller while hosts use them.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr std::uint32_t kNamespacesChanged = 0x040002;

class Growing : public Bench {
 protected:
  Growing() : path_(testing::TempDir() + "weft_growing_" + std::to_string(getpid())) { resize_file(1u << 20); }
  ~Growing() override { unlink(path_.c_str()); }

  void resize_file(std::int64_t bytes) {
    std::ofstream(path_, std::ios::app).close();
    ASSERT_EQ(truncate(path_.c_str(), bytes), 0);
  }
  void serve_file(const std::string& options = "") {
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
    auto backend = BackendRegistry::builtin().open("file://" + path_ + options);
    ASSERT_TRUE(backend) << backend.error().text;
    NamespaceOptions ns;
    ns.backend = std::move(*backend);
    std::optional<Result<std::uint32_t>> outcome;
    server_->add_namespace(kDiskNqn, std::move(ns), [&](Result<std::uint32_t> r) { outcome = std::move(r); });
    ASSERT_TRUE(run([&] { return outcome.has_value(); }));
    ASSERT_TRUE(*outcome) << outcome->error().text;
    listen();
  }
  CapsuleHost& listening_host() {
    CapsuleHost& a = admin();
    EXPECT_TRUE(a.call(wire::set_features(nvme::feature::kAsyncEventConfiguration, 0x100)).ok());
    return a;
  }
  static std::uint64_t size(CapsuleHost& a) {
    nvme::IdentifyNamespace id;
    EXPECT_TRUE(a.call(wire::identify({.cns = 0, .nsid = 1}), {}, bytes_of(id)).ok());
    return id.nsze;
  }
  bool noticed(const std::string& words) const {
    return std::any_of(notices_.begin(), notices_.end(),
                       [&](const std::string& one) { return one.find(words) != std::string::npos; });
  }

  const std::string path_;
};

TEST_F(Growing, AFileThatGrewIsALargerNamespaceAndHostsHearOfIt) {
  serve_file();
  CapsuleHost& a = listening_host();
  CapsuleHost& q = io();
  settle();
  EXPECT_EQ(size(a), 2048u);
  const std::uint16_t event = a.send(wire::async_event_request());
  std::vector<std::byte> block(512);
  EXPECT_EQ(q.call(wire::read(1, 4095, 1), {}, block).code(), 0x080);
  resize_file(2u << 20);
  advance(10 * kSecond);
  EXPECT_EQ(a.wait(event).result(), kNamespacesChanged);
  EXPECT_EQ(size(a), 4096u);
  EXPECT_TRUE(q.call(wire::read(1, 4095, 1), {}, block).ok());
  EXPECT_TRUE(noticed("from 2048 blocks to 4096"));
}

TEST_F(Growing, AHostThatComesFindsWhatGrewWhileNobodyWasThere) {
  serve_file();
  advance(60 * kSecond);
  resize_file(2u << 20);
  EXPECT_EQ(size(listening_host()), 4096u);
}

// Not the size that was found for the one before it; but who connects all the time has the storage asked once a second.
TEST_F(Growing, AHostThatComesFindsTheSizeOfNow) {
  serve_file();
  admin();
  advance(kSecond);
  resize_file(2u << 20);
  EXPECT_EQ(size(admin()), 4096u);
  resize_file(3u << 20);
  EXPECT_EQ(size(admin()), 4096u);
  advance(kSecond);
  EXPECT_EQ(size(admin()), 6144u);
}

TEST_F(Growing, AFileThatShrankKeepsItsSizeAndReadsBeyondItFail) {
  serve_file();
  CapsuleHost& a = listening_host();
  CapsuleHost& q = io();
  resize_file(512 * 1024);
  advance(10 * kSecond);
  EXPECT_EQ(size(a), 2048u);
  EXPECT_TRUE(noticed("its storage has 1024 blocks now, fewer than the 2048"));
  const std::size_t said = notices_.size();
  std::vector<std::byte> block(512);
  EXPECT_EQ(q.call(wire::read(1, 2000, 1), {}, block).code(), 0x281);
  EXPECT_TRUE(q.call(wire::read(1, 1023, 1), {}, block).ok());
  advance(10 * kSecond);
  EXPECT_EQ(notices_.size(), said + 1) << "once, and of the read that failed";
  resize_file(1u << 20);
  advance(10 * kSecond);
  EXPECT_TRUE(q.call(wire::read(1, 2000, 1), {}, block).ok());
}

TEST_F(Growing, AConfiguredSizeStays) {
  serve_file("?size=1M");
  CapsuleHost& a = listening_host();
  resize_file(2u << 20);
  advance(10 * kSecond);
  EXPECT_EQ(size(a), 2048u);
}

TEST_F(Growing, ASizeThatWasSetStays) {
  serve_file();
  CapsuleHost& a = listening_host();
  std::optional<Status> outcome;
  server_->resize_namespace(kDiskNqn, 1, 100, [&](Status status) { outcome = std::move(status); });
  ASSERT_TRUE(run([&] { return outcome.has_value(); }));
  ASSERT_TRUE(*outcome);
  resize_file(2u << 20);
  advance(10 * kSecond);
  EXPECT_EQ(size(a), 100u);
}

}  // namespace
}  // namespace weft::test
