// Hosts played by hand that break the rules, against the controller's role: each gets a status or is left, nothing of
// the controller's is touched, its device meets no fault of its own, and another host is served all the while.
#include <utility>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kInCapsule = 4096;
constexpr std::uint16_t kDepth = 8, kDescriptors = 16;
constexpr std::uint16_t kDnr = 0x4000;

struct BadHostTest : testing::Test {
  BadHostTest() : server(world, params(kDepth, false, kInCapsule, kDescriptors)), bad(world.host) {
    world.time_passes = true;
    world.forgives = true;  // of the host's machine; the controller's is looked at in TearDown
    world.each_turn.push_back([this] { bad.poll(); });
    bad.private_data = RequestData{.qid = 1, .host_receives = kDepth, .host_sends = kDepth - 1}.bytes();
  }
  void connect() {
    bad.connect(kControllerAddress, kPort);
    world.run_until([this] { return bad.established && !server.queues.empty() && server.only().limits; });
    before = server.only().memory.bytes;
  }
  void TearDown() override {
    EXPECT_THAT(own_faults(), testing::IsEmpty());
    serve_another();
    world.each_turn.clear();
    bad.leave();
  }
  // Of the controller's machine, but for what its peer's keys and memory were to blame for.
  std::vector<std::string> own_faults() {
    std::vector<std::string> own;
    for (const std::string& fault : world.controller.record.faults()) {
      const bool of_a_key =
          fault.starts_with("READ: ") || fault.starts_with("WRITE: ") || fault.starts_with("SEND with");
      if (!of_a_key) own.push_back(fault);
    }
    return own;
  }
  void serve_another() {
    HostQueue good(world, Where(), params(kDepth, false, kInCapsule));
    world.run_until([&] { return good.limits || good.closed; });
    Buffer buffer(world, world.host_domain, 8192, false);
    good.write(1, 65536, buffer, 8192);
    world.run_until([&] { return good.answered(1); });
    EXPECT_EQ(good.responses[1].error, 0);
  }
  // What the controller answers.
  int status_of(const Bytes& capsule) {
    bad.received.clear();
    EXPECT_EQ(bad.send(capsule), 0);
    world.run_until([this] { return !bad.received.empty() || server.only().closed; });
    if (bad.received.empty()) return -1;
    const Bytes& cqe = bad.received.front().bytes;
    EXPECT_EQ(cqe.size(), kCqeSize);
    EXPECT_EQ(load<le16>(cqe.data() + 12).value(), cid_of(capsule));
    return load<le16>(cqe.data() + 14).value() >> 1;
  }
  void expect_left(const char* words) {
    world.run_until([this] { return server.only().closed.has_value(); }, "the controller's on_closed");
    EXPECT_EQ(server.only().closed->origin, WEFT_ORIGIN_PROTOCOL) << server.only().closed->text;
    EXPECT_THAT(server.only().closed->text, HasSubstr(words));
    world.run_until([this] { return bad.disconnected; }, "the host hears of it");
  }
  World world;
  Server server;
  RawPeer bad;
  Bytes before;
};

// ---- commands that are refused, on a connection that lives on ------------------------------------------------------

struct Refused {
  const char* name;
  Bytes capsule;
  int status;
};

Bytes list_sqe(std::uint64_t offset, std::uint32_t length, std::size_t descriptors) {
  Bytes capsule = make_sqe(kWrite, 1);
  put_offset(capsule.data() + 24, offset, length, kLastSegment);
  for (std::size_t i = 0; i < descriptors; ++i) {
    capsule.resize(capsule.size() + 16);
    put_keyed(capsule.data() + capsule.size() - 16, 4096 * (i + 1), 512, 0x1234);
  }
  return capsule;
}

Bytes with_psdt(unsigned flags) {
  Bytes sqe = make_sqe(kFlush, 1);
  sqe[1] = static_cast<std::byte>(flags);
  return sqe;
}

constexpr int kInvalidField = 0x02 | kDnr, kSegmentInvalid = 0x0d | kDnr, kCountInvalid = 0x0e | kDnr,
              kLengthInvalid = 0x0f | kDnr, kTypeInvalid = 0x11 | kDnr, kOffsetInvalid = 0x16 | kDnr;

