// Hosts that number, count and sum wrongly: CIDs in use, too many commands, wrong digests, answers that they never read.

#include <fmt/format.h>

#include <set>

#include "tests/peer/hostile/hostile_fixture.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint16_t kCidConflict = 0x003, kTransientTransport = 0x022, kAerLimit = 0x105;

class Commands : public HostileTest {
 protected:
  // Reads what the other host sees of the first blocks.
  std::vector<std::byte> blocks(std::size_t bytes) {
    std::vector<std::byte> back(bytes);
    EXPECT_TRUE(other->read(ns, 0, back));
    return back;
  }
};

RawPdu served_r2t(const ReceivedPdu& r2t, const Digests& digests, Bytes data) {
  const auto length = static_cast<std::uint32_t>(data.size());
  return RawPdu(kH2cData, digests, std::move(data)).transfer(r2t.u16(8), r2t.u16(10), r2t.u32(12), length);
}

TEST_F(Commands, WithACidInUseAreRefusedAndTheFirstLivesOn) {
  constexpr std::uint16_t kCid = 0x4242;
  RawAssociation peer = associate();
  peer.io.send(peer.io.capsule(write_command(kCid, 0, 32)));
  const auto r2t = peer.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  for (const Sqe& again : {read_command(kCid, 0, 1), write_command(kCid, 64, 32)}) {
    const auto refused = peer.io.call(again);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->cid, kCid);
    EXPECT_EQ(refused->status, kCidConflict);
  }
  peer.io.send(served_r2t(*r2t, {}, pattern(16384, 9)));
  const auto written = peer.io.answer();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->status, 0);
  const auto read = peer.io.call(read_command(kCid, 0, 32));  // it is free again
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, 0);
  EXPECT_EQ(read->data, pattern(16384, 9));
}

// SPDK's host ends its event requests by itself when it detaches, and uses their CIDs again.
TEST_F(Commands, WithTheCidOfAnEventRequestTakeItsPlace) {
  RawAssociation peer = associate();
  const auto call = [&](const Sqe& sqe) { return peer.admin.call(sqe).value_or(Answer{.status = 0xffff}); };
  for (int round = 0; round < 3; ++round) {
    for (std::uint16_t cid = 7; cid < 11; ++cid) peer.admin.send(peer.admin.capsule(Sqe(0x0c, cid)));
    EXPECT_EQ(call(Sqe(0x0c, 99)).status, kAerLimit) << "four wait, as many as may";
    for (std::uint16_t cid = 7; cid < 11; ++cid) {
      const Answer taken = call(round == 1 ? property_get(cid, 0x1c, false) : Sqe(0x18, cid));
      EXPECT_EQ(taken.cid, cid);
      EXPECT_EQ(taken.status, 0);
    }
  }
  // One of two that wait is dropped: the event comes once, for the other.
  EXPECT_EQ(call(Sqe(0x09, 1).u32(40, 0x0b).u32(44, 0x100)).status, 0);
  peer.admin.send(peer.admin.capsule(Sqe(0x0c, 20)));
  peer.admin.send(peer.admin.capsule(Sqe(0x0c, 21)));
  EXPECT_EQ(call(Sqe(0x18, 20)).cid, 20);
  const std::uint32_t nsid = served->add("null://?size=1M");
  const auto event = peer.admin.answer();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->cid, 21);
  EXPECT_TRUE(peer.admin.socket.quiet(std::chrono::milliseconds(0)));
  ASSERT_TRUE(served->target->remove_namespace(kNqn, nsid));
}

// A host may put what it likes into a CID: what differs in any bit is another command.
TEST_F(Commands, WithCidsThatDifferInAnyBitAreTaken) {
  RawAssociation peer = associate();
  std::set<std::uint16_t> cids = {0};
  for (int bit = 0; bit < 16; ++bit) cids.insert(static_cast<std::uint16_t>(1u << bit));
  for (const std::uint16_t cid : cids) peer.io.send(peer.io.capsule(write_command(cid, 0, 1)));
  std::vector<ReceivedPdu> r2ts;
  for (std::size_t i = 0; i < cids.size(); ++i) {
    const auto r2t = peer.io.receive();
    ASSERT_TRUE(r2t && r2t->type() == kR2t);
    r2ts.push_back(*r2t);
  }
  for (const ReceivedPdu& r2t : r2ts) {
    peer.io.send(served_r2t(r2t, {}, Bytes(512)));
    const auto answer = peer.io.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 0);
    EXPECT_EQ(cids.erase(answer->cid), 1U);
  }
}

