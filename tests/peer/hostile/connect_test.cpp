// Connect with every field wrong in turn: the status, and where the bad field is. And what a host learns that is not allowed.

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tests/peer/hostile/hostile_fixture.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint16_t kSequence = 0x00c, kFormat = 0x180, kInvalid = 0x182, kInvalidHost = 0x184;
constexpr std::uint32_t kInData = 1u << 16;  // IATTR, above IPO
constexpr std::uint32_t kNone = 0;
constexpr char kDiscovery[] = "nqn.2014-08.org.nvmexpress.discovery";

struct Request {
  Sqe sqe;
  Bytes data;

  void cntlid(std::uint16_t value) { put(std::span(data), 16, value); }
  void name(std::size_t at, const std::string& text) {
    std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(at), 256, std::uint8_t{0});
    std::copy(text.begin(), text.end(), data.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

struct ConnectRow {
  const char* name;
  std::uint16_t status;
  std::uint32_t where;  // IPO and IATTR, when the status is Invalid Parameters
  void (*damage)(Request&);
};

std::string unended() { return std::string(256, 'x'); }

const ConnectRow kAdminRows[] = {
    {"the opcode", kSequence, kNone, [](Request& r) { r.sqe.u8(0, 0x18); }},
    {"FCTYPE", kSequence, kNone, [](Request& r) { r.sqe.u8(4, 0x04); }},
    {"FUSE", kInvalid, 1, [](Request& r) { r.sqe.u8(1, 0x41); }},
    {"PSDT", kInvalid, 1, [](Request& r) { r.sqe.u8(1, 0x80); }},
    {"the SGL's type", 0x011, kNone, [](Request& r) { r.sqe.u8(39, 0x40); }},
    {"the SGL's subtype", kInvalid, 39, [](Request& r) { r.sqe.u8(39, 0x02); }},
    {"the SGL's offset", 0x016, kNone, [](Request& r) { r.sqe.u64(24, 16); }},
    {"the SGL's length", 0x00f, kNone, [](Request& r) { r.sqe.u32(32, 1000); }},
    {"the length of the data", kInvalid, 24, [](Request& r) { r.sqe.u32(32, 1023), r.data.resize(1023); }},
    {"no data", kInvalid, 24, [](Request& r) { r.sqe.transport(0), r.data.clear(); }},
    {"RECFMT", kFormat, kNone, [](Request& r) { r.sqe.u16(40, 1); }},
    {"a QID that is none", kInvalid, 42, [](Request& r) { r.sqe.u16(42, 0xffff); }},
    {"SQSIZE zero", kInvalid, 44, [](Request& r) { r.sqe.u16(44, 0); }},
    {"SQSIZE too large", kInvalid, 44, [](Request& r) { r.sqe.u16(44, 0xffff); }},
    {"HOSTID zero", kInvalid, kInData | 0, [](Request& r) { std::fill_n(r.data.begin(), 16, std::uint8_t{0}); }},
    {"CNTLID of the static model", kInvalid, kInData | 16, [](Request& r) { r.cntlid(0xfffe); }},
    {"CNTLID in the reserved range", kInvalid, kInData | 16, [](Request& r) { r.cntlid(0xfff0); }},
    {"CNTLID of a controller", kInvalid, kInData | 16, [](Request& r) { r.cntlid(1); }},
    {"SUBNQN empty", kInvalid, kInData | 256, [](Request& r) { r.name(256, ""); }},
    {"SUBNQN without its end", kInvalid, kInData | 256, [](Request& r) { r.name(256, unended()); }},
    {"SUBNQN too long", kInvalid, kInData | 256, [](Request& r) { r.name(256, "nqn." + std::string(220, 'y')); }},
    {"SUBNQN unknown", kInvalid, kInData | 256, [](Request& r) { r.name(256, "nqn.2026-01.org.example:none"); }},
    {"HOSTNQN without its end", kInvalid, kInData | 512, [](Request& r) { r.name(512, unended()); }},
    {"HOSTNQN too long", kInvalid, kInData | 512, [](Request& r) { r.name(512, "nqn." + std::string(220, 'y')); }},
    // The lowest bad field is the one that is named.
    {"everything", kInvalid, 1, [](Request& r) { r.sqe.u8(1, 0x80).u16(42, 0xffff).u16(44, 0), r.name(256, ""); }},
    {"every parameter", kInvalid, 42, [](Request& r) { r.sqe.u16(42, 0xffff).u16(44, 0), r.name(256, ""); }},
    {"all of the data", kInvalid, kInData | 0, [](Request& r) { std::ranges::fill(r.data, std::uint8_t{0}); }},
};

const ConnectRow kIoRows[] = {
    {"a QID beyond those granted", kInvalid, 42, [](Request& r) { r.sqe.u16(42, 3); }},
    {"a QID in use", kSequence, kNone, [](Request& r) { r.sqe.u16(42, 1); }},
    {"SQSIZE too large", kInvalid, 44, [](Request& r) { r.sqe.u16(44, 1024); }},
    {"CNTLID that asks for any", kInvalid, kInData | 16, [](Request& r) { r.cntlid(0xffff); }},
    {"CNTLID zero", kInvalid, kInData | 16, [](Request& r) { r.cntlid(0); }},
    {"CNTLID unknown", kInvalid, kInData | 16, [](Request& r) { r.cntlid(u16(r.data, 16) ^ 0x0800); }},
    {"another HOSTNQN", kInvalid, kInData | 512, [](Request& r) { r.name(512, "nqn.2026-01.org.example:else"); }},
    {"SUBNQN unknown", kInvalid, kInData | 256, [](Request& r) { r.name(256, "nqn.2026-01.org.example:none"); }},
    {"the discovery service", kInvalid, 42, [](Request& r) { r.name(256, kDiscovery); }},
};

class Connect : public HostileTest {
 protected:
  void SetUp() override {
    TargetOptions options;
    options.max_io_queues = 2;
    serve(options);
  }
  // Sends it, and then a right one: whatever was wrong, the connection is as good as before.
  void run(const ConnectRow& row, std::uint16_t qid, std::uint16_t cntlid) {
    SCOPED_TRACE(row.name);
    const Request right{connect_command(qid, 32), connect_data(cntlid, kNqn, kHostNqn)};
    Request request = right;
    row.damage(request);
    RawHost peer;
    ASSERT_TRUE(peer.shake_hands(plan()));
    const auto answer = peer.call(request.sqe, request.data);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, row.status);
    EXPECT_EQ(answer->result, row.status == kInvalid ? row.where : 0);
    const auto again = peer.call(right.sqe, right.data);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->status, 0);
  }
};

