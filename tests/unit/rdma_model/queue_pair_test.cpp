// Queues: capacities, the order of effects and of completions, what may overtake what.
#include <set>

#include "joined.hpp"
#include "support/rdma_model/queue_pair.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// `count` SENDs of a byte each from memory of ours; only the last is signalled.
struct Chain {
  Chain(Machine& machine, std::size_t count) : bytes(count), requests(count), pieces(count) {
    region = *machine.devices().front()->register_memory(bytes.data(), bytes.size(), IBV_ACCESS_LOCAL_WRITE);
    for (std::size_t i = 0; i < count; ++i) {
      pieces[i] = {reinterpret_cast<std::uintptr_t>(&bytes[i]), 1, region->lkey()};
      requests[i] = {};
      requests[i].wr_id = 1000 + i;
      requests[i].sg_list = &pieces[i];
      requests[i].num_sge = 1;
      requests[i].opcode = IBV_WR_SEND;
      if (i + 1 < count) requests[i].next = &requests[i + 1];
    }
    requests.back().send_flags = IBV_SEND_SIGNALED;
  }
  Bytes bytes;
  std::vector<ibv_send_wr> requests;
  std::vector<ibv_sge> pieces;
  std::unique_ptr<verbs::Region> region;
};

TEST(Queues, CompletionsOfUnsignalledRequestsAreNotToldAndGiveTheirSlotsBack) {
  Joined joined;
  joined.connect();
  ibv_send_wr* failed = nullptr;
  for (int i = 0; i < 300; ++i) {  // the queue has 1,024
    Chain chain(joined.host, 10);
    ASSERT_EQ(joined.h.pair().post_sends(chain.requests.front(), failed), 0) << i;
    joined.run_until([&] { return joined.h.done.size() == static_cast<std::size_t>(i + 1); });
    EXPECT_EQ(joined.h.done.back().wr_id, 1009u);
  }
  EXPECT_EQ(joined.host.record.counts.sends, 3000u);
}

TEST(Queues, APostBeyondTheCapacityIsRefusedFromThereOn) {
  Joined joined;
  joined.connect();
  Chain chain(joined.host, 1030);
  ibv_send_wr* failed = nullptr;
  EXPECT_EQ(joined.h.pair().post_sends(chain.requests.front(), failed), -ENOMEM);
  EXPECT_EQ(failed, &chain.requests[1024]);
  joined.settle();
  EXPECT_EQ(joined.c.received.size(), 1024u);
}

TEST(Queues, SlotsAreFreeOnlyWhenACompletionWasPolled) {
  Joined joined;
  joined.connect();
  Chain chain(joined.host, 1024), one(joined.host, 1);
  ibv_send_wr* failed = nullptr;
  ASSERT_EQ(joined.h.pair().post_sends(chain.requests.front(), failed), 0);
  joined.c.poll();
  while (joined.fabric.settle() != 0) joined.c.poll();
  EXPECT_EQ(joined.h.pair().post_sends(one.requests.front(), failed), -ENOMEM);
  joined.h.poll();
  EXPECT_EQ(joined.h.pair().post_sends(one.requests.front(), failed), 0);
}

TEST(Queues, ASendWithoutAReceiveWaitsAndIsCounted) {
  Joined joined;
  joined.c.receives = 1;
  joined.c.posts_again = false;
  joined.connect();
  joined.h.send(make_sqe(0, 1));
  joined.h.send(make_sqe(0, 2));
  joined.settle();
  EXPECT_FALSE(joined.fabric.pass_time()) << "retries without end";
  EXPECT_EQ(joined.c.received.size(), 1u);
  EXPECT_EQ(joined.host.record.counts.rnr, 1u);
  EXPECT_EQ(joined.controller.record.counts.fewest_receives, 0u);
  joined.c.post_receive();
  joined.settle();
  EXPECT_EQ(joined.c.received.size(), 2u);
}

TEST(Queues, RetriesThatAreBoundedEnd) {
  Joined joined;
  joined.c.receives = 1;
  joined.c.posts_again = false;
  joined.c.rnr_retries = 3;
  joined.connect();
  joined.h.send(make_sqe(0, 1));
  joined.h.send(make_sqe(0, 2));
  joined.settle();
  EXPECT_TRUE(joined.fabric.pass_time());
  joined.settle();
  EXPECT_EQ(joined.h.done.back().status, IBV_WC_RNR_RETRY_EXC_ERR);
}

TEST(Queues, AMessageThatIsTooLongForItsReceiveEndsBoth) {
  Joined joined;
  joined.connect();
  joined.h.send(Bytes(9000));
  joined.settle();
  EXPECT_EQ(joined.h.done.back().status, IBV_WC_REM_INV_REQ_ERR);
  EXPECT_EQ(joined.c.failed, 64u);
}

