// Connecting with peers that are played by hand: what is refused, with which status or in which words, by whom; what is
// taken; and what becomes of steps that take too long.
#include "queues.hpp"
#include "support/rdma_model/addresses.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

void play(World& world, RawPeer& peer) {
  world.each_turn.push_back([&peer] { peer.poll(); });
}

// ---- a host played by hand -----------------------------------------------------------------------------------------

struct Asked {
  const char* name;
  Bytes data;
  std::uint8_t reads_in = 16;
  int status = 0;  // 0: accepted
  bool pads = false;
};

const Asked kAsked[] = {
    {"Nothing", {}, 16, 1},
    {"OneByteTooFew", RequestData{}.bytes(31), 16, 1},
    {"Exactly", RequestData{}.bytes(32), 16, 0},
    {"Padded", RequestData{}.bytes(32), 16, 0, true},
    {"ZeroesOnly", Bytes(32), 16, 5},
    {"PaddedNothing", {}, 16, 5, true},
    {"OtherFormat", RequestData{.format = 1}.bytes(), 16, 2},
    {"FormatInTheOtherByteOrder", RequestData{.format = 0x0100}.bytes(), 16, 2},
    {"FormatBeforeSizes", RequestData{.format = 7, .host_receives = 0}.bytes(), 16, 2},
    {"NoReceives", RequestData{.host_receives = 0}.bytes(), 16, 5},
    {"NoSends", RequestData{.host_sends = 0}.bytes(), 16, 4},
    {"OneReceive", RequestData{.host_receives = 1}.bytes(), 16, 5},
    {"NoReads", RequestData{}.bytes(), 0, 7},
    {"LargestSizes", RequestData{.host_receives = 0xffff, .host_sends = 0xffff}.bytes(), 128, 0},
    {"IoQueue", RequestData{.qid = 0xffff, .cntlid = 0xffff}.bytes(), 1, 0},
    {"AllOnes", Bytes(56, std::byte{0xff}), 16, 2},
};

class AskedTest : public testing::TestWithParam<Asked> {};

TEST_P(AskedTest, IsAnsweredWithItsStatus) {
  World world;
  world.fabric.pads_private_data = GetParam().pads;
  Server server(world, params(32, true));
  RawPeer host(world.host);
  play(world, host);
  host.private_data = GetParam().data;
  host.reads_in = GetParam().reads_in;
  host.connect(kControllerAddress, kPort);
  world.forgives = true;  // the host is rude: it goes without a word
  world.run_until([&] { return host.refused || (host.established && server.only().limits); });
  if (GetParam().status == 0) {
    EXPECT_TRUE(host.established);
    EXPECT_LE(host.peer_reads_in, GetParam().reads_in);
    ASSERT_GE(host.said.size(), 4u);
    EXPECT_NE(load<le16>(host.said.data() + 2).value(), 0) << "CRQSIZE";
  } else {
    ASSERT_TRUE(host.refused);
    ASSERT_GE(host.said.size(), 4u);
    EXPECT_EQ(load<le16>(host.said.data()).value(), 0);
    EXPECT_EQ(load<le16>(host.said.data() + 2).value(), GetParam().status);
    EXPECT_TRUE(server.queues.empty());
  }
  EXPECT_THAT(world.controller.record.faults(), testing::IsEmpty());
  world.each_turn.clear();
}

INSTANTIATE_TEST_SUITE_P(Private, AskedTest, testing::ValuesIn(kAsked),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Pendings, ThatTheCoreRefusesAreToldWhy) {
  for (const auto& [reason, status] : {std::pair{WEFT_REJECT_RESOURCES, 6}, std::pair{WEFT_REJECT_PARAMETERS, 4}}) {
    World world;
    Server server(world, params(32, true));
    server.keep = true;
    RawPeer host(world.host);
    play(world, host);
    host.connect(kControllerAddress, kPort);
    world.run_until([&] { return !server.pendings.empty(); });
    world.table.reject(server.pendings.front(), reason);
    server.pendings.clear();
    world.run_until([&] { return host.refused.has_value(); });
    EXPECT_EQ(load<le16>(host.said.data() + 2).value(), status);
    world.each_turn.clear();
  }
}

