// What a host takes in batches (plugins/tcp/host_side_usual.cpp): the same as PDU by PDU, whatever the bytes say, wherever
// they are cut, and whatever the core does from inside an event.
#include <fmt/format.h>

#include "batch_streams.hpp"

namespace weft::test {
namespace {

constexpr std::uint8_t kLast = 4, kLastAndSuccess = 12;
constexpr std::size_t kReadBytes = 16;

// A host with reads 0 to 3, a flush 4, a write 5 with its data in the capsule and one that waits for an R2T, 6.
struct SentCommands {
  explicit SentCommands(bool in_order_of_pieces = false) : host(world, Where(peer.other_fd), params(8, false, 64)) {
    peer.expect(128);
    peer.send(ic_resp());
    world.run_until([this] { return host.limits.has_value(); }, "the handshake");
    const std::size_t pieces = in_order_of_pieces ? 3 : 1;
    for (std::uint16_t cid = 0; cid < 4; ++cid)
      EXPECT_EQ(host.send(make_sqe(kRead, cid), nullptr, &reads[cid], pieces), 0);
    EXPECT_EQ(host.send(make_sqe(kFlush, 4)), 0);
    EXPECT_EQ(host.send(make_sqe(kWrite, 5), &small), 0);
    EXPECT_EQ(host.send(make_sqe(kWrite, 6), &large), 0);
    peer.expect(7 * 72 + small.size());
    host.on_response = [this](std::uint16_t cid) {
      const HostRecord::Response& told = host.responses.at(cid);
      lines.push_back(fmt::format("cid {} error {} moved {} flags {} cqe {}", cid, told.error, told.moved, told.flags,
                                  told.cqe ? in_hex(told.cqe->data(), 16) : "none"));
      if (act) act(cid);
    };
  }

  Lines end() {
    for (const Bytes& read : reads) lines.push_back("read " + in_hex(read.data(), read.size()));
    lines.push_back("sent " + sent_in_hex(peer.received()));
    peer.close();
    world.run_until([this] { return host.closed.has_value(); }, "on_closed");
    const Closed& closed = *host.closed;
    lines.push_back(
        fmt::format("closed {} {} {:#x} {} {}", closed.code, closed.origin, closed.detail, closed.stage, closed.text));
    return lines;
  }