TEST_F(Commands, ThatAreMoreThanTheQueueHoldsEndTheConnection) {
  ConnectPlan how = plan();
  how.entries = 4;
  RawAssociation peer = associate(how);
  Bytes burst;
  for (std::uint16_t cid = 0; cid < 100; ++cid) {
    const Bytes one = peer.io.capsule(write_command(cid, 0, 1)).bytes();
    burst.insert(burst.end(), one.begin(), one.end());
  }
  peer.io.socket.send(burst);
  for (;;) {
    const auto pdu = peer.io.receive();
    ASSERT_TRUE(pdu);
    if (pdu->type() == kR2t) continue;
    EXPECT_TRUE(pdu->is_term_req());
    EXPECT_EQ(pdu->fes(), 2);
    break;
  }
}

TEST_F(Commands, ThatWaitForEventsAreBounded) {
  RawAssociation peer = associate();
  for (std::uint16_t cid = 100; cid < 120; ++cid) peer.admin.send(peer.admin.capsule(Sqe(0x0c, cid)));
  const auto refused = peer.admin.answer();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, kAerLimit);
}

TEST_F(Commands, WhoseDataDigestIsWrongByOneBitChangeNothing) {
  const auto old = letters(16384, 55);
  ASSERT_TRUE(other->write(ns, 0, old));
  ConnectPlan how = plan();
  how.digests.data = true;
  RawAssociation peer = associate(how);
  for (const std::uint32_t bit : {0U, 13U, 31U}) {
    RawPdu capsule = peer.io.capsule(Sqe(0x01, 1).u32(4, 1).u16(48, 7).in_capsule(4096), pattern(4096, bit));
    capsule.data_damage = 1u << bit;
    peer.io.send(capsule);
    const auto of_capsule = peer.io.answer();
    ASSERT_TRUE(of_capsule);
    EXPECT_EQ(of_capsule->status, kTransientTransport);
    peer.io.send(peer.io.capsule(write_command(2, 0, 32)));
    const auto r2t = peer.io.receive();
    ASSERT_TRUE(r2t && r2t->type() == kR2t);
    RawPdu data = served_r2t(*r2t, peer.io.digests, pattern(16384, bit));
    data.data_damage = 1u << bit;
    peer.io.send(data);
    const auto of_data = peer.io.answer();
    ASSERT_TRUE(of_data);
    EXPECT_EQ(of_data->status, kTransientTransport);
    EXPECT_EQ(blocks(16384), old);
  }
  const auto alive = peer.io.call(read_command(3, 0, 1));
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->status, 0);
}

// One bit of the data instead: the digest is of what was meant.
TEST_F(Commands, WhoseDataIsWrongByOneBitChangeNothing) {
  const auto old = letters(512, 56);
  ASSERT_TRUE(other->write(ns, 0, old));
  ConnectPlan how = plan();
  how.digests.data = true;
  RawAssociation peer = associate(how);
  const RawPdu capsule = peer.io.capsule(Sqe(0x01, 1).u32(4, 1).in_capsule(512), pattern(512, 3));
  Bytes bytes = capsule.bytes();
  bytes[bytes.size() - 5] ^= 0x10;
  peer.io.socket.send(bytes);
  const auto answer = peer.io.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, kTransientTransport);
  EXPECT_EQ(blocks(512), old);
}

TEST_F(Commands, WhoseTransferBreaksOffInAViolationChangeNothing) {
  const auto old = letters(16384, 57);
  ASSERT_TRUE(other->write(ns, 0, old));
  RawAssociation peer = associate();
  peer.io.send(peer.io.capsule(write_command(1, 0, 32)));
  const auto r2t = peer.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  RawPdu half = served_r2t(*r2t, {}, pattern(8192, 1));
  peer.io.send(half.no_flag(kLast));
  peer.io.send(half);  // the same again
  const auto end = peer.io.receive();
  ASSERT_TRUE(end && end->is_term_req());
  EXPECT_EQ(blocks(16384), old);
}

}  // namespace
}  // namespace weft::hostile