TEST_F(Connect, NamesEachWrongFieldOfAnAdminQueue) {
  for (const ConnectRow& row : kAdminRows) {
    run(row, 0, 0xffff);
    still_well();
  }
}

TEST_F(Connect, NamesEachWrongFieldOfAnIoQueue) {
  RawAssociation peer = associate();
  for (const ConnectRow& row : kIoRows) {
    // A right one of its own: QID 2, which goes again with its connection.
    run(row, 2, peer.cntlid);
    const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
    while (served->target->counts().queue_pairs != 4) ASSERT_LT(monotonic_now(), deadline);
  }
}

// What is reserved may mean something in a later version: it is not looked at.
TEST_F(Connect, IsNotRefusedForWhatIsReserved) {
  Request request{connect_command(0, 32), connect_data(0xffff, kNqn, kHostNqn)};
  request.sqe.u8(1, 0x7c);                                            // bits 5:2 of the flags
  request.sqe.u8(46, 0xf4).u8(47, 0xff);                              // CATTR, and what follows
  for (std::size_t at = 36; at < 39; ++at) request.sqe.u8(at, 0xff);  // of the descriptor
  for (std::size_t at = 52; at < 64; ++at) request.sqe.u8(at, 0xff);
  std::fill_n(request.data.begin() + 18, 256 - 18, std::uint8_t{0xff});
  std::fill(request.data.begin() + 768, request.data.end(), std::uint8_t{0xff});
  RawHost peer;
  ASSERT_TRUE(peer.shake_hands(plan()));
  const auto answer = peer.call(request.sqe, request.data);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 0);
}

