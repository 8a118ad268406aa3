// SPDK's host (24.09 to 26.09), from Connect to detach, as far as its wire behaviour is known: KATO on every Connect, no name from
// its perf program, four event requests whose CIDs come again when it detaches, a discovery log in pieces of 4 KiB.
#include "tests/peer/stacks/stack_host.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint32_t kKato = 10'000;
constexpr char kDiscovery[] = "nqn.2014-08.org.nvmexpress.discovery";

struct SpdkHost {
  RawHost admin, io;
  std::uint16_t cntlid = 0;

  static Sqe connect(std::uint16_t cid, std::uint16_t qid, std::uint16_t entries) {
    return connect_command(qid, entries).u16(2, cid).u8(46, 0).u32(48, kKato);
  }
  void open(const ConnectPlan& plan) {
    ASSERT_TRUE(admin.shake_hands(plan));
    const Answer connected = call(admin, connect(0, 0, 32), connect_data(0xffff, plan.subnqn, plan.hostnqn));
    ASSERT_EQ(connected.status, 0);
    cntlid = static_cast<std::uint16_t>(connected.result);
    EXPECT_EQ(call(admin, property_get(0, kVs, false)).status, 0);
    const Answer cap = call(admin, property_get(0, kCap, true));
    ASSERT_EQ(cap.status, 0);
    const bool selectable = (cap.result >> 43 & 1) != 0;
    EXPECT_EQ(call(admin, property_get(0, kCc, false)).status, 0);
    ASSERT_EQ(call(admin, property_set(0, kCc, kEnabled | (selectable ? 0x60u : 0u))).status, 0);
    while ((call(admin, property_get(0, kCsts, false)).result & kReady) == 0) ASSERT_TRUE(admin.socket.open());
  }
  void identify_all() {
    EXPECT_EQ(call(admin, identify(0, 0x01)).data.size(), 4096U);
    EXPECT_EQ(call(admin, set_features(0, 0x0b, 0x100)).status, 0);
    for (std::uint16_t cid = 1; cid <= 4; ++cid) admin.send(admin.capsule(event_request(cid)));
    const Answer kato = call(admin, get_features(5, 0x0f));
    EXPECT_EQ(kato.status, 0) << "anything but Invalid Field fails the controller";
    EXPECT_EQ(kato.result, kKato);
    EXPECT_EQ(call(admin, identify(5, 0x06, 0, 0)).status, 0);
    for (const std::uint8_t csi : {std::uint8_t{1}, std::uint8_t{2}})
      EXPECT_NE(call(admin, identify(5, 0x06, 0, csi)).status, 0);
    EXPECT_EQ(call(admin, set_features(5, 0x07, 0x007f007f)).status, 0);
    const Answer list = call(admin, identify(5, 0x02));
    ASSERT_EQ(list.data.size(), 4096U);
    ASSERT_EQ(u32(list.data, 0), 1U);
    EXPECT_EQ(call(admin, identify(5, 0x00, 1)).status, 0);
    EXPECT_EQ(call(admin, identify(5, 0x03, 1)).status, 0);
    EXPECT_EQ(call(admin, identify(5, 0x05, 1)).status, 0);
  }
  void open_io(const ConnectPlan& plan) {
    ASSERT_TRUE(io.shake_hands(plan));
    const Answer connected = call(io, connect(0, 1, 128), connect_data(cntlid, plan.subnqn, plan.hostnqn));
    ASSERT_EQ(connected.status, 0);
    EXPECT_EQ(connected.result & 0xffff, cntlid);
  }
  // Its event requests are over for it: the first CIDs that are free are theirs.
  void detach() {
    io.socket.close();
    const Answer cc = call(admin, property_get(1, kCc, false));
    ASSERT_EQ(cc.cid, 1);
    ASSERT_EQ(cc.status, 0);
    const Answer set = call(admin, property_set(2, kCc, static_cast<std::uint32_t>(cc.result) | kShutdown));
    ASSERT_EQ(set.cid, 2);
    ASSERT_EQ(set.status, 0);
    std::uint16_t cid = 3;
    Answer csts = call(admin, property_get(cid, kCsts, false));
    for (; csts.status == 0 && (csts.result & 0xc) != kShutdownDone;
         csts = call(admin, property_get(cid, kCsts, false)))
      cid = static_cast<std::uint16_t>(cid == 4 ? 1 : cid + 1);
    EXPECT_EQ(csts.status, 0);
    EXPECT_EQ(csts.result & 0xc, kShutdownDone);
    admin.socket.close();
  }
};