const Refused kRefused[] = {
    {"AddressThatWraps", keyed_sqe(kWrite, 1, UINT64_MAX - 100, 512, 1), kInvalidField},
    {"AddressThatWrapsByOne", keyed_sqe(kRead, 1, UINT64_MAX - 510, 512, 1), kInvalidField},
    {"UnknownSubtypeOfAKey", keyed_sqe(kWrite, 1, 4096, 512, 1, 0x43), kInvalidField},
    {"UnknownType", keyed_sqe(kWrite, 1, 4096, 512, 1, 0xa0), kTypeInvalid},
    {"PlainAddress", in_capsule_sqe(kWrite, 1, 4096, 512, {}), kOffsetInvalid},
    {"InCapsuleBeyondWhatWasSent", in_capsule_sqe(kWrite, 1, 0, 512, Bytes(511)), kLengthInvalid},
    {"InCapsuleBeyondWhatWasGranted", in_capsule_sqe(kWrite, 1, 0, kInCapsule + 1, Bytes(512)), kOffsetInvalid},
    {"InCapsuleOffsetBeyond", in_capsule_sqe(kWrite, 1, kInCapsule + 1, 1, Bytes(512)), kOffsetInvalid},
    {"InCapsuleOffsetThatWraps", in_capsule_sqe(kWrite, 1, UINT64_MAX - 3, 8, Bytes(512)), kOffsetInvalid},
    {"InCapsuleForDataToTheHost", in_capsule_sqe(kRead, 1, 0, 512, Bytes(512)), kInvalidField},
    {"ListOfNothing", list_sqe(0, 0, 0), kSegmentInvalid},
    {"ListOfHalfADescriptor", list_sqe(0, 24, 2), kSegmentInvalid},
    {"ListBeyondTheCapsule", list_sqe(0, 32, 1), kOffsetInvalid},
    {"ListWithAnOffsetThatWraps", list_sqe(UINT64_MAX - 15, 16, 1), kOffsetInvalid},
    {"ListOfTooMany", list_sqe(0, 16 * 17, 17), kCountInvalid},
    {"ListOfHugeLength", list_sqe(0, 0xfffffff0, 1), kCountInvalid},
    {"PrpInsteadOfSgl", with_psdt(0x00), kInvalidField},
    {"MetadataSgl", with_psdt(0xc0), kInvalidField},
};

struct RefusedTest : BadHostTest, testing::WithParamInterface<Refused> {};

TEST_P(RefusedTest, IsAnsweredAndTheQueueLivesOn) {
  connect();
  const auto& [name, capsule, status] = GetParam();
  EXPECT_EQ(status_of(capsule), status);
  EXPECT_EQ(world.controller.record.counts.reads + world.controller.record.counts.writes, 0u);
  EXPECT_TRUE(server.only().memory.bytes == before);
  EXPECT_EQ(status_of(make_sqe(kFlush, 2)), 0) << "the queue lives on";
}

