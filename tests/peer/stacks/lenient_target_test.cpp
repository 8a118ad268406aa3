// Targets that are careless where nothing is at stake (go-nvme's among them), and one that breaks the protocol on an I/O queue:
// what the real host takes, and what it says of the other.
#include <algorithm>
#include <cerrno>

#include "tests/peer/hostile/victim.hpp"
#include "tests/support/build_folders.hpp"

namespace weft::hostile {
namespace {

using At = Victim::Stage;

class LenientTarget : public testing::Test {
 protected:
  TransportRegistry registry_ = TransportRegistry(SearchPath{{plugin_folder()}});
};

// C2HData without LAST though it is the last, flags that mean nothing there, heads that no queue has.
TEST_F(LenientTarget, ReadsFromATargetThatMarksNothingAndCountsNothing) {
  for (const bool split : {false, true}) {
    Victim victim(registry_);
    victim.raw.connect_sqhd = victim.raw.sqhd = 32;  // the size of the admin queue
    victim.raw.response_flags = 0xfe;
    victim.connect("");
    ASSERT_NO_FATAL_FAILURE(victim.serve_up_to(At::kReading));
    const Bytes data(kLength, 0x5a);
    const std::uint32_t part = split ? kLength / 4 : kLength;
    for (std::uint32_t offset = 0; offset < kLength; offset += part) {
      RawPdu pdu(kC2hData, {}, Bytes(part, 0x5a));
      victim.raw.socket.send(
          pdu.transfer(victim.spot.cid, 0x7777, offset, part).u32(20, 0xa5a5a5a5).no_flag(kLast).flag(0xf0));
    }
    victim.raw.socket.send(victim.raw.response(victim.spot.cid, 0, 0, 32));
    const Completion read = victim.called.get();
    EXPECT_EQ(read.error, 0);
    EXPECT_TRUE(read.status.ok());
    EXPECT_EQ(read.moved, kLength);
    EXPECT_TRUE(std::ranges::all_of(victim.memory, [](std::byte byte) { return byte == std::byte{0x5a}; }));
  }
}

TEST_F(LenientTarget, WritesToATargetWhoseR2tsHaveReservedFlags) {
  Victim victim(registry_);
  victim.raw.response_flags = 0xfe;
  victim.connect("");
  ASSERT_NO_FATAL_FAILURE(victim.serve_up_to(At::kWriting));
  RawPdu r2t(kR2t);
  r2t.pdo = 0x18;
  victim.raw.socket.send(r2t.transfer(victim.spot.cid, kTag, 0, kLength).u32(20, 0xa5a5a5a5).flag(0xfe));
  std::uint32_t received = 0;
  while (received < kLength) {
    const auto data = victim.raw.socket.receive();
    ASSERT_TRUE(data && data->type() == kH2cData);
    received += data->u32(16);
  }
  victim.raw.respond(victim.spot.cid);
  const Completion written = victim.called.get();
  EXPECT_EQ(written.error, 0);
  EXPECT_EQ(written.moved, kLength);
}

// What integrity rests on is judged as ever: data that is not complete is none.
TEST_F(LenientTarget, DoesNotTakeLessDataThanWasAskedFor) {
  Victim victim(registry_);
  victim.connect("");
  ASSERT_NO_FATAL_FAILURE(victim.serve_up_to(At::kReading));
  victim.raw.socket.send(RawPdu(kC2hData, {}, Bytes(512)).transfer(victim.spot.cid, 0, 0, 512));
  const auto term = victim.raw.socket.receive();
  ASSERT_TRUE(term && term->type() == kH2cTermReq);
  EXPECT_EQ(term->fes(), 2);
  EXPECT_EQ(victim.called.get().error, -EPROTO);
}

// ---- The sentence

class IoQueueViolation : public LenientTarget {
 protected:
  void SetUp() override {
    auto connected = std::async(std::launch::async,
                                [&] { return BlockingHost::connect(registry_, raw_.url("&queues=1&timeout=20s")); });
    ASSERT_TRUE(raw_.take_ic_req());
    raw_.give_ic_resp();
    ASSERT_TRUE(raw_.serve_until_queues_are_asked_for());
    admin_ = std::move(raw_.socket);
    ASSERT_TRUE(raw_.take_ic_req());
    raw_.give_ic_resp();
    const auto command = raw_.command();
    ASSERT_TRUE(command);
    raw_.respond(cid_of(*command), 1, 0, 0xffff);
    auto made = connected.get();
    ASSERT_TRUE(made) << made.error().text;
    host_ = std::move(*made);
  }

  std::future<Status> read() {
    return std::async(std::launch::async, [this] { return host_->read(kNamespace, 0, memory_); });
  }

  static constexpr Namespace kNamespace{.nsid = 1, .blocks = 1024, .block_size = 512};
  RawController raw_;
  RawSocket admin_;                     // the controller's end of the admin queue
  std::unique_ptr<BlockingHost> host_;  // with one I/O queue
  std::vector<std::byte> memory_ = std::vector<std::byte>(16384);
};

TEST_F(IoQueueViolation, IsToldInThePluginsWordsWhileTheTargetStaysConnected) {
  auto reading = read();
  const auto command = raw_.command();
  ASSERT_TRUE(command);
  raw_.socket.send(RawPdu(kR2t).transfer(cid_of(*command), kTag, 0, 512));
  const auto begun = std::chrono::steady_clock::now();
  const Status outcome = reading.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, EPROTO);
  const std::string& text = outcome.error().text;
  EXPECT_NE(text.find("I/O queue 1 was closed: the controller sent an R2T for command"), std::string::npos) << text;
  EXPECT_NE(text.find("which is not a command that waits to send data"), std::string::npos) << text;
  EXPECT_EQ(text.find("does not fit"), std::string::npos) << text;
  const auto later = host_->flush(kNamespace);
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().text.find("the controller sent an R2T"), std::string::npos) << later.error().text;
}

TEST_F(IoQueueViolation, OfADataPduIsToldToo) {
  auto reading = read();
  const auto command = raw_.command();
  ASSERT_TRUE(command);
  raw_.socket.send(RawPdu(kC2hData, {}, Bytes(512)).transfer(cid_of(*command), 0, 512, 512).no_flag(kLast));
  const Status outcome = reading.get();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().text.find("bytes 512..1024, where byte 0 is the next"), std::string::npos)
      << outcome.error().text;
}

TEST_F(IoQueueViolation, IsToldOfAConnectionThatWasClosedToo) {
  auto reading = read();
  ASSERT_TRUE(raw_.command());
  raw_.socket.close();
  const Status outcome = reading.get();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().text.find("I/O queue 1 was closed"), std::string::npos) << outcome.error().text;
}

}  // namespace
}  // namespace weft::hostile
