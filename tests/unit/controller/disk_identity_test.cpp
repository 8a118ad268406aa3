// UUID, NGUID and serial number: two disks never share them by accident, and a disk keeps them as long as it is the same.
#include <map>
#include <set>

#include "bench.hpp"
#include "core/controller/disk_identity.hpp"
#include "core/wire/text_field.hpp"

namespace weft::test {
namespace {

using Identifiers = std::pair<std::string, std::string>;  // UUID and NGUID, as hosts read them
constexpr char kOther[] = "nqn.2026-01.org.example:other";
constexpr wire::Uuid kUuid{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x47, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 1};
constexpr wire::Uuid kNguid{9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8, 7, 6, 5, 4, 3};

// A target of its own each time: what differs and what stays is judged between two of them.
class Targets : public testing::Test {
 protected:
  class One : public Bench {
   public:
    explicit One(const char* nqn = kDiskNqn, std::string serial = {}) : nqn_(nqn) {
      EXPECT_TRUE(add_subsystem(nqn, std::move(serial)));
      Bench::listen();
    }
    Status add_subsystem(const char* nqn, std::string serial = {}) {
      return server_->add_subsystem({.nqn = nqn, .allow_any_host = true, .serial = std::move(serial)});
    }
    Result<std::uint32_t> add(NamespaceOptions options, const char* nqn = nullptr) {
      std::optional<Result<std::uint32_t>> outcome;
      server_->add_namespace(nqn == nullptr ? nqn_ : nqn, std::move(options), [&](auto r) { outcome = std::move(r); });
      EXPECT_TRUE(run([&] { return outcome.has_value(); }));
      return std::move(*outcome);
    }
    void remove(std::uint32_t nsid) {
      std::optional<Status> outcome;
      server_->remove_namespace(nqn_, nsid, [&](Status status) { outcome = std::move(status); });
      EXPECT_TRUE(run([&] { return outcome.has_value(); }));
    }
    Identifiers identifiers(std::uint32_t nsid, const char* nqn = nullptr) {
      CapsuleHost& a = admin(names(nqn == nullptr ? nqn_ : nqn));
      std::vector<std::byte> page(nvme::kIdentifySize);
      EXPECT_TRUE(a.call(wire::identify({.cns = nvme::cns::kNamespaceDescriptors, .nsid = nsid}), {}, page).ok());
      const auto text = [&](std::size_t at) {
        wire::Uuid uuid{};
        std::memcpy(uuid.data(), page.data() + at, uuid.size());
        return wire::format_uuid(uuid);
      };
      return {text(24), text(4)};
    }
    std::string serial() {
      nvme::IdentifyController id;
      EXPECT_TRUE(admin(names(nqn_)).call(wire::identify({.cns = nvme::cns::kController}), {}, bytes_of(id)).ok());
      return std::string(wire::read_text(id.sn));
    }
    std::vector<std::string>& notices() { return notices_; }

