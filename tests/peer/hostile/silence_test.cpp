// Peers that say nothing, say it slowly, or leave in the middle of a word.

#include <fmt/format.h>

#include <vector>

#include "tests/peer/hostile/hostile_fixture.hpp"

namespace weft::hostile {
namespace {

using std::chrono::milliseconds;

constexpr char kImpatient[] = "?handshake_timeout=250ms&pdu_timeout=250ms";
constexpr milliseconds kStep{25};  // from byte to byte of a peer that sends them one at a time

class Silence : public HostileTest {
 protected:
  void SetUp() override {
    TargetOptions options;
    options.connect_timeout = options.data_timeout = 500'000'000;
    serve(options, kImpatient);
  }
  // One byte after the other; false: the target had enough before the last.
  static bool drip(RawSocket& socket, const RawPdu& pdu, milliseconds step) {
    for (const std::uint8_t byte : pdu.bytes()) {
      if (!socket.send(std::span(&byte, 1)) || !socket.quiet(step)) return false;
    }
    return true;
  }
};

TEST_F(Silence, BeforeIcReqIsEndedInTime) {
  RawSocket peer = RawSocket::connect(served->port);
  EXPECT_FALSE(peer.receive());
  EXPECT_TRUE(peer.closed_by_peer());
}

TEST_F(Silence, BeforeConnectIsEndedInTime) {
  RawHost peer;
  ASSERT_TRUE(peer.shake_hands(plan()));
  EXPECT_TRUE(peer.socket.closed_by_peer());
}

TEST_F(Silence, AfterAFailedConnectIsEndedInTime) {
  RawHost peer;
  ASSERT_TRUE(peer.shake_hands(plan()));
  ASSERT_TRUE(peer.call(connect_command(0, 32), connect_data(0xffff, "nqn.2026-01.org.example:none", kHostNqn)));
  EXPECT_TRUE(peer.socket.closed_by_peer());
}

TEST_F(Silence, InTheMiddleOfAPduIsEndedInTime) {
  RawAssociation peer = associate();
  const RawPdu write(Sqe(0x01, 1).u32(4, 1).in_capsule(512), {}, Bytes(512));
  for (const std::size_t cut : {1U, 9U, 72U, 100U}) {
    SCOPED_TRACE(cut);
    ConnectPlan how = plan();
    ASSERT_TRUE(peer.open_io(how));
    peer.io.socket.send_part(write, cut);
    EXPECT_TRUE(peer.io.socket.closed_by_peer());
  }
}

TEST_F(Silence, InTheMiddleOfDataThatWasAskedForIsEndedInTime) {
  RawAssociation peer = associate();
  peer.io.send(peer.io.capsule(write_command(1, 0, 32)));
  const auto r2t = peer.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  RawPdu data(kH2cData, {}, Bytes(16384));
  data.transfer(1, r2t->u16(10), 0, 16384);
  peer.io.socket.send_part(data, 5000);
  EXPECT_TRUE(peer.io.socket.closed_by_peer());
}

TEST_F(Silence, AfterAnR2tIsEndedInTime) {
  RawAssociation peer = associate();
  peer.io.send(peer.io.capsule(write_command(1, 0, 32)));
  const auto r2t = peer.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  EXPECT_TRUE(peer.io.socket.closed_by_peer());
}

// It asks for more than the sockets hold. Others are served meanwhile, and the memory that it holds comes back.
TEST_F(Silence, OfOneThatNeverReadsIsEndedInTime) {
  RawAssociation peer = associate();
  for (std::uint16_t cid = 0; cid < 31; ++cid) peer.io.send(peer.io.capsule(read_command(cid, 0, 2048)));
  const auto data = letters(1u << 20, 8);
  std::vector<std::byte> back(data.size());
  ASSERT_TRUE(other->write(ns, 4096, data));
  ASSERT_TRUE(other->read(ns, 4096, back));
  EXPECT_EQ(back, data);
  const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
  while (served->target->counts().queue_pairs != 3) ASSERT_LT(monotonic_now(), deadline) << "it is waited for";
}

TEST_F(Silence, OneByteAtATimeIsNotWaitedForLongerThanTheDeadline) {
  RawSocket dripping = RawSocket::connect(served->port);
  EXPECT_FALSE(drip(dripping, RawPdu(kIcReq), kStep));
  RawAssociation peer = associate();
  EXPECT_FALSE(drip(peer.io.socket, peer.io.capsule(read_command(1, 0, 1)), kStep));
}

TEST_F(Silence, OneByteAtATimeIsUnderstoodWhenItComesInTime) {
  RawAssociation peer = associate();
  ASSERT_TRUE(drip(peer.io.socket, peer.io.capsule(write_command(1, 0, 1)), milliseconds(0)));
  const auto r2t = peer.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  RawPdu data(kH2cData, {}, pattern(512, 1));
  data.transfer(1, r2t->u16(10), 0, 512);
  const Bytes bytes = data.bytes();
  for (const std::uint8_t byte : bytes) ASSERT_TRUE(peer.io.socket.send(std::span(&byte, 1)));
  const auto answer = peer.io.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 0);
  const auto read = peer.io.call(read_command(2, 0, 1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->data, pattern(512, 1));
}

class Leaving : public HostileTest {
 protected:
  // Where PDUs are cut: in the common header, after it, in the rest, before the data, in it, and before the last byte.
  static std::vector<std::size_t> cuts(const Bytes& bytes) {
    std::vector<std::size_t> cuts;
    for (const std::size_t cut : {1U, 7U, 8U, 23U, 71U, 72U, 75U, 300U}) {
      if (cut < bytes.size()) cuts.push_back(cut);
    }
    cuts.push_back(bytes.size() - 1);
    return cuts;
  }
};

TEST_F(Leaving, InTheMiddleOfTheHandshake) {
  const Bytes request = RawPdu(kIcReq).bytes();
  for (const std::size_t cut : cuts(request)) {
    RawSocket peer = RawSocket::connect(served->port);
    peer.send(std::span(request).first(cut));
    peer.close();
    still_well();
  }
}

TEST_F(Leaving, InTheMiddleOfCommandsAndTermReqs) {
  ConnectPlan how = plan();
  how.digests = {.header = true, .data = true};
  const Sqe write = Sqe(0x01, 1).u32(4, 1).in_capsule(512);
  const Bytes sent[] = {RawPdu(read_command(1, 0, 1), how.digests).bytes(),
                        RawPdu(write, how.digests, Bytes(512)).bytes(), RawPdu(kH2cTermReq).bytes()};
  for (const Bytes& bytes : sent) {
    for (const std::size_t cut : cuts(bytes)) {
      SCOPED_TRACE(fmt::format("PDU type {}, {} bytes", bytes[0], cut));
      RawAssociation peer = associate(how);
      peer.io.socket.send(std::span(bytes).first(cut));
      peer.io.socket.close();
      peer.admin.socket.close();
      still_well();
    }
  }
}

TEST_F(Leaving, InTheMiddleOfDataChangesNothing) {
  const auto old = letters(16384, 77);
  ASSERT_TRUE(other->write(ns, 0, old));
  ConnectPlan how = plan();
  how.digests.data = true;
  for (const std::size_t cut : {8U, 24U, 5000U, 24U + 16384, 24U + 16384 + 3}) {
    SCOPED_TRACE(cut);
    RawAssociation peer = associate(how);
    peer.io.send(peer.io.capsule(write_command(1, 0, 32)));
    const auto r2t = peer.io.receive();
    ASSERT_TRUE(r2t && r2t->type() == kR2t);
    RawPdu data(kH2cData, peer.io.digests, Bytes(16384));
    data.transfer(1, r2t->u16(10), 0, 16384);
    peer.io.socket.send_part(data, cut);
    peer.io.socket.close();
    peer.admin.socket.close();
    still_well();
    std::vector<std::byte> back(old.size());
    ASSERT_TRUE(other->read(ns, 0, back));
    EXPECT_EQ(back, old);
  }
}

TEST_F(Leaving, WithTermReqAtEveryState) {
  const RawPdu term = RawPdu(kH2cTermReq).u16(8, 1);
  for (int step = 0; step < 6; ++step) {
    SCOPED_TRACE(step);
    RawAssociation peer;
    RawHost* at = &peer.admin;
    if (step == 0) {
      at->socket = RawSocket::connect(served->port);
    } else if (step == 1) {
      ASSERT_TRUE(at->shake_hands(plan()));
    } else if (step == 2) {
      ASSERT_TRUE(peer.open_admin(plan()));
    } else {
      ASSERT_TRUE(peer.open(plan()));
      if (step > 3) at = &peer.io;
      if (step > 4) {
        at->send(at->capsule(write_command(1, 0, 32)));
        ASSERT_TRUE(at->receive());
      }
    }
    at->send(term);
    EXPECT_FALSE(at->receive()) << "a TermReq is not answered";
    EXPECT_TRUE(at->socket.closed_by_peer());
    peer = {};
    still_well();
  }
}

}  // namespace
}  // namespace weft::hostile
