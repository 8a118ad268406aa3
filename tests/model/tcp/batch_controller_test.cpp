// What a controller takes in batches (plugins/tcp/controller_side_usual.cpp): the same as PDU by PDU, whatever the bytes
// say, wherever they are cut, and whatever the core does from inside an event.
#include <fmt/format.h>

#include "batch_streams.hpp"

namespace weft::test {
namespace {

constexpr std::uint32_t kDepth = 8;
constexpr std::uint32_t kInCapsuleLimit = 64;

// A controller that writes down what it is told and holds the commands, but for what `act` does inside their events.
struct HeldCommands {
  explicit HeldCommands(const weft_qpair_params& params = test::params(kDepth, false, kInCapsuleLimit),
                        const Options& options = {})
      : server(world, Where(peer.other_fd, options), params) {
    peer.send(ic_req());
    peer.expect(128);
    world.run_until([this] { return !server.queues.empty() && server.queues[0]->limits; }, "the handshake");
    queue().on_command = [this](std::uint64_t token) {
      write_down(token);
      if (act) act(token, told++);
    };
  }
  ControllerQueue& queue() { return *server.queues.at(0); }

  void write_down(std::uint64_t token) {
    const ControllerQueue::Command& command = queue().commands.at(token);
    lines.push_back(fmt::format("token {} flags {} length {} status {:#x} at {} sqe {} data {}", token,
                                command.told.flags, command.told.data_len, command.told.status,
                                command.told.error_offset, in_hex(command.sqe.data(), 64),
                                in_hex(command.data.data(), command.data.size())));
  }

  Lines end() {
    lines.push_back("sent " + sent_in_hex(peer.received()));
    peer.close();
    world.run_until([this] { return queue().closed.has_value(); }, "on_closed");
    const Closed& closed = *queue().closed;
    lines.push_back(
        fmt::format("closed {} {} {:#x} {} {}", closed.code, closed.origin, closed.detail, closed.stage, closed.text));
    return lines;
  }