TEST(Queues, ASendNeverOvertakesTheWriteBeforeIt) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Joined joined({}, {}, seed);
    joined.connect();
    joined.c.write(Bytes(100, std::byte{9}), joined.h.address(), joined.h.rkey());
    joined.c.send(make_cqe(1));
    joined.run_until([&] { return !joined.h.received.empty(); });
    ASSERT_EQ(joined.h.data()[99], std::byte{9}) << seed;
  }
}

TEST(Queues, AReadMayBeAnsweredAfterLaterSendsAndCompletesInOrder) {
  std::set<bool> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Joined joined({}, {}, seed);
    joined.connect();
    joined.h.data()[0] = std::byte{5};
    joined.c.read(1, joined.h.address(), joined.h.rkey());
    joined.c.send(make_cqe(1));
    joined.run_until([&] { return !joined.h.received.empty(); });
    seen.insert(joined.c.data()[0] == std::byte{5});
    joined.run_until([&] { return joined.c.done.size() == 2; });
    ASSERT_EQ(joined.c.done[0].opcode, IBV_WC_RDMA_READ) << seed;
    ASSERT_EQ(joined.c.data()[0], std::byte{5}) << seed;
  }
  EXPECT_THAT(seen, ElementsAre(false, true));
}

TEST(Queues, AResponseMayComeBeforeTheSendHasCompleted) {
  std::set<bool> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Joined joined({}, {}, seed);
    joined.connect();
    joined.h.send(make_sqe(0, 1));
    joined.run_until([&] {
      if (!joined.c.received.empty()) {
        joined.c.received.clear();
        joined.c.send(make_cqe(1));
      }
      return !joined.h.received.empty();
    });
    seen.insert(joined.h.done.empty());
  }
  EXPECT_THAT(seen, ElementsAre(false, true));
}

TEST(Queues, MoreReadsThanThePeerAnswersAreAFault) {
  Joined joined;
  joined.h.reads_in = 2;
  joined.connect();
  for (int i = 0; i < 3; ++i) joined.c.read(1, joined.h.address(), joined.h.rkey());
  EXPECT_THAT(joined.controller.record.faults(), ElementsAre(HasSubstr("3 READs")));
  EXPECT_EQ(joined.controller.record.counts.most_reads, 3u);
}

TEST(Queues, AMessageLongerThanTheDeviceTakesFails) {
  Traits small;
  small.attributes.max_message = 4096;
  Joined joined({}, small);
  joined.connect();
  joined.c.write(Bytes(4097), joined.h.address(), joined.h.rkey());
  joined.settle();
  EXPECT_EQ(joined.c.done.back().status, IBV_WC_LOC_LEN_ERR);
}

TEST(Queues, WhatIsSentMustStayAsItIsUntilItHasCompleted) {
  Joined joined;
  joined.connect();
  joined.fabric.shuffled = false;
  Chain chain(joined.host, 1);
  ibv_send_wr* failed = nullptr;
  ASSERT_EQ(joined.h.pair().post_sends(chain.requests.front(), failed), 0);
  while (joined.host.record.counts.sends == 0) ASSERT_TRUE(joined.fabric.step());
  chain.bytes[0] = std::byte{1};
  joined.settle();
  EXPECT_THAT(joined.host.record.faults(), ElementsAre(HasSubstr("changed before")));
}

TEST(Queues, InlineBytesAreTakenWhenTheyArePosted) {
  Joined joined;
  joined.connect();
  auto& device = *joined.host.devices().front();
  auto channel = *device.make_completion_channel();
  Chain chain(joined.host, 1);
  chain.requests[0].send_flags |= IBV_SEND_INLINE;
  ibv_send_wr* failed = nullptr;
  EXPECT_EQ(joined.h.pair().post_sends(chain.requests.front(), failed), -EINVAL) << "none were asked for";
  EXPECT_THAT(joined.host.record.faults(), ElementsAre(HasSubstr("1 bytes inline")));
}

TEST(Queues, TheSameSeedIsTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    Joined joined({}, {}, seed);
    joined.connect();
    std::vector<std::size_t> trace;
    for (int i = 0; i < 20; ++i) joined.h.send(make_sqe(0, 1)), joined.c.send(make_cqe(1));
    for (int i = 0; i < 60; ++i) {
      joined.fabric.step();
      joined.poll();
      trace.push_back(joined.h.done.size() * 100 + joined.c.done.size());
    }
    return trace;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace weft::rdma::model
