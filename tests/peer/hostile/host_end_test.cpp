// Controllers that go away: with a TermReq, in the middle of a PDU, or by saying nothing any more. The host's calls end in an
// error and in time, in every state.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/peer/hostile/victim.hpp"
#include "tests/support/build_folders.hpp"

namespace weft::hostile {
namespace {

using At = Victim::Stage;
constexpr At kAll[] = {At::kHello, At::kConnecting, At::kIdle, At::kWriting, At::kReading};

class HostEnd : public testing::Test {
 protected:
  static void go_to(Victim& victim, At at, const std::string& options = "", const std::string& timeout = "20s") {
    victim.connect(options, timeout);
    victim.serve_up_to(at);
  }
  static int outcome(Victim& victim) {
    if (!victim.connected.valid()) return -victim.called.get().error;
    const auto connected = victim.connected.get();
    return connected ? 0 : connected.error().code;
  }
  // What the controller would have to send now.
  static Bytes due(const Victim& victim, At at) {
    const std::uint16_t cid = victim.spot.cid;
    switch (at) {
      case At::kHello:
        return RawPdu(kIcResp).bytes();
      case At::kWriting:
        return RawPdu(kR2t).transfer(cid, kTag, 0, kLength).bytes();
      case At::kReading:
        return RawPdu(kC2hData, {}, Bytes(kLength)).u16(8, cid).bytes();
      default:
        return victim.raw.response(cid, 1, 0, 0xffff).bytes();
    }
  }

  TransportRegistry registry_ = TransportRegistry(SearchPath{{plugin_folder()}});
};

TEST_F(HostEnd, ByTermReqAtEveryStateIsAnErrorAndIsNotAnswered) {
  for (const At at : kAll) {
    SCOPED_TRACE(static_cast<int>(at));
    Victim victim(registry_);
    ASSERT_NO_FATAL_FAILURE(go_to(victim, at));
    victim.raw.socket.send(RawPdu(kC2hTermReq).u16(8, 1));
    EXPECT_FALSE(victim.raw.socket.receive());
    if (at != At::kIdle) {
      EXPECT_EQ(outcome(victim), ECONNRESET);
    }
  }
}

TEST_F(HostEnd, InTheMiddleOfAPduIsAnError) {
  for (const At at : {At::kHello, At::kConnecting, At::kWriting, At::kReading}) {
    for (const std::size_t cut : {1U, 7U, 8U, 23U}) {
      SCOPED_TRACE(fmt::format("state {}, {} bytes", static_cast<int>(at), cut));
      Victim victim(registry_);
      ASSERT_NO_FATAL_FAILURE(go_to(victim, at));
      victim.raw.socket.send(std::span<const std::uint8_t>(due(victim, at)).first(cut));
      victim.raw.socket.close();
      EXPECT_EQ(outcome(victim), ECONNRESET);
    }
  }
}

TEST_F(HostEnd, InTheMiddleOfDataIsAnError) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, At::kReading));
  victim.raw.socket.send(std::span<const std::uint8_t>(due(victim, At::kReading)).first(5000));
  victim.raw.socket.close();
  EXPECT_EQ(outcome(victim), ECONNRESET);
}

TEST_F(HostEnd, InTheMiddleOfATermReqIsAnError) {
  const Bytes term_req = RawPdu(kC2hTermReq).u16(8, 1).bytes();
  for (const At at : {At::kHello, At::kConnecting, At::kWriting, At::kReading}) {
    for (const std::size_t cut : {1U, 8U, 23U}) {
      SCOPED_TRACE(fmt::format("state {}, {} bytes", static_cast<int>(at), cut));
      Victim victim(registry_);
      ASSERT_NO_FATAL_FAILURE(go_to(victim, at));
      victim.raw.socket.send(std::span(term_req).first(cut));
      victim.raw.socket.close();
      EXPECT_EQ(outcome(victim), ECONNRESET);
    }
  }
}

// Each byte comes well within the deadline; the PDU does not.
TEST_F(HostEnd, OneByteAtATimeIsATimeOut) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, At::kReading, "&pdu_timeout=300ms"));
  for (const std::uint8_t byte : due(victim, At::kReading)) {
    if (!victim.raw.socket.send(std::span(&byte, 1)) || !victim.raw.socket.quiet(std::chrono::milliseconds(25))) break;
  }
  EXPECT_EQ(outcome(victim), ETIMEDOUT);
}

// Each PDU is whole, and soon followed by the next one; the command does not end.
TEST_F(HostEnd, ByDataThatDribblesIsATimeOut) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, At::kReading, "", "1s"));
  for (std::uint32_t offset = 0; offset < kLength - 4; offset += 4) {
    RawPdu part(kC2hData, {}, Bytes(4));
    part.u16(8, victim.spot.cid).u32(12, offset).no_flag(kLast);
    if (!victim.raw.socket.send(part) || !victim.raw.socket.quiet(std::chrono::milliseconds(25))) break;
  }
  EXPECT_EQ(outcome(victim), ETIMEDOUT);
}

TEST_F(HostEnd, ByR2tsThatDribbleIsATimeOut) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, At::kWriting, "", "1s"));
  for (std::uint32_t offset = 0; offset < kLength - 4; offset += 4) {
    victim.raw.socket.send(RawPdu(kR2t).transfer(victim.spot.cid, kTag, offset, 4));
    const auto data = victim.raw.socket.receive();
    if (!data || data->type() != kH2cData || !victim.raw.socket.quiet(std::chrono::milliseconds(25))) break;
  }
  EXPECT_EQ(outcome(victim), ETIMEDOUT);
}

TEST_F(HostEnd, InSilenceIsATimeOut) {
  for (const At at : {At::kHello, At::kConnecting, At::kWriting, At::kReading}) {
    SCOPED_TRACE(static_cast<int>(at));
    Victim victim(registry_);
    ASSERT_NO_FATAL_FAILURE(go_to(victim, at, "&handshake_timeout=400ms", "1s"));
    EXPECT_EQ(outcome(victim), ETIMEDOUT);
  }
}

TEST_F(HostEnd, InSilenceInTheMiddleOfAPduIsATimeOut) {
  Victim victim(registry_);
  ASSERT_NO_FATAL_FAILURE(go_to(victim, At::kReading, "&pdu_timeout=300ms"));
  victim.raw.socket.send(std::span<const std::uint8_t>(due(victim, At::kReading)).first(5000));
  EXPECT_EQ(outcome(victim), ETIMEDOUT);
}

TEST_F(HostEnd, ByASuccessWithoutTheDataIsAnError) {
  Victim victim(registry_);
  victim.connect("");
  ASSERT_TRUE(victim.raw.take_ic_req());
  victim.raw.give_ic_resp();
  victim.raw.withholds_data = true;
  ASSERT_TRUE(victim.raw.serve_until_identified());
  EXPECT_NE(outcome(victim), 0);
}

}  // namespace
}  // namespace weft::hostile
