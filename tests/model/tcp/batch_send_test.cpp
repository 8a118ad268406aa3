// What goes out in batches (the side's add_usual(), sender.cpp): byte for byte what pdu_writer.hpp writes, in the order of
// the calls, however little the socket takes at a time.
#include <sys/socket.h>

#include "batch_streams.hpp"
#include "plugins/tcp/pdu_writer.hpp"

namespace weft::test {
namespace {

using tcp::CommandData;

constexpr std::uint32_t kLimit = 8192;  // of data in a capsule

template <class Write>
Bytes written(Write&& write, const Bytes* data = nullptr) {
  std::array<std::byte, tcp::kMaxHeaderSize> header;
  Bytes pdu(header.begin(), header.begin() + write(tcp::HeaderBuffer(header)));
  if (data != nullptr) pdu.insert(pdu.end(), data->begin(), data->end());
  return pdu;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

// A socket that takes so little that batches leave in parts.
void make_narrow(int fd) {
  const int least = 1;  // the kernel makes it a few KiB
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

class BatchSent : public ::testing::TestWithParam<bool> {};

TEST_P(BatchSent, CapsulesAreAsTheWriterHasThem) {
  World world;
  RawPeer peer(world);
  if (GetParam()) make_narrow(peer.other_fd);
  HostQueue host(world, Where(peer.other_fd), params(16, false, kLimit));
  peer.expect(128);
  peer.send(ic_resp());
  world.run_until([&] { return host.limits.has_value(); });
  Bytes expected;
  std::array<Bytes, 12> data;
  for (std::uint16_t cid = 0; cid < data.size(); ++cid) {
    static constexpr std::array<std::size_t, 6> kLengths{0, 1, 4095, 4096, 8192, 8193};
    const std::size_t length = kLengths[cid % 6];
    data[cid] = pattern(length, cid);
    Sqe sqe = make_sqe(length == 0 ? kFlush : kWrite, cid, cid * 7u);
    sqe[1] = std::byte{0xc1};                        // PSDT is the transport's to fill in, FUSE is not
    store(sqe.data() + 24, le64(~std::uint64_t{}));  // and so is SGL1
    store(sqe.data() + 32, le64(~std::uint64_t{}));
    ASSERT_EQ(host.send(sqe, length == 0 ? nullptr : &data[cid], nullptr, cid < 6 ? 1 : 2), 0);
    const bool inside = length <= kLimit && length != 0;
    append(expected, written(
                         [&](tcp::HeaderBuffer out) {
                           return tcp::write_capsule_cmd({}, out, sqe.data(),
                                                         inside ? CommandData::kInCapsule : CommandData::kTransport,
                                                         static_cast<std::uint32_t>(length));
                         },
                         inside ? &data[cid] : nullptr));
  }
  EXPECT_EQ(peer.expect(expected.size()), expected);
}

// Reads of one command each: answered with data and SUCCESS, with data and a response, and with a response alone.
struct Answering {
  explicit Answering(bool narrow) {
    if (narrow) make_narrow(peer.other_fd);
    server.emplace(world, Where(peer.other_fd), params(16, false));
    peer.send(ic_req());
    peer.expect(128);
    world.run_until([this] { return !server->queues.empty() && server->queues[0]->limits; });
    queue().on_command = [](std::uint64_t) {};
    queue().on_data = [](std::uint64_t) {};
    for (std::uint16_t cid = 0; cid < kCount; ++cid) {
      data[cid] = pattern(length(cid), cid);
      peer.send(capsule_pdu(make_sqe(kRead, cid), static_cast<std::uint32_t>(length(cid))));
    }
    world.run_until([this] { return queue().order.size() == kCount; });
  }
  static std::size_t length(std::uint16_t cid) {
    static constexpr std::array<std::size_t, 5> kLengths{1, 512, 4095, 4096, 20000};
    return kLengths[cid % 5];
  }
  // Every third each way; cookie: the CID.
  void answer(std::uint16_t cid) {
    const std::uint64_t token = queue().order[cid];
    const Cqe cqe = make_cqe(cid, 0, cid % 3 == 1 ? 99 : 0);
    if (cid % 3 == 2) {
      ASSERT_EQ(queue().respond(token, 0x4002), 0);
    } else {
      const std::uint32_t flags = cid % 3 == 0 ? WEFT_ALLOW_IMPLIED : 0;
      ASSERT_EQ(queue().send(token, 0, data[cid].data(), data[cid].size(), cid, &cqe, flags), 0);
    }
  }
  Bytes expected_of(std::uint16_t cid) {
    if (cid % 3 == 2) return response_pdu(make_cqe(cid, 0x4002));
    const bool folded = cid % 3 == 0;
    Bytes all = written(
        [&](tcp::HeaderBuffer out) {
          return tcp::write_c2h_data({}, out, cid, 0, static_cast<std::uint32_t>(length(cid)), true, folded);
        },
        &data[cid]);
    if (!folded) append(all, response_pdu(make_cqe(cid, 0, 99)));
    return all;
  }
  ControllerQueue& queue() { return *server->queues.at(0); }

  static constexpr std::uint16_t kCount = 15;
  World world;
  RawPeer peer{world};
  std::optional<Server> server;
  std::array<Bytes, kCount> data;
};

TEST_P(BatchSent, ReadsAndResponsesAreAsTheWriterHasThem) {
  Answering controller(GetParam());
  Bytes expected;
  for (std::uint16_t cid = 0; cid < Answering::kCount; ++cid) controller.answer(cid);
  for (std::uint16_t cid = 2; cid < Answering::kCount; cid += 3) append(expected, controller.expected_of(cid));
  for (std::uint16_t cid = 0; cid < Answering::kCount; ++cid)
    if (cid % 3 != 2) append(expected, controller.expected_of(cid));
  EXPECT_EQ(controller.peer.expect(expected.size()), expected);
  controller.world.settle();
  for (std::uint16_t cid = 0; cid < Answering::kCount; ++cid) {
    if (cid % 3 != 2) {
      const ControllerRecord::Data& told = controller.queue().data.at(cid);
      EXPECT_EQ(told.moved, Answering::length(cid));
      EXPECT_EQ(told.error, 0);
      EXPECT_EQ(told.flags,
                cid % 3 == 0 ? WEFT_RESPONSE_SENT | WEFT_RESPONSE_IMPLIED : std::uint32_t{WEFT_RESPONSE_SENT});
    }
    EXPECT_EQ(controller.queue().release(controller.queue().order[cid]), 0);
  }
}

// What has been decided on to its end goes its way; what is cancelled before leaves no byte.
TEST(BatchCancelled, ReadLeavesNothing) {
  Answering controller(false);
  for (std::uint16_t cid = 0; cid < Answering::kCount; ++cid) controller.answer(cid);
  controller.world.table.cancel_data(controller.queue().handle, controller.queue().order[3]);
  Bytes expected;
  for (std::uint16_t cid = 2; cid < Answering::kCount; cid += 3) append(expected, controller.expected_of(cid));
  for (std::uint16_t cid = 0; cid < Answering::kCount; ++cid)
    if (cid % 3 != 2 && cid != 3) append(expected, controller.expected_of(cid));
  EXPECT_EQ(controller.peer.expect(expected.size()), expected);
  controller.world.settle();
  EXPECT_EQ(controller.queue().data.at(3).error, -ECANCELED);
}

// A read that ends early, and one in two calls: LAST and SUCCESS only where the command's data ends.
TEST(BatchNotWhole, ReadsInPartsKeepTheirMarks) {
  Answering controller(false);
  ControllerQueue& queue = controller.queue();
  constexpr std::uint16_t kShort = 4, kTwice = 9;
  constexpr std::uint32_t kPart = 8000, kRest = 12000;
  const Cqe short_cqe = make_cqe(kShort), twice_cqe = make_cqe(kTwice);
  const std::byte *of_short = controller.data[kShort].data(), *of_twice = controller.data[kTwice].data();
  ASSERT_EQ(queue.send(queue.order[kShort], 0, of_short, kPart, 1, &short_cqe, WEFT_ALLOW_IMPLIED), 0);
  ASSERT_EQ(queue.send(queue.order[kTwice], 0, of_twice, kPart, 2), 0);
  ASSERT_EQ(queue.send(queue.order[kTwice], kPart, of_twice + kPart, kRest, 3, &twice_cqe, WEFT_ALLOW_IMPLIED), 0);
  const auto data_pdu = [](std::uint16_t cid, std::uint32_t offset, const std::byte* from, std::uint32_t length,
                           bool last) {
    const Bytes data(from, from + length);
    return written([&](tcp::HeaderBuffer out) { return tcp::write_c2h_data({}, out, cid, offset, length, last, last); },
                   &data);
  };
  Bytes expected = data_pdu(kShort, 0, of_short, kPart, false);
  append(expected, response_pdu(short_cqe));
  append(expected, data_pdu(kTwice, 0, of_twice, kPart, false));
  append(expected, data_pdu(kTwice, kPart, of_twice + kPart, kRest, true));
  EXPECT_EQ(controller.peer.expect(expected.size()), expected);
  controller.world.settle();
  EXPECT_EQ(queue.data.at(1).flags, std::uint32_t{WEFT_RESPONSE_SENT});
  EXPECT_EQ(queue.data.at(3).flags, WEFT_RESPONSE_SENT | WEFT_RESPONSE_IMPLIED);
}

INSTANTIATE_TEST_SUITE_P(Sockets, BatchSent, ::testing::Bool(),
                         [](const auto& made) { return made.param ? "Narrow" : "Wide"; });

}  // namespace
}  // namespace weft::test