   private:
    void TestBody() override {}
    const char* const nqn_;
  };
  static NamespaceOptions on(std::shared_ptr<MemoryStorage> storage, std::uint32_t nsid = 0) {
    return {.nsid = nsid, .backend = std::make_unique<MemoryBackend>(std::move(storage))};
  }
  // Storage that tells its identity, or has none.
  static std::shared_ptr<MemoryStorage> kept(std::string bytes, std::string kind = "test") {
    auto storage = std::make_shared<MemoryStorage>(8);
    storage->info.data = DataLifetime::kKept;
    storage->identity = {.kind = std::move(kind), .bytes = std::move(bytes), .note = {}};
    return storage;
  }
  static std::shared_ptr<MemoryStorage> lost() { return std::make_shared<MemoryStorage>(8); }
  static NamespaceOptions with(NamespaceOptions options, std::optional<wire::Uuid> uuid,
                               std::optional<wire::Uuid> nguid = std::nullopt) {
    options.uuid = uuid;
    options.nguid = nguid;
    return options;
  }
  static Identifiers served(NamespaceOptions options, const char* nqn = kDiskNqn) {
    One one(nqn);
    const auto nsid = one.add(std::move(options));
    EXPECT_TRUE(nsid) << (nsid ? "" : nsid.error().text);
    return one.identifiers(nsid.value_or(1));
  }
};

TEST_F(Targets, StorageThatIsLostIsAnotherDiskEachTime) {
  const Identifiers first = served(on(lost())), second = served(on(lost()));
  EXPECT_NE(first.first, second.first);
  EXPECT_NE(first.second, second.second);
}

TEST_F(Targets, StorageThatIsKeptIsTheSameDiskUnderAnyNsid) {
  EXPECT_EQ(served(on(kept("a"), 1)), served(on(kept("a"), 7)));
  EXPECT_NE(served(on(kept("a"))), served(on(kept("b"))));
  const Identifiers here = served(on(kept("a"))), elsewhere = served(on(kept("a")), kOther);
  EXPECT_NE(here.first, elsewhere.first);
  EXPECT_NE(here.second, elsewhere.second);
  EXPECT_NE(served(on(kept("a"))), served(on(kept("a", "another kind"))));
  EXPECT_NE(served(on(kept("ab", "c"))), served(on(kept("b", "ca"))));
}

// Never to change: hosts know disks by these.
TEST_F(Targets, DeriveAsTheyAlwaysHave) {
  const auto identity = controller::derive_identity(kDiskNqn, {.kind = "test", .bytes = "a", .note = {}}, 0);
  const std::string name = std::string(kDiskNqn) + '\0' + "4:testa";
  EXPECT_EQ(identity.uuid, wire::derive_uuid("namespace uuid", name));
  EXPECT_EQ(identity.nguid, wire::derive_uuid("namespace nguid", name));
  EXPECT_EQ(controller::derive_serial(kDiskNqn, kUuid).size(), 20u);
}

TEST_F(Targets, StorageThatCannotBeToldIsANewDiskAndTheOperatorHears) {
  const Identifiers first = served(on(kept(""))), second = served(on(kept("")));
  EXPECT_NE(first.first, second.first);
  One one;
  auto storage = kept("");
  storage->identity.note = "why";
  ASSERT_TRUE(one.add(on(storage)));
  EXPECT_EQ(one.notices(),
            std::vector<std::string>{"namespace 1 of nqn.2026-01.org.example:disk (test memory): why: hosts "
                                     "see a new disk each time it is served, unless a uuid is configured"});
}

TEST_F(Targets, OneStorageInTwoSubsystemsIsTwoDisks) {
  One one;
  ASSERT_TRUE(one.add_subsystem(kOther));
  ASSERT_TRUE(one.add(on(kept("a"))));
  ASSERT_TRUE(one.add(on(kept("a")), kOther));
  const Identifiers here = one.identifiers(1), there = one.identifiers(1, kOther);
  EXPECT_NE(here.first, there.first);
  EXPECT_NE(here.second, there.second);
}

TEST_F(Targets, OneStorageTwiceInASubsystemIsTwoDisks) {
  One one;
  ASSERT_TRUE(one.add(on(kept("a"))));
  ASSERT_TRUE(one.add(on(kept("a"))));
  ASSERT_TRUE(one.add(on(kept("a"))));
  const Identifiers first = one.identifiers(1), second = one.identifiers(2), third = one.identifiers(3);
  EXPECT_EQ((std::set<std::string>{first.first, second.first, third.first}.size()), 3u);
  EXPECT_EQ((std::set<std::string>{first.second, second.second, third.second}.size()), 3u);
}

TEST_F(Targets, AConfiguredIdentityIsTheSameInEveryTarget) {
  const Identifiers uuid = served(with(on(lost()), kUuid));
  EXPECT_EQ(uuid.first, wire::format_uuid(kUuid));
  EXPECT_EQ(uuid, served(with(on(kept("a"), 5), kUuid))) << "the NGUID follows from the UUID";
  EXPECT_NE(uuid.second, served(with(on(lost()), kUuid), kOther).second) << "and from the NQN";
  const Identifiers nguid = served(with(on(lost()), std::nullopt, kNguid));
  EXPECT_EQ(nguid.second, wire::format_uuid(kNguid));
  EXPECT_EQ(nguid, served(with(on(kept("a")), std::nullopt, kNguid)));
  EXPECT_EQ(served(with(on(lost()), kUuid, kNguid)),
            (Identifiers{wire::format_uuid(kUuid), wire::format_uuid(kNguid)}));
}

TEST_F(Targets, AConfiguredDiskThatComesBackEmptyIsAnnounced) {
  for (const bool uuid : {true, false}) {
    One one;
    ASSERT_TRUE(one.add(uuid ? with(on(lost()), kUuid) : with(on(lost()), std::nullopt, kNguid)));
    EXPECT_EQ(one.notices(), std::vector<std::string>{
                                 "namespace 1 of nqn.2026-01.org.example:disk (test memory): its identity is "
                                 "configured, but its data ends with this target: the same disk comes back empty"});
  }
  One quiet;
  ASSERT_TRUE(quiet.add(with(on(kept("a")), kUuid)));
  ASSERT_TRUE(quiet.add(on(kept("b"))));
  ASSERT_TRUE(quiet.add(on(lost())));
  EXPECT_EQ(quiet.notices(), std::vector<std::string>{});
}

TEST_F(Targets, NoTwoNamespacesHaveOneIdentity) {
  One one;
  ASSERT_TRUE(one.add_subsystem(kOther));
  ASSERT_TRUE(one.add(with(on(lost()), kUuid, kNguid)));
  for (const char* const nqn : {static_cast<const char*>(kDiskNqn), static_cast<const char*>(kOther)}) {
    const auto uuid = one.add(with(on(lost()), kUuid, kUuid), nqn);
    ASSERT_FALSE(uuid);
    EXPECT_EQ(uuid.error().code, EEXIST);
    EXPECT_EQ(uuid.error().text,
              "namespace 1 of nqn.2026-01.org.example:disk has this UUID already: " + wire::format_uuid(kUuid));
    const auto nguid = one.add(with(on(lost()), kNguid, kNguid), nqn);
    ASSERT_FALSE(nguid);
    EXPECT_EQ(nguid.error().text,
              "namespace 1 of nqn.2026-01.org.example:disk has this NGUID already: " + wire::format_uuid(kNguid));
  }
  one.remove(1);
  EXPECT_TRUE(one.add(with(on(lost()), kUuid, kNguid), kOther)) << "free again";
}

// In either order: what is configured is refused where a disk derives it, and a disk whose own it is where it is configured.
TEST_F(Targets, WhatAnotherDiskDerivesCannotBeConfigured) {
  const auto derived = wire::parse_uuid(served(on(kept("a"))).first);
  ASSERT_TRUE(derived);
  for (const bool configured_first : {false, true}) {
    One one;
    const auto add = [&](bool configured) {
      return one.add(configured ? with(on(kept("b")), *derived) : on(kept("a")));
    };
    ASSERT_TRUE(add(configured_first));
    const auto second = add(!configured_first);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EEXIST);
    EXPECT_EQ(second.error().text,
              "namespace 1 of nqn.2026-01.org.example:disk has this UUID already: " + wire::format_uuid(*derived));
  }
}

TEST_F(Targets, ANamespaceThatDoesNotOpenLeavesItsIdentityFree) {
  One one;
  auto broken = lost();
  broken->fail_opening(0);
  ASSERT_FALSE(one.add(with(on(broken), kUuid)));
  EXPECT_TRUE(one.add(with(on(lost()), kUuid)));
}

TEST_F(Targets, ZeroesAreNoIdentity) {
  One one;
  const auto uuid = one.add(with(on(lost()), wire::Uuid{}));
  ASSERT_FALSE(uuid);
  EXPECT_EQ(uuid.error().code, EINVAL);
  EXPECT_EQ(uuid.error().text,
            "namespace 1 of nqn.2026-01.org.example:disk: a UUID of zeroes stands for none; leave it out to have one "
            "derived");
  EXPECT_EQ(one.add(with(on(lost()), kUuid, wire::Uuid{})).error().text,
            "namespace 1 of nqn.2026-01.org.example:disk: a NGUID of zeroes stands for none; leave it out to have one "
            "derived");
}

TEST_F(Targets, TheSerialNumberComesBackWithTheStorage) {
  const auto serial = [](NamespaceOptions options, const char* nqn = kDiskNqn) {
    One one(nqn);
    EXPECT_TRUE(one.add(std::move(options)));
    return one.serial();
  };
  EXPECT_EQ(serial(on(kept("a"))), serial(on(kept("a"))));
  EXPECT_NE(serial(on(kept("a"))), serial(on(kept("b"))));
  EXPECT_NE(serial(on(kept("a"))), serial(on(kept("a")), kOther));
  EXPECT_NE(serial(on(lost())), serial(on(lost())));
  EXPECT_EQ(serial(with(on(lost()), kUuid)), serial(with(on(lost()), kUuid)));
  const std::string empty = One().serial();
  EXPECT_NE(One().serial(), empty) << "without a namespace it is random";
}

TEST_F(Targets, TheSerialNumberStaysWhileTheTargetRuns) {
  {
    One one;
    ASSERT_TRUE(one.add(on(kept("a"), 2)));
    const std::string serial = one.serial();
    ASSERT_TRUE(one.add(on(kept("b"), 1)));
    one.remove(2);
    EXPECT_EQ(one.serial(), serial);
  }
  One named(kDiskNqn, "S1");
  ASSERT_TRUE(named.add(on(lost())));
  EXPECT_EQ(named.serial(), "S1");
}

}  // namespace
}  // namespace weft::test