INSTANTIATE_TEST_SUITE_P(Commands, RefusedTest, testing::ValuesIn(kRefused),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- connections that are left -------------------------------------------------------------------------------------

TEST_F(BadHostTest, ACapsuleTooShortForACommandEndsTheConnection) {
  connect();
  bad.send(Bytes(63));
  expect_left("63 bytes");
}

TEST_F(BadHostTest, AnEmptyCapsuleEndsTheConnection) {
  connect();
  bad.send({});
  expect_left("0 bytes");
}

TEST_F(BadHostTest, ACapsuleLargerThanAgreedEndsTheConnection) {
  connect();
  bad.send(in_capsule_sqe(kWrite, 1, 0, kInCapsule, Bytes(16384)));
  expect_left("larger than");
  EXPECT_TRUE(server.only().memory.bytes == before);
}

TEST_F(BadHostTest, MoreCommandsThanTheQueueHoldsWait) {
  connect();
  server.only().on_command = [](std::uint64_t) {};
  for (std::uint16_t cid = 0; cid <= kDepth; ++cid) bad.send(make_sqe(kFlush, cid));
  world.run_until([this] { return server.only().held == kDepth; });
  world.settle();
  EXPECT_EQ(server.only().held, kDepth);
  EXPECT_NE(world.host.record.counts.rnr, 0u) << "the one too many waits at our receive queue";
}

struct BadKey {
  const char* name;
  std::uint8_t opcode;
  std::uint32_t (*key)(RawPeer&);
  std::uint64_t (*address)(RawPeer&);
  std::uint32_t length;
  unsigned type;
};

std::uint32_t own_key(RawPeer& bad) { return bad.rkey(); }
std::uint32_t no_key(RawPeer&) { return 0xdeadbeef; }
std::uint64_t own_address(RawPeer& bad) { return bad.address(); }
std::uint64_t last_byte(RawPeer& bad) { return bad.address() + RawPeer::kDataSize - 1; }
std::uint64_t nowhere(RawPeer&) { return 0; }

const BadKey kBadKeys[] = {
    {"ReadsWithAKeyThatWasNeverGiven", kWrite, no_key, own_address, 4096, kKeyed},
    {"WritesWithAKeyThatWasNeverGiven", kRead, no_key, own_address, 4096, kKeyed},
    {"ReadsBeyondTheRegion", kWrite, own_key, last_byte, 4096, kKeyed},
    {"WritesBeyondTheRegion", kRead, own_key, last_byte, 4096, kKeyedInvalidate},
    {"ReadsAtNoAddress", kWrite, own_key, nowhere, 1u << 20, kKeyed},
    {"InvalidatesAKeyThatIsNoWindow", kRead, own_key, own_address, 4096, kKeyedInvalidate},
    {"MoreThanThereIs", kWrite, own_key, own_address, 0xffffff, kKeyed},
};

struct BadKeyTest : BadHostTest, testing::WithParamInterface<BadKey> {};

TEST_P(BadKeyTest, EndsThatConnectionAndNoOther) {
  connect();
  const BadKey& with = GetParam();
  bad.send(keyed_sqe(with.opcode, 1, with.address(bad), with.length, with.key(bad), with.type));
  world.run_until([this] { return server.only().closed || !bad.received.empty(); });
  if (!server.only().closed) {  // longer than the controller's memory: refused before the key is used
    EXPECT_NE(load<le16>(bad.received.front().bytes.data() + 14).value() >> 1, 0);
    return;
  }
  EXPECT_NE(server.only().closed->code, 0);
  EXPECT_FALSE(server.only().closed->text.empty());
  EXPECT_TRUE(server.only().memory.bytes == before);
}

INSTANTIATE_TEST_SUITE_P(Commands, BadKeyTest, testing::ValuesIn(kBadKeys),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(BadHostTest, WhoseKeyCannotBeInvalidatedLosesItsConnectionAndNoOtherHostItsInvalidations) {
  connect();
  bad.send(keyed_sqe(kRead, 1, bad.address(), 4096, bad.rkey(), kKeyedInvalidate));
  world.run_until([this] { return server.only().closed.has_value(); });
  HostQueue good(world, Where(), params(kDepth, false));
  world.run_until([&] { return good.limits || good.closed; });
  Buffer buffer(world, world.host_domain, 4096, true);
  const std::uint64_t invalidated = world.controller.record.counts.remote_invalidations;
  good.read(1, 0, buffer, 4096);
  world.run_until([&] { return good.answered(1); });
  EXPECT_EQ(good.responses[1].moved, 4096u);
  EXPECT_EQ(world.controller.record.counts.remote_invalidations, invalidated + 1);
}

// ---- hosts that do nothing, or go ----------------------------------------------------------------------------------

TEST_F(BadHostTest, WhoPostsNoReceivesKeepsNobodyElseWaitingAndIsClosedInTime) {
  bad.receives = 0;
  connect();
  bad.send(make_sqe(kFlush, 1));
  world.run_until([this] { return world.controller.record.counts.rnr != 0; });
  serve_another();
  EXPECT_FALSE(server.only().closed);
  server.only().close(WEFT_CLOSE_FLUSH, world.now + 1'000'000'000);
  world.run_until([this] { return server.only().closed.has_value(); }, "the end at the deadline");
}

TEST_F(BadHostTest, WhoIsTooSlowWithReceivesHasItsResponsesLater) {
  bad.receives = 1;
  bad.posts_again = false;
  connect();
  bad.send(make_sqe(kFlush, 1));
  bad.send(make_sqe(kFlush, 2));
  world.run_until([this] { return world.controller.record.counts.rnr != 0; });
  EXPECT_EQ(bad.received.size(), 1u);
  bad.post_receive();
  world.run_until([this] { return bad.received.size() == 2; });
}

TEST_F(BadHostTest, MayGoAtAnyMoment) {
  for (int turns = 0; turns < 60 && !HasFailure(); turns += 2) {
    SCOPED_TRACE(turns);
    RawPeer going(world.host);
    world.each_turn.push_back([&] { going.poll(); });
    going.connect(kControllerAddress, kPort);
    bool sent = false;
    for (int i = 0; i < turns; ++i) {
      world.turn();
      if (!going.established || std::exchange(sent, true)) continue;
      going.send(keyed_sqe(kRead, 1, going.address(), 65536, going.rkey()));
      going.send(keyed_sqe(kWrite, 2, going.address(), 65536, going.rkey()));
    }
    if (turns % 4 == 0) {
      going.leave();
    } else {
      going.disconnect();
    }
    world.run_until([this] { return server.all_over(); }, "the end of its queue pair");
    world.each_turn.pop_back();
    going.leave();
    world.run_until([this] { return server.all_over(); });
    world.settle();
  }
}

}  // namespace
}  // namespace weft::rdma::model
