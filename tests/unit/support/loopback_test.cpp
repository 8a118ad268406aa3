// The loopback transport keeps the contract that tests of the core lean on, and notices who breaks it.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback_transport.hpp"
#include "support/qpair_log.hpp"

namespace weft::test {
namespace {

const weft_transport& loop() { return *loopback_transport(); }

std::uint64_t g_now = 1000;

class LoopbackTest : public testing::Test {
 protected:
  LoopbackTest() {
    EXPECT_EQ(loop().domain_open(&services_, nullptr, 0, &domain_, nullptr), 0);
    EXPECT_EQ(loop().group_open(domain_, &host_group_, nullptr), 0);
    EXPECT_EQ(loop().group_open(domain_, &controller_group_, nullptr), 0);
    EXPECT_EQ(loop().listen(controller_group_, &address_, &listener_events_, this, &listener_, nullptr), 0);
  }
  ~LoopbackTest() override {
    loop().unlisten(listener_);
    turn();
    loop().group_close(host_group_);
    loop().group_close(controller_group_);
    loop().domain_close(domain_);
  }

  // Both groups, until nothing happens any more.
  void turn() {
    int events = 0;
    do {
      loop().group_flush(host_group_);
      loop().group_flush(controller_group_);
      events = loop().group_poll(host_group_, 0) + loop().group_poll(controller_group_, 0);
    } while (events > 0);
  }
  void start_connect() {
    ASSERT_EQ(loop().connect(host_group_, &address_, &params_, QpairLog::events(), &host_side_, &host_, nullptr), 0);
    turn();
  }
  void connect() {
    start_connect();
    accept();
    turn();
    host_side_.log.clear();
    controller_side_.log.clear();
  }
  void accept() {
    ASSERT_NE(pending_, nullptr);
    ASSERT_EQ(loop().accept(controller_group_, pending_, &params_, QpairLog::events(), &controller_side_, &controller_,
                            nullptr),
              0);
  }
  void close_host() {
    loop().close(host_, 0, 0);
    turn();
  }
  int send(std::uint16_t cid, Bytes& data, std::uint32_t direction) {
    const weft_iov iov = iov_of(data);
    return loop().send_command(host_, sqe(cid).data(), &iov, 1, direction);
  }
  // A command from the host that the controller has now; without data.
  std::uint64_t start_command(std::uint16_t cid) {
    EXPECT_EQ(loop().send_command(host_, sqe(cid).data(), nullptr, 0, 0), 0);
    turn();
    return controller_side_.command.token;
  }
  void answer(std::uint64_t token, std::uint16_t cid) {
    EXPECT_EQ(loop().send_response(controller_, token, cqe(cid).data(), 0), 0);
    EXPECT_EQ(loop().release_command(controller_, token), 0);
    turn();
  }

  static void on_connect(void* ctx, weft_pending* pending, const weft_connect_info*) {
    static_cast<LoopbackTest*>(ctx)->pending_ = pending;
  }

  LoopbackGuard guard_;
  weft_listener_events listener_events_{sizeof(weft_listener_events), 0, &on_connect, [](void*, const weft_error*) {}};
  weft_services services_{sizeof(weft_services), 0, nullptr, nullptr, [](void*) { return g_now; }, nullptr, nullptr};
  weft_address address_{sizeof(weft_address), -1, "here", nullptr, nullptr, nullptr, nullptr, 0, 0};
  weft_qpair_params params_{sizeof(weft_qpair_params), 0, 4, 1, 1, 4096, 1, 0, 0, nullptr, nullptr};
  weft_domain* domain_ = nullptr;
  weft_group *host_group_ = nullptr, *controller_group_ = nullptr;
  weft_listener* listener_ = nullptr;
  weft_pending* pending_ = nullptr;
  weft_qpair *host_ = nullptr, *controller_ = nullptr;
  QpairLog host_side_, controller_side_;
};

using testing::ElementsAre;

TEST_F(LoopbackTest, AcceptMakesBothSidesReady) {
  start_connect();
  EXPECT_THAT(host_side_.log, ElementsAre());
  accept();
  EXPECT_THAT(host_side_.log, ElementsAre());
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("ready"));
  EXPECT_THAT(controller_side_.log, ElementsAre("ready"));
  close_host();
  EXPECT_THAT(host_side_.log, ElementsAre("ready", "closed"));
  EXPECT_THAT(controller_side_.log, ElementsAre("ready", "closed"));
  EXPECT_EQ(controller_side_.closed.origin, WEFT_ORIGIN_PEER);
}

TEST_F(LoopbackTest, ConnectToANameWithoutListenerIsRefused) {
  address_.traddr = "nowhere";
  start_connect();
  EXPECT_THAT(host_side_.log, ElementsAre("closed"));
  EXPECT_EQ(host_side_.closed.code, -ECONNREFUSED);
  EXPECT_STREQ(host_side_.closed.stage, "connect");
}

TEST_F(LoopbackTest, RejectTellsTheHostTheReason) {
  start_connect();
  loop().reject(pending_, WEFT_REJECT_NOT_ALLOWED);
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("closed"));
  EXPECT_EQ(host_side_.closed.detail, WEFT_REJECT_NOT_ALLOWED);
}

