// Every row that a controller may bring about, against the real host over real sockets: the host says so in H2CTermReq, ends what
// is outstanding with an error, and holds nothing afterwards.

#include <cerrno>

#include "tests/peer/hostile/hostile_fixture.hpp"
#include "tests/peer/hostile/rows.hpp"
#include "tests/peer/hostile/victim.hpp"

namespace weft::hostile {
namespace {

class HostTable : public testing::Test {
 protected:
  HostTable() : registry_(SearchPath{{plugin_folder()}}) {}
  void SetUp() override {
    std::async(std::launch::async, [] {}).wait();
    {
      Victim one(registry_);  // what the process makes once is made
      one.connect("");
      ASSERT_TRUE(one.raw.take_ic_req());
      one.raw.socket.close();
      EXPECT_FALSE(one.connected.get());
    }
    before_ = process_counts(getpid());
  }

  void go_to(Victim& victim, std::string_view state);
  void go_on(Victim& victim, std::string_view state);
  void run(const Row& row);
  std::size_t run_all(std::span<const Row> rows, std::initializer_list<std::string_view> states) {
    return run_rows(rows, states, [this](const Row& row) {
      run(row);
      EXPECT_EQ(process_counts(getpid()), before_);
    });
  }

 private:
  TransportRegistry registry_;
  ProcessCounts before_;
};

Victim::Stage stage_of(std::string_view state) {
  if (state == state::kHello) return Victim::Stage::kHello;
  if (state == state::kConnecting) return Victim::Stage::kConnecting;
  if (state == state::kIdle || state == state::kHostHeaderDigest || state == state::kHostDataDigest)
    return Victim::Stage::kIdle;
  if (state == state::kWriting || state == state::kWritingMore || state == state::kR2tUnserved)
    return Victim::Stage::kWriting;
  return Victim::Stage::kReading;
}

// From a command of which nothing has been moved to where half of it has, or all.
void HostTable::go_on(Victim& victim, std::string_view state) {
  const bool write = stage_of(state) == Victim::Stage::kWriting;
  RawPdu half(write ? kR2t : kC2hData, victim.raw.digests, write ? Bytes() : Bytes(kLength / 2));
  half.transfer(victim.spot.cid, write ? kTag : 0, 0, kLength / 2).no_flag(kLast);
  if (state == state::kWritingMore) {
    victim.raw.socket.send(half);
    const auto data = victim.raw.socket.receive();
    ASSERT_TRUE(data && data->type() == kH2cData);
    ASSERT_EQ(data->flags() & kLast, kLast);
  } else if (state == state::kR2tUnserved) {
    victim.before = half.bytes();
  } else if (state == state::kReadHalf) {
    victim.raw.socket.send(half);
  } else if (state == state::kReadLast) {
    RawPdu whole(kC2hData, victim.raw.digests, Bytes(kLength));
    victim.raw.socket.send(whole.u16(8, victim.spot.cid));
    return;
  } else {
    return;
  }
  victim.spot.offset = victim.spot.length = kLength / 2;
}

void HostTable::go_to(Victim& victim, std::string_view state) {
  const bool data = state == state::kHostDataDigest || state == state::kReadingDigest;
  victim.connect(state == state::kHostHeaderDigest ? "&hdgst=on" : data ? "&ddgst=on" : "");
  ASSERT_NO_FATAL_FAILURE(victim.serve_up_to(stage_of(state)));
  go_on(victim, state);
}

RawPdu right_pdu(const Row& row, const Victim& victim) {
  const Spot& spot = victim.spot;
  const Digests& digests = victim.raw.digests;
  switch (row.type) {
    case kR2t:
      return RawPdu(kR2t, digests).transfer(spot.cid, spot.tag, spot.offset, spot.length != 0 ? spot.length : 512);
    case kC2hData: {
      const std::uint32_t length = row.data != 0 ? row.data : spot.length;
      return RawPdu(kC2hData, digests, Bytes(length)).transfer(spot.cid, 0, spot.offset, length);
    }
    case kCapsuleResp:
      return victim.raw.response(spot.cid, 1, 0, 0xffff);
    default:
      return {row.type, digests, Bytes(row.data)};
  }
}

void HostTable::run(const Row& row) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, row.state));
  RawPdu pdu = right_pdu(row, victim);
  row.damage(pdu, victim.spot);
  Bytes bytes = victim.before;
  const Bytes sent = pdu.bytes();
  bytes.insert(bytes.end(), sent.begin(), sent.end());
  victim.raw.socket.send(bytes);
  const Expect& expect = row.expect;
  const bool said = expect.what == Expect::What::kTermReq || expect.what == Expect::What::kDigestTermReq;
  if (said) {
    const std::uint32_t fei = expect.what == Expect::What::kDigestTermReq ? pdu.header_digest_sent() : expect.fei;
    expect_term_req(victim.raw.socket.receive(), kH2cTermReq, expect.code, fei, pdu.header());
  } else if (expect.what == Expect::What::kClosed) {
    EXPECT_FALSE(victim.raw.socket.receive());
  }
  const int wanted = expect.what == Expect::What::kHostError ? expect.code : EPROTO;
  if (victim.connected.valid()) {
    if (said) victim.raw.socket.close();  // the host gives the controller its time to close
    const auto connected = victim.connected.get();
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code, wanted) << connected.error().text;
  } else if (victim.called.valid()) {
    EXPECT_EQ(victim.called.get().error, -wanted);
  }
}

using namespace state;

TEST_F(HostTable, BeforeIcResp) { EXPECT_GT(run_all(host_rows(), {kHello}), 0U); }
TEST_F(HostTable, InTheAnswerToConnect) { EXPECT_GT(run_all(host_rows(), {kConnecting}), 0U); }
TEST_F(HostTable, WithNothingOutstanding) { EXPECT_GT(run_all(host_rows(), {kIdle}), 0U); }
TEST_F(HostTable, WithDigests) {
  EXPECT_GT(run_all(host_rows(), {kHostHeaderDigest, kHostDataDigest}), 0U);
  EXPECT_GT(run_all(host_data_rows(), {kReadingDigest}), 0U);
}
TEST_F(HostTable, WhileAWriteIsOutstanding) {
  EXPECT_GT(run_all(host_data_rows(), {kWriting, kWritingMore, kR2tUnserved}), 0U);
}
TEST_F(HostTable, WhileAReadIsOutstanding) {
  EXPECT_GT(run_all(host_data_rows(), {kReading, kReadHalf, kReadLast}), 0U);
}

}  // namespace
}  // namespace weft::hostile