// A stranger that knows name and CNTLID does not join; the host itself may, whatever HOSTID it sends, from its machine.
TEST_F(Connect, OfAnIoQueueFromAnotherMachineNeedsTheHostIdOfTheAdminQueue) {
  RawAssociation peer = associate();
  const auto ask = [&](RawHost& queue, const char* from, bool same_id, std::uint8_t other_id = 0) {
    Request request{connect_command(2, 32), connect_data(peer.cntlid, kNqn, kHostNqn)};
    if (!same_id) std::fill_n(request.data.begin(), 16, other_id);
    ConnectPlan how = plan();
    how.from = from;
    EXPECT_TRUE(queue.shake_hands(how));
    return queue.call(request.sqe, request.data).value_or(Answer{.status = 0xffff});
  };
  for (const std::uint8_t id : {std::uint8_t{0}, std::uint8_t{9}}) {
    RawHost stranger;
    const Answer answer = ask(stranger, "127.0.0.2", false, id);
    EXPECT_EQ(answer.status, kInvalid);
    EXPECT_EQ(answer.result, kInData | 0);
  }
  RawHost own, second;
  EXPECT_EQ(ask(own, "127.0.0.1", false, 9).status, 0);
  EXPECT_EQ(ask(second, "127.0.0.2", true).status, kSequence) << "its HOSTID is right, but QID 2 is in use";
}

TEST_F(Connect, ToAControllerThatIsNotEnabledIsRefused) {
  RawAssociation peer;
  ASSERT_TRUE(peer.open_admin(plan()));
  ASSERT_TRUE(peer.io.shake_hands(plan()));
  const auto answer = peer.io.call(connect_command(1, 32), connect_data(peer.cntlid, kNqn, kHostNqn));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, kInvalid);
  EXPECT_EQ(answer->result, 42U);
}

TEST_F(Connect, OfAnIoQueueOfTheDiscoveryServiceIsRefused) {
  ConnectPlan how = plan();
  how.subnqn = kDiscovery;
  RawAssociation peer;
  ASSERT_TRUE(peer.open_admin(how));
  ASSERT_TRUE(peer.io.shake_hands(how));
  const auto answer = peer.io.call(connect_command(1, 32), connect_data(peer.cntlid, kDiscovery, kHostNqn));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, kInvalid);
  EXPECT_EQ(answer->result, 42U);
}

// ---- A host that is not allowed

class Stranger : public HostileTest {
 protected:
  void SetUp() override {
    HostileTest::SetUp();
    SubsystemOptions secret;
    secret.nqn = kSecret;
    secret.allow_hosts = {"nqn.2026-01.org.example:friend"};
    ASSERT_TRUE(served->target->add_subsystem(secret));
  }
  // All that comes back, but for the CID.
  Bytes told(std::uint16_t qid, std::uint16_t cntlid, const std::string& subnqn) {
    RawHost peer;
    EXPECT_TRUE(peer.shake_hands(plan()));
    const auto answer = peer.call(connect_command(qid, 32), connect_data(cntlid, subnqn, kHostNqn));
    EXPECT_TRUE(answer);
    if (!answer) return {};
    EXPECT_EQ(answer->status, kInvalidHost);
    return answer->cqe;
  }
  static constexpr char kSecret[] = "nqn.2026-01.org.example:secret";
  static constexpr char kMissing[] = "nqn.2026-01.org.example:absent";
};

TEST_F(Stranger, IsToldTheSameOfWhatExistsAndOfWhatDoesNot) {
  EXPECT_EQ(told(0, 0xffff, kSecret), told(0, 0xffff, kMissing));
}

TEST_F(Stranger, LearnsNoControllersOfOthersEither) {
  ConnectPlan allowed = plan();
  allowed.subnqn = kSecret;
  allowed.hostnqn = "nqn.2026-01.org.example:friend";
  RawAssociation friendly = associate(allowed);
  EXPECT_EQ(told(1, friendly.cntlid, kSecret), told(1, friendly.cntlid, kMissing));
  EXPECT_EQ(told(1, 0x1234, kSecret), told(1, 0x1234, kMissing));
}

TEST_F(Stranger, FindsNoNameInTheDiscoveryLog) {
  ConnectPlan how = plan();
  how.subnqn = kDiscovery;
  RawAssociation peer;
  ASSERT_TRUE(peer.open_admin(how));
  ASSERT_TRUE(peer.enable());
  const auto log = peer.admin.call(Sqe(0x02, 1).u32(40, 0x70 | 0x07ffu << 16).transport(8192));
  ASSERT_TRUE(log);
  ASSERT_EQ(log->status, 0);
  const std::string text(log->data.begin(), log->data.end());
  EXPECT_NE(text.find(kNqn), std::string::npos);
  EXPECT_EQ(text.find(kSecret), std::string::npos);
}

}  // namespace
}  // namespace weft::hostile