TEST_F(LoopbackTest, ConnectDeadlineEndsTheWaitForAccept) {
  params_.deadline_ns = g_now + 10;
  start_connect();
  int fd = -1;
  std::uint64_t deadline = 0;
  EXPECT_EQ(loop().group_arm(host_group_, &fd, &deadline), 0);
  EXPECT_EQ(deadline, g_now + 10);
  g_now += 10;
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("closed"));
  EXPECT_EQ(host_side_.closed.code, -ETIMEDOUT);
  loop().reject(pending_, WEFT_REJECT_RESOURCES);
}

TEST_F(LoopbackTest, AcceptOfAHostThatWentAwayClosesAtOnce) {
  start_connect();
  close_host();
  accept();
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("closed"));
}

TEST_F(LoopbackTest, CarriesInCapsuleDataWithTheCommand) {
  connect();
  Bytes data = pattern(4096);
  ASSERT_EQ(send(2, data, WEFT_DIR_OUT), 0);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("command 4096"));
  const weft_command command = controller_side_.command;
  EXPECT_EQ(command.flags, WEFT_DATA_IN_CAPSULE | WEFT_DATA_COMPLETE);
  EXPECT_EQ(std::memcmp(command.capsule_data, data.data(), data.size()), 0);
  const auto* entry = static_cast<const unsigned char*>(command.sqe);
  EXPECT_EQ(entry[1], 0x40);
  EXPECT_EQ(entry[39], 0x01);
  answer(command.token, 2);
  EXPECT_THAT(host_side_.log, ElementsAre("response 2 0 sqhd"));
  EXPECT_EQ(host_side_.moved, 4096u);
  close_host();
}

TEST_F(LoopbackTest, ReceivesDataBeyondTheCapsuleInPieces) {
  connect();
  Bytes data = pattern(8192);
  ASSERT_EQ(send(0, data, WEFT_DIR_OUT), 0);
  turn();
  const std::uint64_t token = controller_side_.command.token;
  Bytes first(3000), second(5192);
  const weft_iov one = iov_of(first), other = iov_of(second);
  ASSERT_EQ(loop().receive_data(controller_, token, 3000, &other, 1, 11, 0), 0);
  ASSERT_EQ(loop().receive_data(controller_, token, 0, &one, 1, 10, 0), 0);
  EXPECT_EQ(loop().release_command(controller_, token), -EBUSY);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("command 8192", "data 11 5192 0 0", "data 10 3000 0 0"));
  first.insert(first.end(), second.begin(), second.end());
  EXPECT_EQ(first, data);
  answer(token, 0);
  EXPECT_EQ(host_side_.moved, 8192u);
  close_host();
}

TEST_F(LoopbackTest, SendsDataAndFinalCompletionTogether) {
  connect();
  Bytes wanted(8192), data = pattern(8192);
  ASSERT_EQ(send(3, wanted, WEFT_DIR_IN), 0);
  turn();
  const weft_iov iov = iov_of(data);
  const std::uint64_t token = controller_side_.command.token;
  ASSERT_EQ(loop().send_data(controller_, token, 0, &iov, 1, cqe(3).data(), 7, WEFT_ALLOW_IMPLIED), 0);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("command 8192", "data 7 8192 0 1"));
  EXPECT_THAT(host_side_.log, ElementsAre("response 3 0 sqhd"));
  EXPECT_EQ(wanted, data);
  EXPECT_EQ(loop().release_command(controller_, token), 0);
  close_host();
}

