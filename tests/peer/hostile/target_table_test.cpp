// Every row that a host may bring about, against the real target over real sockets: a connection of its own for each, and after
// each the other host is still served and nothing is left behind.

#include <fmt/format.h>

#include "tests/peer/hostile/hostile_fixture.hpp"
#include "tests/peer/hostile/rows.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint16_t kCid = 0x7007;
constexpr std::uint32_t kWindow = 16384;  // MAXH2CDATA of the listener
constexpr std::uint32_t kEntries = 32;

// A host in a row's state.
struct Stage {
  RawAssociation host;
  RawHost* at = nullptr;  // the connection that misbehaves
  Spot spot;
  [[nodiscard]] bool io() const { return at == &host.io; }
};

class TargetTable : public HostileTest {
 protected:
  void SetUp() override { serve({}, "?maxh2cdata=16K&maxr2t=2"); }

  void go_to(Stage& stage, std::string_view state);
  void begin_write(Stage& stage, std::uint32_t windows);
  void fill_queue(Stage& stage);
  void run(const Row& row);
  void run(const CommandRow& row);

  // The rows of these states; how many they were.
  std::size_t run_all(std::span<const Row> rows, std::initializer_list<std::string_view> states) {
    return run_rows(rows, states, [this](const Row& row) {
      run(row);
      still_well();
    });
  }
};

void TargetTable::begin_write(Stage& stage, std::uint32_t windows) {
  stage.at->send(stage.at->capsule(write_command(kCid, 0, windows * kWindow / 512)));
  const auto r2t = stage.at->receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  stage.spot = {.cid = r2t->u16(8), .tag = r2t->u16(10), .offset = r2t->u32(12), .length = r2t->u32(16)};
  ASSERT_EQ(stage.spot.cid, kCid);
  ASSERT_EQ(stage.spot.length, kWindow);
}

void TargetTable::fill_queue(Stage& stage) {
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    stage.at->send(stage.at->capsule(write_command(static_cast<std::uint16_t>(i), i, 1)));
    ASSERT_TRUE(stage.at->receive());  // its R2T, which is never served
  }
}

RawPdu whole_window(const Stage& stage, std::uint32_t length) {
  RawPdu pdu(kH2cData, stage.at->digests, Bytes(length));
  return pdu.transfer(stage.spot.cid, stage.spot.tag, stage.spot.offset, length);
}

void TargetTable::go_to(Stage& stage, std::string_view state) {
  ConnectPlan how = plan();
  how.digests = {.header = state == state::kHeaderDigest,
                 .data = state == state::kDataDigest || state == state::kReceivingDigest};
  how.entries = kEntries;
  how.maxr2t = state == state::kTwoR2ts ? 1 : 0;
  stage.at = &stage.host.admin;
  if (state == state::kNew) {
    stage.at->socket = RawSocket::connect(how.port);
    ASSERT_TRUE(stage.at->socket.open());
  } else if (state == state::kReady || state == state::kHeaderDigest || state == state::kDataDigest) {
    ASSERT_TRUE(stage.at->shake_hands(how));
  } else if (state == state::kDisabled) {
    ASSERT_TRUE(stage.host.open_admin(how));
  } else {
    ASSERT_TRUE(stage.host.open(how));
    if (state == state::kAdmin) return;
    stage.at = &stage.host.io;
    if (state == state::kFull) return fill_queue(stage);
    if (state == state::kIo) return;
    begin_write(stage, state == state::kTwoR2ts || state == state::kSecondR2t ? 2 : 1);
  }
  if (state == state::kTwoR2ts) {
    const auto second = stage.at->receive();
    ASSERT_TRUE(second && second->type() == kR2t);
    stage.spot.other_tag = second->u16(10);
  } else if (state == state::kHalf) {
    RawPdu half = whole_window(stage, kWindow / 2);
    stage.at->send(half.no_flag(kLast));
    stage.spot.offset = stage.spot.length = kWindow / 2;
  } else if (state == state::kSecondR2t) {
    stage.at->send(whole_window(stage, kWindow));
    const auto second = stage.at->receive();
    ASSERT_TRUE(second && second->type() == kR2t);
    stage.spot.other_tag = stage.spot.tag;
    stage.spot.tag = second->u16(10);
    stage.spot.offset = second->u32(12);
  }
}

