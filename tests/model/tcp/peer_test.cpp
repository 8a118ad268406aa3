// A peer played by hand: violations and TermReqs, both roles.
#include "world.hpp"

namespace weft::test {
namespace {

Bytes capsule(std::uint16_t cid, std::uint8_t opcode, std::uint32_t length, std::uint32_t plen = 72) {
  Bytes pdu(72);
  pdu[0] = std::byte{4};
  pdu[2] = std::byte{72};
  store(pdu.data() + 4, le32(plen));
  const Sqe sqe = make_sqe(opcode, cid);
  std::copy(sqe.begin(), sqe.end(), pdu.begin() + 8);
  pdu[8 + 1] = std::byte{0x40};
  store(pdu.data() + 8 + 32, le32(length));
  pdu[8 + 39] = std::byte{0x5a};
  return pdu;
}

Bytes data_pdu(std::uint8_t type, std::uint8_t flags, std::uint16_t cid, std::uint16_t ttag, std::uint32_t offset,
               const Bytes& data) {
  Bytes pdu(24);
  pdu[0] = static_cast<std::byte>(type);
  pdu[1] = static_cast<std::byte>(flags);
  pdu[2] = std::byte{24};
  pdu[3] = std::byte{24};
  store(pdu.data() + 4, le32(static_cast<std::uint32_t>(24 + data.size())));
  store(pdu.data() + 8, le16(cid));
  store(pdu.data() + 10, le16(ttag));
  store(pdu.data() + 12, le32(offset));
  store(pdu.data() + 16, le32(static_cast<std::uint32_t>(data.size())));
  pdu.insert(pdu.end(), data.begin(), data.end());
  return pdu;
}

Bytes r2t(std::uint16_t cid, std::uint16_t ttag, std::uint32_t offset, std::uint32_t length) {
  Bytes pdu = data_pdu(9, 0, cid, ttag, offset, {});
  pdu[3] = std::byte{0};
  store(pdu.data() + 16, le32(length));
  return pdu;
}

Bytes response(std::uint16_t cid) {
  Bytes pdu(8);
  pdu[0] = std::byte{5};
  pdu[2] = std::byte{24};
  store(pdu.data() + 4, le32(24u));
  const Cqe cqe = make_cqe(cid);
  pdu.insert(pdu.end(), cqe.begin(), cqe.end());
  return pdu;
}

Bytes term_req(std::uint8_t type, std::uint16_t fes, std::uint32_t fei) {
  Bytes pdu(24);
  pdu[0] = static_cast<std::byte>(type);
  pdu[2] = std::byte{24};
  store(pdu.data() + 4, le32(24u));
  store(pdu.data() + 8, le16(fes));
  store(pdu.data() + 10, le32(fei));
  return pdu;
}

class AgainstController : public ::testing::Test {
 protected:
  void start(const Options& options = {}) {
    server.emplace(world, Where(peer.other_fd, options), params(8, true));
    peer.send(ic_req());
    peer.expect(128);
  }
  ControllerQueue& queue() { return *server->queues.at(0); }
  void expect_term(std::uint16_t fes, std::uint32_t fei) {
    const Bytes term = peer.expect(24);
    EXPECT_EQ(term[0], std::byte{3});
    EXPECT_EQ(load<le16>(term.data() + 8), fes);
    EXPECT_EQ(load<le32>(term.data() + 10), fei);
    peer.close();
    world.run_until([&] { return queue().closed.has_value(); });
    EXPECT_EQ(queue().closed->origin, WEFT_ORIGIN_PROTOCOL);
    EXPECT_EQ(queue().closed->detail, std::uint32_t{fes} << 16 | fei);
    EXPECT_EQ(queue().closed->code, -EPROTO);
  }
  World world;
  RawPeer peer{world};
  std::optional<Server> server;
};

TEST_F(AgainstController, AnUnknownPduTypeIsFes1At0) {
  start();
  peer.send(Bytes(8, std::byte{0x6f}));
  expect_term(1, 0);
}

TEST_F(AgainstController, DataForATagThatNeverWasIsFes1At10) {
  start();
  peer.send(data_pdu(6, 4, 1, 77, 0, Bytes(16)));
  expect_term(1, 10);
}

TEST_F(AgainstController, DataOutsideItsWindowIsFes4AndEndsTheDataCall) {
  start();
  peer.send(capsule(1, kWrite, 8192));
  const Bytes asked = peer.expect(24);
  const std::uint16_t ttag = load<le16>(asked.data() + 10);
  peer.send(data_pdu(6, 4, 1, ttag, 8192, Bytes(16)));
  expect_term(4, 0);
  EXPECT_EQ(queue().data.begin()->second.error, -EPROTO);
}

TEST_F(AgainstController, MoreThanMaxH2cDataIsFes5) {
  start({{"maxh2cdata", "4096"}});
  peer.send(capsule(1, kWrite, 8192));
  const Bytes asked = peer.expect(24);
  peer.send(data_pdu(6, 0, 1, load<le16>(asked.data() + 10), 0, Bytes(4100)));
  expect_term(5, 0);
}

TEST_F(AgainstController, InCapsuleDataBeyondTheLimitIsFes5) {
  start();
  Bytes pdu = capsule(1, kWrite, 9000, 72 + 9000);
  pdu[3] = std::byte{72};
  peer.send(pdu);
  expect_term(5, 0);
}

TEST_F(AgainstController, ABadSglCostsTheCommandAlone) {
  start();
  Bytes pdu = capsule(1, kWrite, 4096);
  pdu[8 + 39] = std::byte{0x40};
  peer.send(pdu);
  const Bytes answer = peer.expect(24);
  EXPECT_EQ(answer[0], std::byte{5});
  EXPECT_EQ(load<le16>(answer.data() + 8 + 14).value() >> 1, 0x4011);
  peer.send(capsule(2, kFlush, 0));
  peer.expect(24);
  EXPECT_FALSE(queue().closed);
}

TEST_F(AgainstController, EndsWithTheWordsOfATermReq) {
  start();
  queue().on_command = [](std::uint64_t) {};
  peer.send(capsule(1, kFlush, 0));
  peer.send(term_req(2, 3, 0x1234));
  world.run_until([&] { return queue().closed.has_value(); });
  EXPECT_EQ(queue().closed->origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(queue().closed->detail, 0x00031234u);
  EXPECT_EQ(queue().closed->code, -ECONNRESET);
  EXPECT_TRUE(peer.at_end());
}

TEST_F(AgainstController, ABadIcReqIsAnsweredAndNotReady) {
  server.emplace(world, Where(peer.other_fd), params(8, true));
  peer.send(ic_req(0, 32));
  expect_term(1, 10);
  EXPECT_FALSE(queue().limits);
  EXPECT_EQ(queue().closed->stage, "icreq");
}

TEST_F(AgainstController, AbandonedWindowsTakeTheirDataAndForgetIt) {
  start();
  peer.send(capsule(1, kWrite, 8192));
  Bytes into(8192);
  const Bytes asked = peer.expect(24);
  const std::uint64_t token = queue().order[0];
  world.table.cancel_data(queue().handle, token);
  world.settle();
  EXPECT_EQ(queue().data.begin()->second.error, -ECANCELED);
  EXPECT_EQ(queue().respond(token, 4), 0);
  EXPECT_EQ(queue().release(token), 0);
  peer.expect(24);
  peer.send(data_pdu(6, 4, 1, load<le16>(asked.data() + 10), 0, Bytes(8192)));
  peer.send(capsule(2, kFlush, 0));
  peer.expect(24);
  EXPECT_FALSE(queue().closed);
}

class AgainstHost : public ::testing::Test {
 protected:
  void SetUp() override {
    peer.expect(128);
    peer.send(ic_resp());
    world.run_until([&] { return host.limits.has_value(); });
  }
  void expect_term(std::uint16_t fes, std::uint32_t fei) {
    const Bytes term = peer.expect(24);
    EXPECT_EQ(term[0], std::byte{2});
    EXPECT_EQ(load<le16>(term.data() + 8), fes);
    EXPECT_EQ(load<le32>(term.data() + 10), fei);
    EXPECT_EQ(host.outstanding, 0) << "operations end at once";
    peer.close();
    world.run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->detail, std::uint32_t{fes} << 16 | fei);
  }
  World world;
  RawPeer peer{world};
  HostQueue host{world, Where(peer.other_fd), params(8, false)};
};

TEST_F(AgainstHost, AnR2tThatWrapsAroundIsFes4) {
  const Bytes data = pattern(8192, 1);
  ASSERT_EQ(host.send(make_sqe(kWrite, 1), &data), 0);
  const Bytes sent = peer.expect(72);
  EXPECT_EQ(sent[8 + 1], std::byte{0x40});
  EXPECT_EQ(sent[8 + 39], std::byte{0x5a});
  EXPECT_EQ(load<le32>(sent.data() + 8 + 32), 8192u);
  peer.send(r2t(1, 5, 0, 4096));
  EXPECT_EQ(peer.expect(24 + 4096)[0], std::byte{6});
  peer.send(r2t(1, 5, 4096, 0xfffff000u));
  expect_term(4, 0);
}

TEST_F(AgainstHost, AResponseToNothingIsAViolation) {
  peer.send(response(3));
  expect_term(1, 20);
}

TEST_F(AgainstHost, MoreR2tsThanOfferedAreFes5) {
  const Bytes data = pattern(3u << 20, 1);
  ASSERT_EQ(host.send(make_sqe(kWrite, 1), &data), 0);
  peer.expect(72);
  Bytes both = r2t(1, 5, 0, 1u << 20);
  const Bytes second = r2t(1, 6, 1u << 20, 1u << 20);
  both.insert(both.end(), second.begin(), second.end());
  peer.send(both);
  world.run_until([&] { return host.outstanding == 0; });
  peer.close();
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->detail >> 16, 5u);
}

TEST_F(AgainstHost, DataThatIsOutOfOrderIsFes2) {
  Bytes back(8192);
  ASSERT_EQ(host.send(make_sqe(kRead, 1), nullptr, &back), 0);
  peer.expect(72);
  peer.send(data_pdu(7, 0, 1, 0, 4, Bytes(8)));
  expect_term(2, 0);
}

TEST_F(AgainstHost, AResponseWhileDataIsHalfSentWaitsForTheRestOfThatPdu) {
  const Bytes data = pattern(4u << 20, 1);
  ASSERT_EQ(host.send(make_sqe(kWrite, 1), &data), 0);
  peer.expect(72);
  peer.send(r2t(1, 5, 0, 4u << 20));
  world.settle();  // the socket is full by now
  peer.send(response(1));
  world.settle();
  EXPECT_FALSE(host.answered(1)) << "the kernel was still to read the memory";
  int pdus = 0;
  for (; !host.answered(1) && pdus < 4; ++pdus) {
    EXPECT_EQ(peer.expect(24 + 131072)[0], std::byte{6});
    world.settle();
  }
  EXPECT_TRUE(host.answered(1));
  EXPECT_EQ(host.responses[1].error, 0);
  EXPECT_EQ(host.responses[1].moved, static_cast<std::uint64_t>(pdus) * 131072);
  ASSERT_EQ(host.send(make_sqe(kFlush, 2)), 0);
  const Bytes next = peer.expect(72);
  EXPECT_EQ(next[0], std::byte{4}) << "the rest of the data was not sent";
}

TEST_F(AgainstHost, EndsWithTheWordsOfATermReq) {
  ASSERT_EQ(host.send(make_sqe(kFlush, 1)), 0);
  peer.expect(72);
  peer.send(term_req(3, 1, 4));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->detail, 0x00010004u);
  EXPECT_EQ(host.closed->origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(host.responses[1].error, -ECONNRESET);
  EXPECT_FALSE(host.responses[1].cqe);
}

TEST_F(AgainstHost, ATermReqIsReadEvenWhenWritingFailed) {
  peer.send(term_req(3, 2, 0));
  peer.close();
  ASSERT_EQ(host.send(make_sqe(kFlush, 1)), 0);
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->detail, 0x00020000u) << host.closed->text;
}

}  // namespace
}  // namespace weft::test
