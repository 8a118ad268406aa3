// A host and a controller that talk through a transport's table alone: the same for any transport that joins both in one
// process. Run over the example plugin, loaded as any plugin is, and over the loopback transport of the tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "abi/plugin_folder.hpp"
#include "support/loopback_transport.hpp"
#include "support/qpair_log.hpp"
#include "weft/transport.hpp"

namespace weft::test {
namespace {

using testing::ElementsAre;

class Conversation : public testing::TestWithParam<const char*> {
 protected:
  Conversation() : registry_(SearchPath{{variant("inproc")}}) {
    EXPECT_TRUE(registry_.add(loopback_transport()));
    const Result<Transport*> found = registry_.find(GetParam(), WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER);
    EXPECT_TRUE(found) << found.error().text;
    table_ = &(*found)->table();
    domain_ = (*found)->domain(services_).value();
    EXPECT_EQ(table_->group_open(domain_, &host_group_, nullptr), 0);
    EXPECT_EQ(table_->group_open(domain_, &controller_group_, nullptr), 0);
    EXPECT_EQ(table_->listen(controller_group_, &address_, &listener_events_, this, &listener_, nullptr), 0);
  }
  ~Conversation() override {
    table_->unlisten(listener_);
    turn();
    table_->group_close(host_group_);
    table_->group_close(controller_group_);
  }
  void turn() {
    int events = 0;
    do {
      table_->group_flush(host_group_);
      table_->group_flush(controller_group_);
      events = table_->group_poll(host_group_, 64) + table_->group_poll(controller_group_, 64);
    } while (events > 0);
  }
  void ask() {
    weft_error error = empty_error();
    ASSERT_EQ(table_->connect(host_group_, &address_, &params_, QpairLog::events(), &host_log_, &host_, &error), 0);
    turn();
  }
  void accept() {
    weft_error error = empty_error();
    ASSERT_NE(pending_, nullptr);
    ASSERT_EQ(table_->accept(controller_group_, pending_, &params_, QpairLog::events(), &controller_log_, &controller_,
                             &error),
              0);
  }
  void connect() {
    ask();
    accept();
    turn();
    host_log_.log.clear();
    controller_log_.log.clear();
  }
  void close_host() {
    table_->close(host_, 0, 0);
    turn();
  }
  std::uint64_t arrived(std::uint16_t cid, Bytes& data, std::uint32_t direction) {
    const weft_iov iov = iov_of(data);
    EXPECT_EQ(table_->send_command(host_, sqe(cid).data(), &iov, data.empty() ? 0 : 1, direction), 0);
    turn();
    return controller_log_.command.token;
  }

  // Sleeps until the group has events, and says them.
  void wait_and_poll(weft_group* group) {
    int fd = -1;
    std::uint64_t deadline = 0;
    if (table_->group_arm(group, &fd, &deadline) == 0) {
      pollfd wait{fd, POLLIN, 0};
      EXPECT_EQ(poll(&wait, 1, 10000), 1);
    }
    table_->group_poll(group, 64);
  }

  static void on_connect(void* ctx, weft_pending* pending, const weft_connect_info*) {
    static_cast<Conversation*>(ctx)->pending_ = pending;
  }