  World world;
  RawPeer peer{world};
  Bytes small = pattern(32, 1), large = pattern(100, 2);
  std::array<Bytes, 4> reads{Bytes(kReadBytes), Bytes(kReadBytes), Bytes(kReadBytes), Bytes(kReadBytes)};
  HostQueue host;
  Lines lines;
  std::function<void(std::uint16_t)> act;
};

Lines told(const Bytes& stream, const Cuts& cuts) {
  SentCommands host;
  feed(host.peer, stream, cuts);
  return host.end();
}

Bytes read_data(std::uint32_t seed, std::size_t length = kReadBytes) { return pattern(length, seed); }

Stream usual_answers() {
  return Stream()
      .add(c2h_pdu(0, kLastAndSuccess, 0, read_data(10)))
      .add(response_pdu(make_cqe(4)))
      .add(c2h_pdu(2, kLast, 0, read_data(12)))
      .add(c2h_pdu(1, kLastAndSuccess, 0, read_data(11)))
      .add(response_pdu(make_cqe(2)))
      .add(response_pdu(make_cqe(5, 0x4002, 99)));
}

Stream among_others(const Bytes& pdu) {
  return Stream()
      .add(c2h_pdu(0, kLastAndSuccess, 0, read_data(10)))
      .add(pdu)
      .add(c2h_pdu(1, kLastAndSuccess, 0, read_data(11)));
}

void expect_judged_the_same(const Stream& stream) {
  ASSERT_EQ(told(stream.bytes, {}), told(stream.bytes, behind_first_bytes(stream)));
}

TEST(BatchOfAnswers, IsTheSameHoweverItIsCut) { expect_the_same_however_cut(usual_answers(), told); }

TEST(BatchOfAnswers, ReachesMemoryInPieces) {
  const auto run = [](const Bytes& stream, const Cuts& cuts) {
    SentCommands host(true);
    feed(host.peer, stream, cuts);
    return host.end();
  };
  const Stream stream = usual_answers();
  const Lines whole = run(stream.bytes, {});
  EXPECT_EQ(whole, told(stream.bytes, {}));
  EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
}

TEST(BatchOfAnswers, DamagedDataIsJudgedTheSame) {
  const Stream stream = among_others(c2h_pdu(2, kLastAndSuccess, 0, read_data(12)));
  expect_the_same_when_damaged(stream, stream.starts[1], stream.starts[1] + 24, told);
}

TEST(BatchOfAnswers, DamagedDataWithAResponseToComeIsJudgedTheSame) {
  Stream stream = among_others(c2h_pdu(2, kLast, 0, read_data(12)));
  stream.add(response_pdu(make_cqe(2)));
  expect_the_same_when_damaged(stream, stream.starts[1], stream.starts[1] + 24, told);
}

TEST(BatchOfAnswers, DamagedResponseIsJudgedTheSame) {
  const Stream stream = among_others(response_pdu(make_cqe(4)));
  expect_the_same_when_damaged(stream, stream.starts[1], stream.starts[2], told);
}

// Data for a command of another kind, for one that is over, twice, in parts, too little and too much.
TEST(BatchOfAnswers, DataThatIsNotAWholeReadIsJudgedTheSame) {
  for (std::uint16_t cid = 0; cid < 9; ++cid)
    for (const std::uint8_t flags : std::array<std::uint8_t, 4>{0, 4, 8, 12})
      for (const std::size_t length : {0u, 8u, 15u, 16u, 17u, 32u}) {
        SCOPED_TRACE(fmt::format("cid {} flags {} length {}", cid, flags, length));
        ASSERT_NO_FATAL_FAILURE(expect_judged_the_same(among_others(c2h_pdu(cid, flags, 0, read_data(13, length)))));
      }
  Stream twice = among_others(c2h_pdu(2, kLast, 0, read_data(12)));
  expect_judged_the_same(twice.add(c2h_pdu(2, kLastAndSuccess, 0, read_data(12))));
  Stream parts = among_others(c2h_pdu(2, 0, 0, read_data(12, 8)));
  expect_judged_the_same(parts.add(c2h_pdu(2, kLastAndSuccess, 8, read_data(13, 8))));
  Stream again = among_others(c2h_pdu(2, 0, 0, read_data(12, 8)));
  expect_judged_the_same(again.add(c2h_pdu(2, kLastAndSuccess, 0, read_data(13))));
}

TEST(BatchOfAnswers, AResponseOfAnyCidIsJudgedTheSame) {
  for (std::uint16_t cid = 0; cid < 9; ++cid) {
    SCOPED_TRACE(cid);
    ASSERT_NO_FATAL_FAILURE(expect_judged_the_same(among_others(response_pdu(make_cqe(cid)))));
  }
}

TEST(BatchOfAnswers, EndsWhenTheCoreClosesInsideAnEvent) {
  for (const std::uint32_t flags : {0u, WEFT_CLOSE_FLUSH})
    for (const std::uint16_t last : std::array<std::uint16_t, 3>{0, 4, 1}) {
      const auto run = [&](const Bytes& stream, const Cuts& cuts) {
        SentCommands host;
        host.act = [&](std::uint16_t cid) {
          if (cid == last) host.world.table.close(host.host.handle, flags, 0);
        };
        feed(host.peer, stream, cuts);
        return host.end();
      };
      const Stream stream = usual_answers();
      EXPECT_EQ(run(stream.bytes, {}), run(stream.bytes, behind_first_bytes(stream))) << flags << " " << last;
    }
}

// The CID is the next command's at once; its answer, when one lies in the same batch, is for a command that was not sent.
TEST(BatchOfAnswers, ANewCommandInsideAnEventIsNotAnsweredByWhatLiesThere) {
  const auto run = [](const Bytes& stream, const Cuts& cuts) {
    SentCommands host;
    Bytes later(kReadBytes);
    host.act = [&](std::uint16_t cid) {
      if (cid == 4) {
        EXPECT_EQ(host.host.send(make_sqe(kRead, 0), nullptr, &later), 0);
      }
      host.act = nullptr;
    };
    feed(host.peer, stream, cuts);
    Lines lines = host.end();
    lines.push_back(in_hex(later.data(), later.size()));
    return lines;
  };
  const Stream stream = Stream()
                            .add(c2h_pdu(0, kLastAndSuccess, 0, read_data(10)))
                            .add(response_pdu(make_cqe(4)))
                            .add(c2h_pdu(0, kLastAndSuccess, 0, read_data(14)));
  const Lines whole = run(stream.bytes, {});
  EXPECT_NE(whole.at(whole.size() - 2).find("waits to receive data"), std::string::npos) << whole.at(whole.size() - 2);
}

}  // namespace
}  // namespace weft::test
