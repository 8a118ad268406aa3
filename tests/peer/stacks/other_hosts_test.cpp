// FreeBSD's host and VMware's, as far as their wire behaviour is known.
#include "tests/peer/stacks/stack_host.hpp"

namespace weft::hostile {
namespace {

class OtherHosts : public HostileTest {
 protected:
  void SetUp() override { serve({}, "?maxh2cdata=16K"); }
};

// Userspace connects all queues; then the kernel asks again. It offers MAXR2T 1 where it bears one R2T, and honours SQHD.
TEST_F(OtherHosts, FreeBsdConnectsInTwoPartsAndIsSentOneR2tAtATime) {
  ConnectPlan how = plan();
  how.maxr2t = 1;
  RawHost admin, io;
  ASSERT_TRUE(admin.shake_hands(how));
  const Answer connected =
      call(admin, connect_command(0, 32).u8(46, 0).u32(48, 120'000), connect_data(0xffff, how.subnqn, how.hostnqn));
  ASSERT_EQ(connected.status, 0);
  EXPECT_EQ(u16(connected.cqe, 8), 1) << "SQHD";
  const auto cntlid = static_cast<std::uint16_t>(connected.result);
  EXPECT_EQ(call(admin, property_get(1, kCap, true)).status, 0);
  EXPECT_EQ(call(admin, property_get(2, kCc, false)).status, 0);
  EXPECT_EQ(call(admin, property_set(3, kCc, kEnabled)).status, 0);
  EXPECT_EQ(call(admin, property_get(4, kCsts, false)).result & kReady, kReady);
  EXPECT_EQ(call(admin, identify(5, 0x01)).status, 0);
  EXPECT_EQ(call(admin, set_features(6, 0x07, 0)).status, 0);  // one pair: NSQR and NCQR are the same
  ASSERT_TRUE(io.shake_hands(how));
  ASSERT_EQ(call(io, connect_command(1, 64).u8(46, 0), connect_data(cntlid, how.subnqn, how.hostnqn)).status, 0);
  // The kernel.
  EXPECT_EQ(call(admin, property_get(7, kCap, true)).status, 0);
  EXPECT_EQ(call(admin, property_get(8, kVs, false)).status, 0);
  EXPECT_EQ(call(admin, set_features(9, 0x0b, 0x100)).status, 0);
  admin.send(admin.capsule(event_request(10)));
  EXPECT_EQ(call(admin, identify(11, 0x02)).status, 0);
  EXPECT_EQ(call(admin, identify(12, 0x00, 1)).status, 0);
  const Bytes data = pattern(131072, 3);
  EXPECT_EQ(write_by_r2t(io, 0xfffe, 0, data), 8);
  const Answer read = call(io, read_command(1, 0, 256));
  EXPECT_EQ(read.data, data);
  EXPECT_EQ(u16(read.cqe, 8), 3) << "SQHD: Connect, the write, the read";
}

TEST_F(OtherHosts, EsxiLocksByComparingAndWriting) {
  ConnectPlan how = plan();
  how.entries = 128;
  RawAssociation host;
  ASSERT_TRUE(host.open_admin(how));
  ASSERT_TRUE(host.enable());
  const Answer id = call(host.admin, identify(1, 0x01));
  ASSERT_EQ(id.data.size(), 4096U);
  EXPECT_EQ(u16(id.data, 522) & 1, 1) << "FUSES: compare and write";
  EXPECT_EQ(call(host.admin, set_features(2, 0x0b, 0x100)).status, 0);
  EXPECT_EQ(call(host.admin, identify(3, 0x03, 1)).status, 0);
  ASSERT_TRUE(host.open_io(how));
  const Bytes before(512), after = pattern(512, 7);
  ASSERT_EQ(call(host.io, Sqe(0x01, 1).u32(4, 1).in_capsule(512), before).status, 0);
  // The compare has its data with it, the write is asked for its own: they stay a pair all the same.
  host.io.send(host.io.capsule(Sqe(0x05, 2).u8(1, 0x41).u32(4, 1).in_capsule(512), before));
  host.io.send(host.io.capsule(Sqe(0x01, 3).u8(1, 0x42).u32(4, 1).transport(512)));
  const auto r2t = host.io.receive();
  ASSERT_TRUE(r2t && r2t->type() == kR2t);
  host.io.send(RawPdu(kH2cData, {}, after).transfer(3, r2t->u16(10), 0, 512));
  for (const std::uint16_t cid : {std::uint16_t{2}, std::uint16_t{3}}) {
    const auto answer = host.io.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->cid, cid);
    EXPECT_EQ(answer->status, 0);
  }
  EXPECT_EQ(call(host.io, read_command(4, 0, 1)).data, after);
  // Somebody else has the lock.
  host.io.send(host.io.capsule(Sqe(0x05, 5).u8(1, 0x41).u32(4, 1).in_capsule(512), before));
  host.io.send(host.io.capsule(Sqe(0x01, 6).u8(1, 0x42).u32(4, 1).in_capsule(512), before));
  EXPECT_EQ(host.io.answer().value_or(Answer{}).status, 0x285);
  EXPECT_EQ(host.io.answer().value_or(Answer{}).status, 0x009);
}

TEST_F(OtherHosts, EsxiConnectsAnIoQueueAfterItsAdminQueueHasGone) {
  const TargetCounts before = served->target->counts();
  RawAssociation host;
  ASSERT_TRUE(host.open_admin(plan()));
  ASSERT_TRUE(host.enable());
  ASSERT_TRUE(host.io.shake_hands(plan()));
  host.admin.socket.close();
  TargetCounts without_admin = before;
  ++without_admin.queue_pairs;
  ASSERT_TRUE(comes_to(without_admin));
  const Answer refused = call(host.io, connect_command(1, 128), connect_data(host.cntlid, kNqn, kHostNqn));
  EXPECT_EQ(refused.status, 0x182);
  EXPECT_EQ(refused.result, 1u << 16 | 16) << "CNTLID";
}

}  // namespace
}  // namespace weft::hostile