TEST_F(LoopbackTest, FoldsTheSuccessWhenItMay) {
  LoopbackLimits limits;
  limits.caps |= WEFT_CAP_IMPLIED_SUCCESS;
  loopback_control().set_limits(limits);
  connect();
  Bytes wanted(512), data = pattern(512);
  ASSERT_EQ(send(3, wanted, WEFT_DIR_IN), 0);
  turn();
  const weft_iov iov = iov_of(data);
  ASSERT_EQ(
      loop().send_data(controller_, controller_side_.command.token, 0, &iov, 1, cqe(3).data(), 7, WEFT_ALLOW_IMPLIED),
      0);
  turn();
  EXPECT_EQ(controller_side_.log.back(), "data 7 512 0 3");
  EXPECT_THAT(host_side_.log, ElementsAre("response 3 0"));
  EXPECT_EQ(loop().release_command(controller_, controller_side_.command.token), 0);
  close_host();
}

TEST_F(LoopbackTest, CommandsWaitForAFreeToken) {
  connect();
  std::vector<std::uint64_t> tokens;
  for (std::uint16_t cid = 0; cid < 4; ++cid) tokens.push_back(start_command(cid));
  ASSERT_EQ(loop().send_response(controller_, tokens[1], cqe(1).data(), 0), 0);
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("response 1 0 sqhd"));
  controller_side_.log.clear();
  ASSERT_EQ(loop().send_command(host_, sqe(1).data(), nullptr, 0, 0), 0);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre());
  ASSERT_EQ(loop().release_command(controller_, tokens[1]), 0);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("command 0"));
  for (std::uint16_t cid = 0; cid < 4; ++cid) answer(tokens[cid], cid);
  close_host();
}

TEST_F(LoopbackTest, CloseEndsEveryOperationThenSaysClosed) {
  loopback_control().set_hold_data(true);
  connect();
  Bytes data = pattern(8192), memory(8192);
  ASSERT_EQ(send(0, data, WEFT_DIR_OUT), 0);
  turn();
  const weft_iov iov = iov_of(memory);
  ASSERT_EQ(loop().receive_data(controller_, controller_side_.command.token, 0, &iov, 1, 5, 0), 0);
  turn();
  EXPECT_EQ(loopback_control().held_data(), 1u);
  close_host();
  EXPECT_THAT(host_side_.log, ElementsAre("response 0 -125 none", "closed"));
  EXPECT_THAT(controller_side_.log, ElementsAre("command 8192", "data 5 0 -104 0", "closed"));
  EXPECT_EQ(loopback_control().live().qpairs, 1u);  // the token keeps the controller's handle
  EXPECT_EQ(loop().release_command(controller_, controller_side_.command.token), 0);
}

TEST_F(LoopbackTest, TokensMayBeReleasedInsideOnClosed) {
  connect();
  const std::uint64_t token = start_command(0);
  controller_side_.on_closed = [&] { EXPECT_EQ(loop().release_command(controller_, token), 0); };
  close_host();
  EXPECT_EQ(loopback_control().live().qpairs, 0u);
}

TEST_F(LoopbackTest, CancelledDataEndsAndTheCommandCanBeAnswered) {
  loopback_control().set_hold_data(true);
  connect();
  Bytes data = pattern(8192), memory(8192);
  ASSERT_EQ(send(0, data, WEFT_DIR_OUT), 0);
  turn();
  const weft_iov iov = iov_of(memory);
  const std::uint64_t token = controller_side_.command.token;
  ASSERT_EQ(loop().receive_data(controller_, token, 0, &iov, 1, 5, 0), 0);
  turn();
  loop().cancel_data(controller_, token);
  turn();
  EXPECT_EQ(controller_side_.log.back(), "data 5 0 -125 0");
  answer(token, 0);
  loopback_control().release_data();
  close_host();
}