// What the row starts from: a PDU that would be right there, or would be but for its type.
RawPdu right_pdu(const Row& row, const Stage& stage) {
  if (row.type == kH2cData && stage.spot.length != 0) return whole_window(stage, stage.spot.length);
  if (row.type != kCapsuleCmd) return {row.type, stage.at->digests, Bytes(row.data)};
  Sqe sqe(0x18, 0x0101);
  if (row.data != 0) sqe = Sqe(0x01, 0x0101).u32(4, 1).in_capsule(row.data);
  return stage.at->capsule(sqe, Bytes(row.data));
}

void TargetTable::run(const Row& row) {
  Stage stage;
  ASSERT_NO_FATAL_FAILURE(go_to(stage, row.state));
  RawPdu pdu = right_pdu(row, stage);
  row.damage(pdu, stage.spot);
  stage.at->send(pdu);
  switch (row.expect.what) {
    case Expect::What::kTermReq:
      expect_term_req(stage.at->receive(), kC2hTermReq, row.expect.code, row.expect.fei, pdu.header());
      break;
    case Expect::What::kDigestTermReq:
      expect_term_req(stage.at->receive(), kC2hTermReq, row.expect.code, pdu.header_digest_sent(), pdu.header());
      break;
    case Expect::What::kStatus: {
      const auto answer = stage.at->answer();
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, row.expect.code);
      EXPECT_TRUE(stage.at->socket.quiet(std::chrono::milliseconds(0)));
      return;
    }
    default:
      EXPECT_FALSE(stage.at->receive());
      EXPECT_TRUE(stage.at->socket.closed_by_peer());
  }
}

void TargetTable::run(const CommandRow& row) {
  Stage stage;
  ASSERT_NO_FATAL_FAILURE(go_to(stage, row.state));
  const auto answer = stage.at->call(row.sqe, pattern(row.data, 1));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, row.status);
  EXPECT_EQ(answer->cid, row.sqe.cid());
  const auto next = stage.io() ? stage.at->call(read_command(3, 0, 1)) : stage.at->call(property_get(3, 0, true));
  ASSERT_TRUE(next) << "the connection did not live on";
  EXPECT_EQ(next->status, row.state == state::kReady ? 0x00c : 0);
}

using namespace state;

TEST_F(TargetTable, BeforeIcReq) { EXPECT_GT(run_all(target_rows(), {kNew}), 0U); }
TEST_F(TargetTable, BeforeConnect) { EXPECT_GT(run_all(target_rows(), {kReady}), 0U); }
TEST_F(TargetTable, WithDigests) { EXPECT_GT(run_all(target_rows(), {kHeaderDigest, kDataDigest}), 0U); }
TEST_F(TargetTable, OnConnectedQueues) { EXPECT_GT(run_all(target_rows(), {kAdmin, kIo}), 0U); }
TEST_F(TargetTable, WhileDataIsAskedFor) {
  EXPECT_GT(run_all(target_data_rows(), {kReceiving, kHalf, kSecondR2t, kTwoR2ts}), 0U);
}
TEST_F(TargetTable, WithAFullQueueAndWithWrongDigests) {
  EXPECT_GT(run_all(target_data_rows(), {kFull, kReceivingDigest, kDataDigest}), 0U);
}

TEST_F(TargetTable, CommandsThatAreWrongInThemselves) {
  for (const CommandRow& row : command_rows()) {
    SCOPED_TRACE(fmt::format("{}: {} {}", row.state, row.field, row.kind));
    run(row);
    still_well();
    if (HasFatalFailure()) break;
  }
}

}  // namespace
}  // namespace weft::hostile