// ---- a controller played by hand -----------------------------------------------------------------------------------

struct Answered {
  const char* name;
  bool accepts;
  Bytes data;
  int code;  // of on_closed; 0: connected
  const char* words;
  bool pads = false;
};

const Answered kAnswered[] = {
    {"Accepts", true, answer_data(32), 0, ""},
    {"AcceptsPadded", true, answer_data(32), 0, "", true},
    {"AcceptsWithoutData", true, {}, -EPROTO, "0 bytes of private data"},
    {"AcceptsWithTooLittle", true, answer_data(32, 0, 31), -EPROTO, "31 bytes of private data"},
    {"AcceptsInOtherFormat", true, answer_data(32, 1), -EPROTO, "format 1"},
    {"AcceptsWithoutReceives", true, answer_data(0), -EPROTO, "CRQSIZE 0"},
    {"AcceptsPaddedNothing", true, {}, -EPROTO, "CRQSIZE 0", true},
    {"RejectsLength", false, answer_data(1, 0, 4), -ECONNREFUSED, "status 1"},
    {"RejectsQid", false, answer_data(3, 0, 4), -ECONNREFUSED, "status 3"},
    {"RejectsForResources", false, answer_data(6, 0, 4), -ECONNREFUSED, "no resources left"},
    {"RejectsCntlid", false, answer_data(9, 0, 4), -ECONNREFUSED, "status 9"},
    {"RejectsUnknown", false, answer_data(0x7777, 0, 4), -ECONNREFUSED, "no reason that is known"},
    {"RejectsInOtherFormat", false, answer_data(6, 5, 4), -ECONNREFUSED, "gave no reason"},
    {"RejectsWithoutData", false, {}, -ECONNREFUSED, "gave no reason"},
    {"RejectsPadded", false, answer_data(6, 0, 4), -ECONNREFUSED, "no resources left", true},
};

class AnsweredTest : public testing::TestWithParam<Answered> {};

TEST_P(AnsweredTest, IsSaidInWords) {
  World world;
  world.forgives = true;
  world.time_passes = true;
  world.fabric.pads_private_data = GetParam().pads;
  RawPeer controller(world.controller);
  play(world, controller);
  controller.listen(kControllerAddress, kPort);
  controller.private_data = GetParam().data;
  controller.rejects = !GetParam().accepts;
  {
    HostQueue host(world, Where(), params(32, true));
    world.run_until([&] { return host.limits || host.closed; });
    EXPECT_EQ(host.closed ? host.closed->code : 0, GetParam().code);
    if (host.closed) {
      EXPECT_THAT(host.closed->text, HasSubstr(GetParam().words));
      EXPECT_EQ(host.closed->stage, "connect");
    }
    const Bytes& said = controller.said;
    ASSERT_GE(said.size(), 32u);
    EXPECT_EQ(load<le16>(said.data() + 6).value(), 31) << "HSQSIZE counts from 0";
    EXPECT_EQ(load<le16>(said.data() + 4).value(), 32) << "HRQSIZE from 1";
    EXPECT_EQ(controller.peer_reads_in, 0) << "a host reads nothing";
    EXPECT_GT(controller.peer_reads_out, 0);
  }
  EXPECT_THAT(world.host.record.faults(), testing::IsEmpty());
  world.each_turn.clear();
}

