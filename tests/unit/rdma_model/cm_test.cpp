// The connection manager: who hears what, in what order, and what the script does to it.
#include <poll.h>

#include <set>

#include "joined.hpp"
#include "support/rdma_model/addresses.hpp"
#include "support/rdma_model/cm.hpp"

namespace weft::rdma::model {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Cm, ConnectsAndTellsEachSideOfTheOther) {
  Joined joined;
  joined.h.private_data = RequestData{.qid = 3}.bytes();
  joined.h.reads_in = 5;
  joined.c.reads_out = 9;
  joined.connect();
  EXPECT_EQ(joined.c.said.size(), 56u) << "what InfiniBand leaves of a request's private data";
  EXPECT_EQ(joined.c.said[2], std::byte{3});
  EXPECT_EQ(joined.c.peer_reads_out, 5) << "READs that the controller may have outstanding";
  EXPECT_EQ(joined.h.said.size(), 196u);
  EXPECT_EQ(joined.h.peer_reads_in, 5) << "the controller took what the host offers";
  EXPECT_THAT(joined.h.events,
              ElementsAre(RDMA_CM_EVENT_ADDR_RESOLVED, RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ESTABLISHED));
}

TEST(Cm, ConnectsOverIpv6) {
  Joined joined;
  joined.c.listen("2001:db8::2", kPort);
  joined.h.connect("2001:db8::2", kPort);
  joined.run_until([&] { return joined.h.established; });
}

TEST(Cm, PrivateDataIsAsLongAsItWasWhereFieldsAreNotFixed) {
  Joined joined;
  joined.fabric.pads_private_data = false;
  joined.h.private_data = RequestData{}.bytes(20);
  joined.connect();
  EXPECT_EQ(joined.c.said.size(), 20u);
}

TEST(Cm, ARejectCarriesItsPrivateData) {
  Joined joined;
  joined.c.rejects = true;
  joined.c.listen(kControllerAddress, kPort);
  joined.c.private_data = answer_data(6, 0, 4);
  joined.h.connect(kControllerAddress, kPort);
  joined.run_until([&] { return joined.h.refused.has_value(); });
  EXPECT_EQ(joined.h.refused, kRejectByConsumer);
  EXPECT_EQ(joined.h.said[2], std::byte{6});
}

TEST(Cm, NobodyListensAndNobodyIsThere) {
  Joined joined;
  joined.h.connect(kControllerAddress, kPort);
  joined.run_until([&] { return joined.h.refused.has_value(); });
  EXPECT_EQ(joined.h.refused, kRejectNobodyListens);
  RawPeer other(joined.host);
  other.connect("192.0.2.99", kPort);
  joined.run_until([&] { return other.poll(), other.refused.has_value(); });
  EXPECT_THAT(other.events, ElementsAre(RDMA_CM_EVENT_ADDR_ERROR));
}

TEST(Cm, ARequestThatIsNotAnsweredIsUnreachableWithTime) {
  Joined joined;
  joined.c.accepts = false;
  joined.c.listen(kControllerAddress, kPort);
  joined.h.connect(kControllerAddress, kPort);
  joined.settle();
  EXPECT_TRUE(joined.c.asked);
  EXPECT_FALSE(joined.h.refused);
  EXPECT_TRUE(joined.fabric.pass_time());
  joined.settle();
  EXPECT_EQ(joined.h.refused, -ETIMEDOUT);
}

TEST(Cm, AReceiveMayCompleteBeforeEstablished) {
  Joined joined;
  joined.controller.script.hold(RDMA_CM_EVENT_ESTABLISHED);
  joined.c.listen(kControllerAddress, kPort);
  joined.h.connect(kControllerAddress, kPort);
  joined.run_until([&] { return joined.h.established; });
  joined.h.send(make_sqe(0, 1));
  joined.run_until([&] { return !joined.c.received.empty(); });
  EXPECT_FALSE(joined.c.established);
  joined.controller.script.release(RDMA_CM_EVENT_ESTABLISHED);
  joined.run_until([&] { return joined.c.established; });
}

TEST(Cm, AGoodbyeIsAnsweredAndTimeWaitEnds) {
  Joined joined;
  joined.connect();
  joined.h.disconnect();
  joined.run_until([&] { return joined.c.disconnected && joined.h.disconnected; });
  EXPECT_EQ(joined.h.events.back(), RDMA_CM_EVENT_DISCONNECTED);
  EXPECT_TRUE(joined.fabric.pass_time());
  joined.settle();
  EXPECT_EQ(joined.h.events.back(), RDMA_CM_EVENT_TIMEWAIT_EXIT);
  EXPECT_EQ(joined.c.events.back(), RDMA_CM_EVENT_TIMEWAIT_EXIT);
  EXPECT_FALSE(joined.fabric.pass_time());
}