  LoopbackGuard guard_;
  weft_services services_{
      sizeof(weft_services), 0, nullptr, nullptr, [](void*) { return std::uint64_t{1000}; }, nullptr, nullptr};
  TransportRegistry registry_;
  weft_listener_events listener_events_{sizeof(weft_listener_events), 0, &on_connect, [](void*, const weft_error*) {}};
  weft_address address_{sizeof(weft_address), -1, "here", nullptr, nullptr, nullptr, nullptr, 0, 0};
  weft_qpair_params params_{sizeof(weft_qpair_params), 0, 4, 1, 1, 0, 1, 0, 0, nullptr, nullptr};
  const weft_transport* table_ = nullptr;
  weft_domain* domain_ = nullptr;
  weft_group *host_group_ = nullptr, *controller_group_ = nullptr;
  weft_listener* listener_ = nullptr;
  weft_pending* pending_ = nullptr;
  weft_qpair *host_ = nullptr, *controller_ = nullptr;
  QpairLog host_log_, controller_log_;
};

TEST_P(Conversation, ConnectsAndCloses) {
  ask();
  accept();
  EXPECT_THAT(host_log_.log, ElementsAre());  // never from inside a call
  turn();
  close_host();
  EXPECT_THAT(host_log_.log, ElementsAre("ready", "closed"));
  EXPECT_THAT(controller_log_.log, ElementsAre("ready", "closed"));
}

TEST_P(Conversation, NobodyListens) {
  address_.traddr = "nowhere";
  ask();
  EXPECT_THAT(host_log_.log, ElementsAre("closed"));
  EXPECT_EQ(host_log_.closed.code, -ECONNREFUSED);
}

TEST_P(Conversation, IsRejected) {
  ask();
  table_->reject(pending_, WEFT_REJECT_PARAMETERS);
  turn();
  EXPECT_THAT(host_log_.log, ElementsAre("closed"));
  EXPECT_EQ(host_log_.closed.detail, WEFT_REJECT_PARAMETERS);
}

TEST_P(Conversation, TheHostGivesUpBeforeItIsAccepted) {
  ask();
  close_host();
  EXPECT_THAT(host_log_.log, ElementsAre("closed"));
  accept();
  turn();
  EXPECT_THAT(controller_log_.log, ElementsAre("closed"));
}

TEST_P(Conversation, NobodyAcceptsInTime) {
  params_.deadline_ns = 1000;
  ask();
  EXPECT_THAT(host_log_.log, ElementsAre("closed"));
  EXPECT_EQ(host_log_.closed.code, -ETIMEDOUT);
}

TEST_P(Conversation, WritesInPieces) {
  connect();
  Bytes data = pattern(100000);
  const std::uint64_t token = arrived(1, data, WEFT_DIR_OUT);
  Bytes got(100000);
  const weft_iov iov[] = {
      {got.data(), 1, nullptr}, {got.data() + 1, 49999, nullptr}, {got.data() + 50000, 50000, nullptr}};
  EXPECT_EQ(table_->receive_data(controller_, token, 50000, &iov[2], 1, 2, 0), 0);
  EXPECT_EQ(table_->receive_data(controller_, token, 0, iov, 2, 1, 0), 0);
  EXPECT_EQ(table_->release_command(controller_, token), -EBUSY);
  turn();
  EXPECT_THAT(controller_log_.log, ElementsAre("command 100000", "data 2 50000 0 0", "data 1 50000 0 0"));
  EXPECT_EQ(got, data);
  EXPECT_EQ(table_->send_response(controller_, token, cqe(1).data(), 0), 0);
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  turn();
  EXPECT_THAT(host_log_.log, ElementsAre("response 1 0 sqhd"));
  EXPECT_EQ(host_log_.moved, 100000u);
  close_host();
}

TEST_P(Conversation, ReadsWithTheCompletionBehindTheData) {
  connect();
  Bytes wanted(5000), data = pattern(5000);
  const std::uint64_t token = arrived(2, wanted, WEFT_DIR_IN);
  const weft_iov iov = iov_of(data);
  EXPECT_EQ(table_->send_data(controller_, token, 0, &iov, 1, cqe(2).data(), 9, 0), 0);
  turn();
  EXPECT_THAT(controller_log_.log, ElementsAre("command 5000", "data 9 5000 0 1"));
  EXPECT_THAT(host_log_.log, ElementsAre("response 2 0 sqhd"));
  EXPECT_EQ(wanted, data);
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  close_host();
}

TEST_P(Conversation, ACommandWaitsForAToken) {
  params_.depth = 1;
  connect();
  Bytes none;
  const std::uint64_t token = arrived(0, none, 0);
  EXPECT_EQ(table_->send_response(controller_, token, cqe(0).data(), 0), 0);
  turn();
  arrived(0, none, 0);
  EXPECT_THAT(controller_log_.log, ElementsAre("command 0"));
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  turn();
  EXPECT_THAT(controller_log_.log, ElementsAre("command 0", "command 0"));
  EXPECT_EQ(table_->send_response(controller_, token, cqe(0).data(), 0), 0);
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  turn();
  close_host();
}

TEST_P(Conversation, ConfigureGivesTheRealDepth) {
  params_.depth = 2;
  connect();
  params_.depth = 16;
  weft_error error = empty_error();
  EXPECT_EQ(table_->configure(controller_, &params_, &error), 0) << error.text;
  Bytes none;
  const std::uint64_t token = arrived(1, none, 0);
  EXPECT_EQ(table_->send_response(controller_, token, cqe(1).data(), 0), 0);
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  turn();
  close_host();
}

TEST_P(Conversation, CloseEndsWhatIsOutstanding) {
  connect();
  Bytes data = pattern(5000);
  const std::uint64_t first = arrived(0, data, WEFT_DIR_OUT);
  const std::uint64_t second = arrived(3, data, WEFT_DIR_OUT);
  EXPECT_EQ(table_->send_command(host_, sqe(1).data(), nullptr, 0, 0),
            0);  // never seen by the controller, or given back
  table_->close(host_, 0, 0);
  turn();
  EXPECT_THAT(host_log_.log,
              ElementsAre("response 0 -125 none", "response 1 -125 none", "response 3 -125 none", "closed"));
  EXPECT_EQ(controller_log_.log.back(), "closed");
  EXPECT_EQ(table_->release_command(controller_, first), 0);
  EXPECT_EQ(table_->release_command(controller_, second), 0);
}

TEST_P(Conversation, TheControllerMayClose) {
  connect();
  Bytes none;
  const std::uint64_t token = arrived(0, none, 0);
  table_->close(controller_, WEFT_CLOSE_FLUSH, 0);
  EXPECT_EQ(table_->release_command(controller_, token), 0);
  turn();
  EXPECT_THAT(host_log_.log, ElementsAre("response 0 -104 none", "closed"));
  EXPECT_EQ(controller_log_.log.back(), "closed");
}

TEST_P(Conversation, AnArmedGroupWakesForAnEventOfAnotherThread) {
  connect();
  int fd = -1;
  std::uint64_t deadline = 0;
  EXPECT_EQ(table_->group_arm(controller_group_, &fd, &deadline), 0);
  pollfd wait{fd, POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0);
  std::thread([&] {
    EXPECT_EQ(table_->send_command(host_, sqe(0).data(), nullptr, 0, 0), 0);
    table_->group_flush(host_group_);
  }).join();
  EXPECT_EQ(poll(&wait, 1, 5000), 1);
  EXPECT_EQ(table_->group_arm(controller_group_, &fd, &deadline), -EAGAIN);
  turn();
  EXPECT_THAT(controller_log_.log, ElementsAre("command 0"));
  close_host();
  EXPECT_EQ(table_->release_command(controller_, controller_log_.command.token), 0);
}

// Each side on a thread of its own, as in a program: 1,000 reads, one after the other.
TEST_P(Conversation, TwoThreadsTalk) {
  connect();
  constexpr int kReads = 1000;
  Bytes data = pattern(4096), wanted(4096);
  std::thread controller([&] {
    const weft_iov iov = iov_of(data);
    std::uint64_t token = 0;
    for (int released = 0; released < kReads; table_->group_flush(controller_group_)) {
      wait_and_poll(controller_group_);
      for (const std::string& event : std::exchange(controller_log_.log, {})) {
        if (event == "data 1 4096 0 1") {
          EXPECT_EQ(table_->release_command(controller_, token), 0);
          ++released;
        } else {
          token = controller_log_.command.token;
          EXPECT_EQ(table_->send_data(controller_, token, 0, &iov, 1, cqe(0).data(), 1, 0), 0);
        }
      }
    }
  });
  for (int i = 0; i < kReads; ++i) {
    const weft_iov iov = iov_of(wanted);
    EXPECT_EQ(table_->send_command(host_, sqe(0).data(), &iov, 1, WEFT_DIR_IN), 0);
    table_->group_flush(host_group_);
    while (host_log_.log.empty()) wait_and_poll(host_group_);
    EXPECT_THAT(std::exchange(host_log_.log, {}), ElementsAre("response 0 0 sqhd"));
    EXPECT_EQ(wanted, data);
    std::fill(wanted.begin(), wanted.end(), static_cast<unsigned char>(0));
  }
  controller.join();
  close_host();
}

INSTANTIATE_TEST_SUITE_P(Transports, Conversation, testing::Values("inproc", "loop"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace weft::test