  World world;
  RawPeer peer{world};
  Server server;
  Lines lines;
  int told = 0;
  std::function<void(std::uint64_t token, int nth)> act;
};

Lines held(const Bytes& stream, const Cuts& cuts) {
  HeldCommands controller;
  feed(controller.peer, stream, cuts);
  return controller.end();
}

Stream usual_commands() {
  const Bytes small = pattern(16, 1), odd = pattern(5, 2);
  Sqe far = make_sqe(kRead, 3, 77);
  store(far.data() + 24, le64(0x1122334455667788u));  // reserved in a transport descriptor
  return Stream()
      .add(capsule_pdu(make_sqe(kRead, 1), 4096))
      .add(capsule_pdu(make_sqe(kWrite, 2, 5), 16, &small))
      .add(capsule_pdu(make_sqe(kFlush, 7), 0))
      .add(capsule_pdu(far, 512))
      .add(capsule_pdu(make_sqe(kWrite, 4), 5, &odd));
}

// Of each: a batch has gone before it, and one would follow.
Stream between_others(const Bytes& pdu) {
  return Stream().add(capsule_pdu(make_sqe(kRead, 1), 4096)).add(pdu).add(capsule_pdu(make_sqe(kRead, 9), 8192));
}

TEST(BatchOfCommands, IsTheSameHoweverItIsCut) { expect_the_same_however_cut(usual_commands(), held); }

TEST(BatchOfCommands, DamagedCapsuleWithoutDataIsJudgedTheSame) {
  const Stream stream = between_others(capsule_pdu(make_sqe(kRead, 2), 4096));
  expect_the_same_when_damaged(stream, stream.starts[1], stream.starts[2], held);
}

TEST(BatchOfCommands, DamagedCapsuleWithDataIsJudgedTheSame) {
  const Bytes data = pattern(16, 3);
  const Stream stream = between_others(capsule_pdu(make_sqe(kWrite, 2), 16, &data));
  expect_the_same_when_damaged(stream, stream.starts[1], stream.starts[1] + 72, held);
}

TEST(BatchOfCommands, EveryOpcodeWithDataInTheCapsuleIsJudgedTheSame) {
  const Bytes data = pattern(16, 4);
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    const Stream stream = between_others(capsule_pdu(make_sqe(static_cast<std::uint8_t>(opcode), 2), 16, &data));
    ASSERT_EQ(held(stream.bytes, {}), held(stream.bytes, behind_first_bytes(stream))) << opcode;
  }
}

TEST(BatchOfCommands, LengthsThatDisagreeAreJudgedTheSame) {
  for (const std::uint32_t carried : {1u, 15u, 16u, 17u, 64u, 65u, 8192u, 8193u})
    for (const std::uint32_t named : {0u, 1u, 15u, 16u, 17u, 64u, 65u, 8192u, 8193u, 0xffffffffu}) {
      const Bytes data = pattern(carried, 5);
      const Stream stream = between_others(capsule_pdu(make_sqe(kWrite, 2), named, &data));
      ASSERT_EQ(held(stream.bytes, {}), held(stream.bytes, behind_first_bytes(stream))) << carried << " " << named;
    }
}

TEST(BatchOfCommands, DataBeforeTheQueueIsConfiguredHasTheLimitOfAdminQueues) {
  const Bytes data = pattern(9000, 6);
  const Stream stream = between_others(capsule_pdu(make_sqe(kWrite, 2), 9000, &data));
  const auto run = [](const Bytes& bytes, const Cuts& cuts) {
    HeldCommands controller(params(kDepth, false, 16384));
    feed(controller.peer, bytes, cuts);
    return controller.end();
  };
  const Lines whole = run(stream.bytes, {});
  EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
  EXPECT_EQ(whole.size(), 3u) << "the second capsule breaks a rule";
}

TEST(BatchOfCommands, OneMoreThanTheQueueHoldsIsAViolation) {
  Stream stream;
  for (std::uint16_t cid = 0; cid <= kDepth; ++cid) stream.add(capsule_pdu(make_sqe(kRead, cid), 4096));
  const Lines whole = held(stream.bytes, {});
  EXPECT_EQ(whole, held(stream.bytes, behind_first_bytes(stream)));
  EXPECT_EQ(whole.size(), kDepth + 2);
  EXPECT_NE(whole.back().find("unanswered"), std::string::npos) << whole.back();
}

// The queue is made smaller than what is outstanding: a token is free, but a command more is one too many.
TEST(BatchOfCommands, CountsWhatIsOutstandingAndNotTokens) {
  const auto run = [](const Bytes& bytes, const Cuts& cuts) {
    HeldCommands controller;
    controller.act = [&](std::uint64_t, int nth) {
      if (nth != 3) return;
      const weft_qpair_params less = params(2, false, kInCapsuleLimit);
      EXPECT_EQ(controller.queue().release(0), 0);
      EXPECT_EQ(controller.world.table.configure(controller.queue().handle, &less, nullptr), 0);
    };
    feed(controller.peer, bytes, cuts);
    return controller.end();
  };
  const Stream stream = usual_commands();
  const Lines whole = run(stream.bytes, {});
  EXPECT_EQ(whole.size(), 6u);
  EXPECT_NE(whole.back().find("unanswered"), std::string::npos) << whole.back();
  EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
}

TEST(BatchOfCommands, DataInACapsuleStaysWhereItLies) {
  HeldCommands controller;
  const Bytes first = pattern(16, 7), second = pattern(16, 8);
  feed(controller.peer, Stream().add(capsule_pdu(make_sqe(kWrite, 1), 16, &first)).bytes, {});
  feed(controller.peer, Stream().add(capsule_pdu(make_sqe(kWrite, 2), 16, &second)).bytes, {});
  for (const auto& [token, command] : controller.queue().commands)
    EXPECT_EQ(std::memcmp(command.told.capsule_data, command.data.data(), 16), 0) << token;
  controller.end();
}

// Answered commands that the core does not release: the queue has room, but there is no token.
TEST(BatchOfCommands, WaitsForATokenInTheMiddle) {
  const auto run = [](const Bytes& bytes, const Cuts& cuts) {
    HeldCommands controller;
    controller.act = [&](std::uint64_t token, int nth) {
      if (nth < static_cast<int>(kDepth)) {
        EXPECT_EQ(controller.queue().respond(token), 0);
      }
    };
    const std::size_t first = kDepth * 72;
    feed(controller.peer, Bytes(bytes.begin(), bytes.begin() + first), {});
    feed(controller.peer, Bytes(bytes.begin() + first, bytes.end()), cuts);
    EXPECT_EQ(controller.lines.size(), kDepth);
    for (std::uint64_t token = 0; token < kDepth; ++token) EXPECT_EQ(controller.queue().release(token), 0);
    controller.world.settle(6);
    EXPECT_EQ(controller.lines.size(), kDepth + 3);
    return controller.end();
  };
  Stream stream;
  for (std::uint16_t cid = 0; cid < kDepth + 3; ++cid) stream.add(capsule_pdu(make_sqe(kFlush, cid), 0));
  EXPECT_EQ(run(stream.bytes, {}), run(stream.bytes, {1, 73, 145}));
}

TEST(BatchOfCommands, EndsWhenTheCoreClosesInsideAnEvent) {
  for (const std::uint32_t flags : {0u, WEFT_CLOSE_FLUSH}) {
    const auto run = [flags](const Bytes& bytes, const Cuts& cuts) {
      HeldCommands controller;
      controller.act = [&](std::uint64_t, int nth) {
        if (nth == 2) controller.world.table.close(controller.queue().handle, flags, 0);
      };
      feed(controller.peer, bytes, cuts);
      return controller.end();
    };
    const Stream stream = usual_commands();
    const Lines whole = run(stream.bytes, {});
    EXPECT_EQ(whole.size(), 5u) << "three commands, what was sent, the end";
    EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
  }
}

// A command that is answered and released inside its event: its token is the next command's, its data is let go.
TEST(BatchOfCommands, GoesOnWhenTheCoreReleasesInsideAnEvent) {
  const auto run = [](const Bytes& bytes, const Cuts& cuts) {
    HeldCommands controller;
    controller.act = [&](std::uint64_t token, int nth) {
      if (nth % 2 == 0) {
        EXPECT_EQ(controller.queue().release(token), 0);
      }  // never answered: at once
    };
    feed(controller.peer, bytes, cuts);
    return controller.end();
  };
  const Stream stream = usual_commands();
  const Lines whole = run(stream.bytes, {});
  EXPECT_EQ(whole.size(), 7u);
  EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
}

TEST(BatchOfCommands, KnowsTheLimitsThatTheCoreConfiguresInsideAnEvent) {
  const auto run = [](const Bytes& bytes, const Cuts& cuts) {
    HeldCommands controller;
    controller.act = [&](std::uint64_t, int nth) {
      const weft_qpair_params less = params(kDepth, false, 8);
      if (nth == 0) {
        EXPECT_EQ(controller.world.table.configure(controller.queue().handle, &less, nullptr), 0);
      }
    };
    feed(controller.peer, bytes, cuts);
    return controller.end();
  };
  const Stream stream = usual_commands();
  const Lines whole = run(stream.bytes, {});
  EXPECT_NE(whole.at(1).find("status 0x4016"), std::string::npos) << whole.at(1);
  EXPECT_EQ(whole, run(stream.bytes, behind_first_bytes(stream)));
}

}  // namespace
}  // namespace weft::test