TEST_F(LoopbackTest, CutInTheMiddleOfDataEndsBothSides) {
  loopback_control().cut_at(CutPoint::kReceiveData, 1);
  connect();
  Bytes data = pattern(8192), memory(8192);
  ASSERT_EQ(send(0, data, WEFT_DIR_OUT), 0);
  turn();
  const weft_iov iov = iov_of(memory);
  ASSERT_EQ(loop().receive_data(controller_, controller_side_.command.token, 0, &iov, 1, 5, 0), 0);
  turn();
  EXPECT_THAT(controller_side_.log, ElementsAre("command 8192", "data 5 4096 -104 0", "closed"));
  EXPECT_THAT(host_side_.log, ElementsAre("response 0 -104 none", "closed"));
  EXPECT_EQ(host_side_.closed.origin, WEFT_ORIGIN_NETWORK);
  EXPECT_EQ(loop().release_command(controller_, controller_side_.command.token), 0);
}

TEST_F(LoopbackTest, HeldResponsesComeInOrderWhenLetGo) {
  loopback_control().set_hold_responses(true);
  connect();
  const std::uint64_t first = start_command(0), second = start_command(1);
  answer(second, 1);
  answer(first, 0);
  EXPECT_THAT(host_side_.log, ElementsAre());
  EXPECT_EQ(loopback_control().held_responses(), 2u);
  loopback_control().release_responses(1);
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("response 1 0 sqhd"));
  loopback_control().release_responses();
  turn();
  EXPECT_THAT(host_side_.log, ElementsAre("response 1 0 sqhd", "response 0 0 sqhd"));
  close_host();
}

TEST_F(LoopbackTest, AnsweredSqeIsOverwritten) {
  connect();
  const std::uint64_t token = start_command(0);
  const void* entry = controller_side_.command.sqe;
  ASSERT_EQ(loop().send_response(controller_, token, cqe(0).data(), 0), 0);
  EXPECT_EQ(*static_cast<const unsigned char*>(entry), 0xdd);
  EXPECT_EQ(loop().release_command(controller_, token), 0);
  close_host();
}

TEST_F(LoopbackTest, ArmRefusesWhileEventsWaitAndTheDescriptorWakes) {
  connect();
  int fd = -1;
  std::uint64_t deadline = 0;
  ASSERT_EQ(loop().group_arm(controller_group_, &fd, &deadline), 0);
  pollfd wait{fd, POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0);
  std::thread([&] {
    ASSERT_EQ(loop().send_command(host_, sqe(0).data(), nullptr, 0, 0), 0);
    loop().group_flush(host_group_);
  }).join();
  EXPECT_EQ(poll(&wait, 1, 5000), 1);
  EXPECT_EQ(loop().group_arm(controller_group_, &fd, &deadline), -EAGAIN);
  turn();
  answer(controller_side_.command.token, 0);
  close_host();
}

// What breaks the contract fails the test that does it.
TEST_F(LoopbackTest, NoticesATokenReleasedTwice) {
  connect();
  answer(start_command(0), 0);
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(loop().release_command(controller_, 0), -EINVAL), "stands for no command");
  close_host();
}

TEST_F(LoopbackTest, NoticesACidInUse) {
  connect();
  const std::uint64_t token = start_command(0);
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(loop().send_command(host_, sqe(0).data(), nullptr, 0, 0), -EINVAL), "is in use");
  answer(token, 0);
  close_host();
}

TEST_F(LoopbackTest, NoticesACidNotBelowTheDepth) {
  connect();
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(loop().send_command(host_, sqe(4).data(), nullptr, 0, 0), -EINVAL),
                          "not below the depth");
  close_host();
}

TEST_F(LoopbackTest, NoticesAnAnswerWhileDataIsOutstanding) {
  loopback_control().set_hold_data(true);
  connect();
  Bytes data = pattern(8192), memory(8192);
  ASSERT_EQ(send(0, data, WEFT_DIR_OUT), 0);
  turn();
  const weft_iov iov = iov_of(memory);
  const std::uint64_t token = controller_side_.command.token;
  ASSERT_EQ(loop().receive_data(controller_, token, 0, &iov, 1, 5, 0), 0);
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(loop().send_response(controller_, token, cqe(0).data(), 0), -EINVAL),
                          "outstanding and not cancelled");
  turn();
  loopback_control().release_data();
  turn();
  answer(token, 0);
  close_host();
}

TEST_F(LoopbackTest, NoticesACallAfterClosed) {
  connect();
  close_host();
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(loop().send_command(host_, sqe(0).data(), nullptr, 0, 0), -ENOTCONN), "gone");
}

}  // namespace
}  // namespace weft::test