INSTANTIATE_TEST_SUITE_P(Private, AnsweredTest, testing::ValuesIn(kAnswered),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- steps ---------------------------------------------------------------------------------------------------------

struct Step {
  const char* name;
  rdma_cm_event_type event, into;
  int status;
  int code;
};

const Step kSteps[] = {
    {"NoDeviceReachesIt", RDMA_CM_EVENT_ADDR_RESOLVED, RDMA_CM_EVENT_ADDR_ERROR, -EHOSTUNREACH, -EHOSTUNREACH},
    {"NoRoute", RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ROUTE_ERROR, -ENETUNREACH, -ENETUNREACH},
    {"NoAnswer", RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_UNREACHABLE, -ETIMEDOUT, -ETIMEDOUT},
    {"BadAnswer", RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_CONNECT_ERROR, -ECONNREFUSED, -ECONNREFUSED},
    {"NobodyListens", RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_REJECTED, 8, -ECONNREFUSED},
    {"DeviceGoes", RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_DEVICE_REMOVAL, 0, -ENETUNREACH},
};

class StepTest : public testing::TestWithParam<Step> {};

TEST_P(StepTest, ThatFailsSaysSo) {
  World world;
  world.time_passes = true;
  world.forgives = true;
  Server server(world, params(32, true));
  world.host.script.turn(GetParam().event, GetParam().into, GetParam().status);
  HostQueue host(world, Where(), params(32, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, GetParam().code) << host.closed->text;
  EXPECT_THAT(host.closed->text, HasSubstr(kControllerAddress));
  EXPECT_FALSE(host.limits);
}

TEST_P(StepTest, ThatNeverEndsIsLeftAtItsDeadline) {
  World world;
  world.time_passes = true;
  world.forgives = true;
  Server server(world, params(32, true));
  world.host.script.lose(GetParam().event);
  world.host.script.hold(RDMA_CM_EVENT_UNREACHABLE);
  HostQueue host(world, Where(), params(32, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ETIMEDOUT) << host.closed->text;
  EXPECT_THAT(host.closed->text, HasSubstr(kControllerAddress));
}

INSTANTIATE_TEST_SUITE_P(Connect, StepTest, testing::ValuesIn(kSteps),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Connect, AStaleConnectionIsTriedAgain) {
  World world;
  world.time_passes = true;
  world.forgives = true;
  Server server(world, params(32, true));
  world.host.script.turn(RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_REJECTED, 10);
  world.host.script.turn(RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_REJECTED, 10);
  HostQueue host(world, Where(), params(32, true));
  world.run_until([&] { return host.limits || host.closed; });
  EXPECT_TRUE(host.limits) << host.closed->text;
  EXPECT_EQ(world.host.script.count(Call::kConnect), 3u);
}

TEST(Connect, AConnectionThatStaysStaleIsGivenUpInWords) {
  World world;
  world.time_passes = true;
  world.forgives = true;
  Server server(world, params(32, true));
  for (int i = 0; i < 20; ++i) world.host.script.turn(RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_REJECTED, 10);
  HostQueue host(world, Where(), params(32, true));
  world.run_until([&] { return host.limits || host.closed; });
  ASSERT_TRUE(host.closed);
  EXPECT_EQ(host.closed->code, -EADDRINUSE);
  EXPECT_THAT(host.closed->text, HasSubstr("still holds an old connection"));
  EXPECT_EQ(world.host.script.count(Call::kConnect), 9u);
}

TEST(Connect, NobodyListensAndNobodyIsThere) {
  World world;
  world.time_passes = true;
  HostQueue refused(world, Where(), params(32, true));
  world.run_until([&] { return refused.closed.has_value(); });
  EXPECT_EQ(refused.closed->code, -ECONNREFUSED);
  EXPECT_THAT(refused.closed->text, HasSubstr("nothing listens"));
  const Where nowhere("192.0.2.99");
  HostQueue lost(world, nowhere, params(32, true));
  world.run_until([&] { return lost.closed.has_value(); });
  EXPECT_EQ(lost.closed->code, -ETIMEDOUT);
  EXPECT_THAT(lost.closed->text, HasSubstr("192.0.2.99"));
}

sockaddr_in at(const std::string& host) {
  sockaddr_in address{};
  const sockaddr_storage storage = address_of(host, kPort);
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

TEST(Connect, AnAddressThatDoesNotAnswerDoesNotHoldUpTheNext) {
  World world;
  world.forgives = true;
  world.names["disk.example"] = {at(kControllerAddress), at(kControllerAddress)};
  world.controller.script.hold(RDMA_CM_EVENT_CONNECT_REQUEST);
  Server server(world, params(32, true));
  HostQueue host(world, Where("disk.example"), params(32, true));
  world.run_until([&] { return world.host.script.count(Call::kConnect) == 1; });
  world.settle();
  EXPECT_EQ(world.host.script.count(Call::kConnect), 1u);
  world.advance(250'000'000);
  world.run_until([&] { return world.host.script.count(Call::kConnect) == 2; });
  world.controller.script.release(RDMA_CM_EVENT_CONNECT_REQUEST);
  world.run_until([&] { return host.limits || host.closed; });
  ASSERT_TRUE(host.limits) << host.closed->text;
  host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return host.answered(1); });
  host.close();
  world.run_until([&] { return host.closed && server.all_over(); });
}

TEST(Connect, AddressesHaveTheirTurnUntilTheDeadlineAndItEndsOnce) {
  World world;
  world.forgives = true;
  world.names["disk.example"] = {at(kControllerAddress), at(kControllerAddress), at(kControllerAddress)};
  world.controller.script.hold(RDMA_CM_EVENT_CONNECT_REQUEST);
  Server server(world, params(32, true));
  weft_qpair_params with = params(32, true);
  with.deadline_ns = world.now + 3'000'000'000;
  HostQueue host(world, Where("disk.example"), with);
  for (int step = 0; step < 400 && !host.closed; ++step) {
    world.settle();
    world.advance(10'000'000);
  }
  ASSERT_TRUE(host.closed);
  EXPECT_EQ(host.closed->code, -ETIMEDOUT);
  EXPECT_GE(world.host.script.count(Call::kConnect), 4u) << "round and round";
  world.controller.script.release(RDMA_CM_EVENT_CONNECT_REQUEST);
  world.run_until([&] { return server.all_over(); });
}

TEST(Connect, AnAddressThatFailsIsNotTriedAgain) {
  World world;
  world.time_passes = true;
  world.names["disk.example"] = {at("192.0.2.99"), at(kControllerAddress)};
  Server server(world, params(32, true));
  HostQueue host(world, Where("disk.example"), params(32, true));
  world.run_until([&] { return host.limits || host.closed; });
  EXPECT_TRUE(host.limits) << host.closed->text;
  EXPECT_EQ(world.host.script.count(Call::kResolveAddress), 2u);
}

TEST(Connect, ASourceAddressThatNoDeviceHasIsNamed) {
  World world;
  Where where;
  where.from("192.0.2.55");
  HostQueue host(world, where, params(32, true));
  if (host.rc == 0) world.run_until([&] { return host.closed.has_value(); });
  const std::string text = host.rc != 0 ? host.error.text : host.closed->text;
  EXPECT_THAT(text, HasSubstr("192.0.2.55"));
  EXPECT_THAT(text, HasSubstr("model0 192.0.2.1"));
}

// Of 127.0.0.1 the connection manager says that it has a device, and only then that it has none.
TEST(Connect, ARouteThatNoDeviceHasIsSaidWithTheDevicesThatThereAre) {
  for (const Call call : {Call::kResolveAddress, Call::kResolveRoute}) {
    World world;
    world.host.script.fail(call, 1, ENODEV);
    HostQueue host(world, Where(), params(32, true));
    world.run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->code, -ENODEV);
    EXPECT_THAT(host.closed->text, HasSubstr("no RDMA device has a route to 192.0.2.2; devices: model0 192.0.2.1"));
  }
}

TEST(Connect, ACapsuleMayComeBeforeEstablished) {
  World world;
  world.controller.script.hold(RDMA_CM_EVENT_ESTABLISHED);
  Server server(world, params(32, true));
  HostQueue host(world, Where(), params(32, true));
  world.run_until([&] { return host.limits.has_value(); });
  host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return host.answered(1); });
  EXPECT_TRUE(server.only().limits);
  world.controller.script.release(RDMA_CM_EVENT_ESTABLISHED);
  world.settle();
  EXPECT_FALSE(server.only().closed);
}

TEST(Connect, CanBeGivenUpAtAnyMoment) {
  for (int turns = 0; turns < 30; ++turns) {
    SCOPED_TRACE(turns);
    World world({.seed = static_cast<std::uint64_t>(turns) + 1, .host = {}, .controller = {}});
    world.time_passes = true;
    world.forgives = true;
    Server server(world, params(32, true));
    HostQueue host(world, Where(), params(32, true));
    for (int i = 0; i < turns; ++i) world.turn();
    host.close();
    world.run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->code, 0) << host.closed->text;
    world.run_until([&] { return server.all_over(); });
  }
}

}  // namespace
}  // namespace weft::rdma::model