void play(const ConnectPlan& how) {
  SpdkHost host;
  ASSERT_NO_FATAL_FAILURE(host.open(how));
  ASSERT_NO_FATAL_FAILURE(host.identify_all());
  ASSERT_NO_FATAL_FAILURE(host.open_io(how));
  const Bytes small = pattern(4096, 1), large = pattern(131072, 2);
  EXPECT_EQ(call(host.io, Sqe(0x01, 1).u32(4, 1).u64(40, 0).u16(48, 7).in_capsule(4096), small).status, 0);
  EXPECT_GE(write_by_r2t(host.io, 2, 8, large), 1);
  EXPECT_EQ(call(host.io, read_command(1, 0, 8)).data, small);
  EXPECT_EQ(call(host.io, read_command(2, 8, 256)).data, large);
  EXPECT_EQ(call(host.io, Sqe(0x00, 3).u32(4, 1).transport(0)).status, 0);
  EXPECT_EQ(call(host.admin, keep_alive(5)).status, 0);
  ASSERT_NO_FATAL_FAILURE(host.detach());
}

class Spdk : public HostileTest {
 protected:
  void run(const ConnectPlan& how) {
    play(how);
    still_well();
  }
};

TEST_F(Spdk, ConnectsDoesIoAndDetaches) { run(plan()); }
TEST_F(Spdk, ConnectsWithoutAName) {
  ConnectPlan how = plan();
  how.hostnqn = "";
  run(how);
}
TEST_F(Spdk, ConnectsWithDigests) {
  ConnectPlan how = plan();
  how.digests = {.header = true, .data = true};
  run(how);
}
// The admin queue is mostly not on the control thread.
TEST(SpdkOnThreads, DetachesWhereverItsAdminQueueIs) {
  TargetOptions options;
  options.threads = 3;
  ServedTarget served(options);
  served.add("ram://?size=16M");
  for (int i = 0; i < 6; ++i) {
    ASSERT_NO_FATAL_FAILURE(play({.port = served.port}));
    EXPECT_TRUE(served.comes_to_rest());
  }
}

TEST_F(Spdk, WithoutANameIsShownAsSuch) {
  ConnectPlan how = plan();
  how.hostnqn = "";
  SpdkHost host;
  ASSERT_NO_FATAL_FAILURE(host.open(how));
  const auto controllers = served->target->controllers();
  const auto it = std::ranges::find_if(controllers, [&](const ControllerInfo& c) { return c.cntlid == host.cntlid; });
  ASSERT_NE(it, controllers.end());
  EXPECT_EQ(it->hostnqn, "");
  EXPECT_TRUE(it->peer.starts_with("127.0.0.1:"));
}

TEST_F(Spdk, ReadsTheDiscoveryLogInPiecesThatGoPastItsEnd) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(served->target->add_subsystem({.nqn = fmt::format("nqn.2026-01.org.example:more{}", i)}));
  }
  ConnectPlan how = plan();
  how.subnqn = kDiscovery;
  SpdkHost host;
  ASSERT_NO_FATAL_FAILURE(host.open(how));
  const Answer first = call(host.admin, get_log_page(0, 0x70, 4096));
  ASSERT_EQ(first.status, 0);
  ASSERT_EQ(first.data.size(), 4096U);
  const std::uint64_t end = 1024 * (1 + get<std::uint64_t>(first.data, 8));
  ASSERT_GT(end, 4096U);
  for (std::uint64_t offset = 4096; offset < end; offset += 4096) {
    const Answer piece = call(host.admin, get_log_page(0, 0x70, 4096, offset));
    ASSERT_EQ(piece.status, 0);
    ASSERT_EQ(piece.data.size(), 4096U);
    const std::size_t left = std::min<std::uint64_t>(4096, end - offset);
    EXPECT_NE(std::count(piece.data.begin(), piece.data.begin() + static_cast<std::ptrdiff_t>(left), 0),
              static_cast<std::ptrdiff_t>(left));
    EXPECT_TRUE(std::all_of(piece.data.begin() + static_cast<std::ptrdiff_t>(left), piece.data.end(),
                            [](std::uint8_t byte) { return byte == 0; }));
  }
}

}  // namespace
}  // namespace weft::hostile
