// Many connections that want nothing: one peer's flood takes room from that peer alone.
//
// The flood comes from 127.0.0.2, so that what is counted by peer shows; the other host comes from 127.0.0.1.

#include <sys/resource.h>

#include <vector>

#include "tests/peer/hostile/hostile_fixture.hpp"

namespace weft::hostile {
namespace {

constexpr std::size_t kMany = 1000;
constexpr std::uint32_t kMost = 300;  // connections of one peer that have not connected
constexpr char kFloodFrom[] = "127.0.0.2";

class Flood : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  void SetUp() override {
    TargetOptions options;
    options.threads = 2;
    options.max_unconnected = kMost;
    serve(options);
  }
  [[nodiscard]] ConnectPlan flood_plan() const {
    ConnectPlan how = plan();
    how.from = kFloodFrom;
    return how;
  }
  // Those who are here are served, and those who come.
  void serves_others() {
    const auto data = letters(8192, 3);
    std::vector<std::byte> back(data.size());
    EXPECT_TRUE(other->write(ns, 0, data));
    EXPECT_TRUE(other->read(ns, 0, back));
    EXPECT_EQ(back, data);
    auto another = served->connect("?kato=0&hostnqn=nqn.2026-01.org.example:late");
    ASSERT_NE(another, nullptr);
    EXPECT_TRUE(another->read(ns, 0, back));
    EXPECT_EQ(back, data);
  }
  // Queue pairs of the flood that the target holds: at most as many as it is to.
  void is_bounded() { EXPECT_LE(served->target->counts().queue_pairs, kMost + 4); }
};

TEST_F(Flood, OfConnectionsWithoutIcReqIsBounded) {
  std::vector<RawSocket> peers;
  for (std::size_t i = 0; i < kMany; ++i) {
    peers.push_back(RawSocket::connect(served->port, kFloodFrom));
    ASSERT_TRUE(peers.back().open()) << i;
  }
  EXPECT_TRUE(peers.back().closed_by_peer());
  is_bounded();
  serves_others();
}

TEST_F(Flood, OfConnectionsWithoutConnectIsBounded) {
  std::vector<RawHost> peers(kMany);
  std::size_t answered = 0;
  for (RawHost& peer : peers) answered += peer.shake_hands(flood_plan()) ? 1U : 0U;
  EXPECT_EQ(answered, kMost);
  is_bounded();
  serves_others();
}

TEST_F(Flood, ThatEndsLeavesRoomForTheSamePeer) {
  {
    std::vector<RawSocket> peers;
    for (std::size_t i = 0; i < kMost + 10; ++i) peers.push_back(RawSocket::connect(served->port, kFloodFrom));
    EXPECT_TRUE(peers.back().closed_by_peer());
  }
  still_well();  // the target has seen that they left
  RawAssociation late = associate(flood_plan());
  EXPECT_TRUE(late.io.call(read_command(1, 0, 1)));
}

// Who has connected is not counted any more.
TEST_F(Flood, IsNotWhatConnectedHostsAreTakenFor) {
  std::vector<RawAssociation> hosts(kMost / 2 + 50);
  for (RawAssociation& host : hosts) ASSERT_TRUE(host.open(flood_plan()));
  EXPECT_GT(served->target->counts().queue_pairs, kMost);
}

TEST_F(Flood, OfPeersThatComeAndGoLeavesNothing) {
  for (std::size_t i = 0; i < kMany; ++i) {
    RawSocket peer = RawSocket::connect(served->port, kFloodFrom);
    ASSERT_TRUE(peer.open());
    if (i % 3 == 1) peer.send(RawPdu(kIcReq));
    if (i % 3 == 2) peer.send_part(RawPdu(kIcReq), 64);
    if (i % 100 == 0) serves_others();
  }
}

// Half of max_connections, dealt to two threads: what the control thread picks may connect or go at that moment.
class FloodOfFewPlaces : public Flood {
 protected:
  void SetUp() override {
    TargetOptions options;
    options.threads = 2;
    options.max_connections = kMost;
    serve(options);
  }
};

TEST_F(FloodOfFewPlaces, OfManyMachinesMakesRoomForOthers) {
  std::vector<RawSocket> peers;
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string from = "127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    peers.push_back(RawSocket::connect(served->port, from.c_str()));
    ASSERT_TRUE(peers.back().open()) << i;
    if (i % 3 == 0) peers[i / 2] = RawSocket();
    if (i % 100 == 0) serves_others();
  }
  serves_others();
  EXPECT_LE(served->target->counts().queue_pairs, kMost / 2 + 8);
}

}  // namespace
}  // namespace weft::hostile
