#include "core/wire/host_identity.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/wire/nqn.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kIdText = "01234567-89ab-cdef-fedc-ba9876543210";
constexpr std::string_view kOtherIdText = "11111111-2222-4333-8444-555555555555";
constexpr std::string_view kMachineId = "00112233445566778899aabbccddeeff";
constexpr Uuid kFallback = {0xFA, 0x11};

class HostIdentityTest : public ::testing::Test {
 protected:
  HostIdentityTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "weft-identity-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    files_ = {
        .hostnqn = directory_ / "hostnqn", .hostid = directory_ / "hostid", .machine_id = directory_ / "machine-id"};
  }
  ~HostIdentityTest() override { std::filesystem::remove_all(directory_); }

  static void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  [[nodiscard]] HostIdentity read() const { return read_host_identity(files_, kFallback); }

  std::filesystem::path directory_;
  HostIdentityFiles files_;
};

TEST_F(HostIdentityTest, ComesFromItsFiles) {
  put(files_.hostnqn, "nqn.2026-01.org.example:host\n");
  put(files_.hostid, std::string(kIdText) + "\n");
  put(files_.machine_id, kMachineId);
  EXPECT_EQ(read().hostnqn, "nqn.2026-01.org.example:host");
  EXPECT_EQ(format_uuid(read().hostid), kIdText);
}

TEST_F(HostIdentityTest, FollowsFromTheUuidOfTheNqn) {
  put(files_.hostnqn, std::string(kUuidNqnPrefix) + std::string(kIdText));
  EXPECT_EQ(format_uuid(read().hostid), kIdText);
}

TEST_F(HostIdentityTest, FollowsFromAnNqnWithoutUuid) {
  put(files_.hostnqn, "nqn.2026-01.org.example:host");
  const HostIdentity identity = read();
  EXPECT_EQ(identity.hostnqn, "nqn.2026-01.org.example:host");
  EXPECT_FALSE(is_nil(identity.hostid));
  EXPECT_EQ(identity.hostid, read().hostid);
  put(files_.hostnqn, "nqn.2026-01.org.example:other");
  EXPECT_NE(identity.hostid, read().hostid);
}

TEST_F(HostIdentityTest, FollowsFromTheIdentifierAlone) {
  put(files_.hostid, kIdText);
  EXPECT_EQ(read().hostnqn, std::string(kUuidNqnPrefix) + std::string(kIdText));
}

TEST_F(HostIdentityTest, IgnoresFilesWithoutANameInThem) {
  put(files_.hostnqn, std::string(224, 'x') + "\n");
  put(files_.hostid, "00000000-0000-0000-0000-000000000000\n");
  put(files_.machine_id, kMachineId);
  testing::internal::CaptureStderr();
  EXPECT_EQ(read().hostnqn, uuid_nqn(read().hostid));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("has 224 bytes"), std::string::npos);
  EXPECT_EQ(read().hostid, derive_uuid("host", kMachineId));
}

TEST_F(HostIdentityTest, TakesANameOfAnyForm) {
  for (const std::string& name : {std::string("my host"), std::string("blktests-host-1"), std::string(223, 'x')}) {
    put(files_.hostnqn, name + "\n");
    EXPECT_EQ(read().hostnqn, name);
  }
}

TEST_F(HostIdentityTest, TakesTheFirstLineWithoutBlanks) {
  put(files_.hostnqn, "  nqn.2026-01.org.example:host \r\nnqn.2026-01.org.example:second\n");
  put(files_.hostid, kOtherIdText);
  EXPECT_EQ(read().hostnqn, "nqn.2026-01.org.example:host");
}

TEST_F(HostIdentityTest, IsDerivedFromTheMachineIdWithoutShowingIt) {
  put(files_.machine_id, std::string(kMachineId) + "\n");
  const HostIdentity identity = read();
  EXPECT_TRUE(nqn_valid_strict(identity.hostnqn));
  EXPECT_EQ(identity.hostnqn, read().hostnqn);
  EXPECT_NE(identity.hostid, kFallback);
  std::string digits;
  for (const char c : identity.hostnqn) {
    if (c != '-') digits += c;
  }
  EXPECT_EQ(digits.find(kMachineId.substr(0, 8)), std::string::npos);
  EXPECT_EQ(digits.find(kMachineId.substr(24)), std::string::npos);
}

TEST_F(HostIdentityTest, FallsBackWithoutAMachineId) {
  EXPECT_EQ(read().hostid, kFallback);
  put(files_.machine_id, "uninitialized\n");
  EXPECT_EQ(read().hostid, kFallback);
  put(files_.machine_id, std::string(32, '0'));
  EXPECT_EQ(read().hostid, kFallback);
}

TEST_F(HostIdentityTest, IsNotStoppedByAPipeOrAHugeFile) {
  ASSERT_EQ(::mkfifo(files_.hostnqn.c_str(), 0600), 0);
  put(files_.hostid, std::string(100000, 'a'));
  std::filesystem::create_directory(files_.machine_id);
  EXPECT_EQ(read().hostid, kFallback);
}

TEST(HostIdentityOfThisProcess, IsTheSameAtEveryCall) {
  EXPECT_EQ(default_hostnqn(), default_hostnqn());
  EXPECT_EQ(default_hostid(), default_hostid());
  EXPECT_TRUE(nqn_valid_strict(default_hostnqn()));
  EXPECT_TRUE(parse_hostid(default_hostid()));
}

TEST(HostId, AllZeroesIsRejected) {
  const auto hostid = parse_hostid("00000000-0000-0000-0000-000000000000");
  ASSERT_FALSE(hostid);
  EXPECT_EQ(hostid.error().text,
            "'00000000-0000-0000-0000-000000000000' is all zeroes, which stands for no host identifier");
}

}  // namespace
}  // namespace weft::wire