TEST(Cm, BothMayLeaveAtOnce) {
  Joined joined;
  joined.connect();
  joined.h.disconnect();
  joined.c.disconnect();
  joined.settle();
  EXPECT_EQ(std::ranges::count(joined.h.events, RDMA_CM_EVENT_DISCONNECTED), 1);
  EXPECT_EQ(std::ranges::count(joined.c.events, RDMA_CM_EVENT_DISCONNECTED), 1);
}

TEST(Cm, AnIdThatGoesWithoutAWordIsMissed) {
  Joined joined;
  joined.connect();
  joined.h.leave();
  joined.run_until([&] { return joined.c.disconnected; });
}

TEST(Cm, EventsAreLostAndChanged) {
  Joined joined;
  joined.host.script.turn(RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ROUTE_ERROR, -EHOSTUNREACH);
  joined.connect();
  EXPECT_EQ(joined.h.refused, -EHOSTUNREACH);
  Joined other;
  other.controller.script.lose(RDMA_CM_EVENT_CONNECT_REQUEST);
  other.c.listen(kControllerAddress, kPort);
  other.h.connect(kControllerAddress, kPort);
  other.settle();
  EXPECT_FALSE(other.c.asked);
}

TEST(Cm, AnIdMovesToAnotherChannelWithItsEvents) {
  TwoMachines two;
  auto library = two.host.make_library();
  auto first = *library->make_cm_channel(), second = *library->make_cm_channel();
  auto id = *first->make_id();
  ASSERT_TRUE(id->resolve_address(nullptr, plain(address_of(kControllerAddress, kPort)), 1000));
  two.fabric.settle();
  pollfd fds[2] = {{first->fd(), POLLIN, 0}, {second->fd(), POLLIN, 0}};
  EXPECT_EQ(::poll(fds, 2, 0), 1);
  EXPECT_NE(fds[0].revents, 0);
  ASSERT_TRUE(id->migrate(*second));
  EXPECT_EQ(::poll(fds, 2, 0), 1);
  EXPECT_NE(fds[1].revents, 0);
  verbs::CmEvent event;
  EXPECT_FALSE(*first->next(event));
  ASSERT_TRUE(*second->next(event));
  EXPECT_EQ(event.id, id.get());
}

TEST(Cm, AListenerThatGoesRefusesThoseWhoWait) {
  Joined joined;
  joined.c.listen(kControllerAddress, kPort);
  joined.h.connect(kControllerAddress, kPort);
  joined.fabric.run_until([&] {
    joined.h.poll();
    return joined.h.has_pair();
  });
  joined.fabric.settle();
  joined.c.leave();
  joined.run_until([&] { return joined.h.refused.has_value(); });
  EXPECT_EQ(joined.controller.record.left(), "");
}

TEST(Cm, PortsAndAddressesAreWhatTheyAre) {
  TwoMachines two;
  auto library = two.host.make_library();
  auto channel = *library->make_cm_channel();
  auto first = *channel->make_id(), second = *channel->make_id(), third = *channel->make_id();
  ASSERT_TRUE(first->bind(plain(address_of("0.0.0.0", 0)), true));
  EXPECT_NE(port_of(first->local()), 0);
  EXPECT_EQ(first->device(), nullptr);
  EXPECT_EQ(second->bind(plain(first->local()), true).error().code, EADDRINUSE);
  EXPECT_EQ(second->bind(plain(address_of("192.0.2.77", 1)), true).error().code, EADDRNOTAVAIL);
  ASSERT_TRUE(third->bind(plain(address_of(kHostAddress, kPort)), true));
  EXPECT_EQ(third->device(), two.host.devices().front().get());
}

TEST(Cm, WhatIsDeletedTooEarlyIsAFault) {
  Joined joined;
  joined.connect();
  auto library = joined.host.make_library();
  auto channel = *library->make_cm_channel();
  auto id = *channel->make_id();
  channel.reset();
  EXPECT_THAT(joined.host.record.faults(), Contains(HasSubstr("before an id on it")));
}

}  // namespace
}  // namespace weft::rdma::model
