// Asynchronous events: one request is always with the controller, and what it brings is passed on unmasked.
#include "host_fixture.hpp"

namespace weft::test {
namespace {

class EventTest : public HostTest {
 protected:
  static constexpr nvme::AsyncEvent kChanged{
      nvme::async_event::kTypeNotice, nvme::async_event::kNoticeNamespaceAttribute, nvme::log_page::kChangedNamespaces};
};

TEST_F(EventTest, IsPassedOnAfterItsLogPageWasRead) {
  connect();
  ASSERT_EQ(controller_->event_requests(), 1u);
  controller_->send_event(kChanged, 5);
  settle();
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].type, kChanged.type);
  EXPECT_EQ(events_[0].log_page, kChanged.log_page);
  EXPECT_EQ(events_[0].nsid, 5u);
  const auto log = controller_->log[controller_->log.size() - 2].sqe.arguments<nvme::GetLogPageArguments>();
  EXPECT_EQ(log.lid, kChanged.log_page);
  EXPECT_FALSE(log.retain_async_event()) << "or it stays masked";
  EXPECT_EQ(controller_->event_requests(), 1u) << "the next can come";
}

TEST_F(EventTest, AnEventWhoseLogPageCannotBeReadCostsNoRequest) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kGetLogPage) ? Verdict::refuse(nvme::status::kInvalidLogPage)
                                                      : Verdict::model();
  };
  for (int i = 0; i < 3; ++i) {
    controller_->send_event(kChanged);
    settle();
  }
  EXPECT_EQ(events_.size(), 3u);
  EXPECT_EQ(controller_->event_requests(), 1u);
}

TEST_F(EventTest, AControllerWithoutEventsIsAskedForNone) {
  controller_->identity.oaes = 0;
  connect();
  EXPECT_EQ(controller_->event_requests(), 0u);
}

TEST_F(EventTest, AreNotAskedForBehindAShutdown) {
  controller_->script = [](const Received& command) {
    const bool configures =
        command.is_admin(nvme::admin::kSetFeatures) &&
        command.sqe.arguments<nvme::FeaturesArguments>().fid() == nvme::feature::kAsyncEventConfiguration;
    return configures ? Verdict::hold() : Verdict::model();
  };
  connect();
  ASSERT_EQ(controller_->held(), 1u);
  controller_->script = [](const Received& command) {
    return command.is_fabrics(fabrics::fctype::kPropertySet) ? Verdict::hold() : Verdict::model();
  };
  bool closed = false;
  host_->close([&] { closed = true; });
  ASSERT_TRUE(run_until([&] { return controller_->held() == 2; }));
  controller_->answer(0);
  settle();
  EXPECT_EQ(count_admin(nvme::admin::kAsyncEventRequest), 0u);
  controller_->answer(0);
  EXPECT_TRUE(run_until([&] { return closed; }));
}

TEST_F(EventTest, ComeAfterAResetAsBefore) {
  for (const bool ends : {true, false}) {
    controller_->ends_events_at_reset = ends;
    controller_->csts = {};
    events_.clear();
    connect();
    auto done = ask<bool>([](Host& host, auto reply) { host.reset(std::move(reply)); });
    EXPECT_TRUE(done.has_value());
    settle();
    EXPECT_EQ(controller_->event_requests(), 1u);
    controller_->send_event(kChanged);
    settle();
    EXPECT_EQ(events_.size(), 1u);
    ASSERT_TRUE(close());
  }
}

TEST_F(EventTest, ACallbackMayDestroyTheHost) {
  connect();
  host_->set_events(
      {.on_event = [this](const AsyncEvent&) { host_.reset(); }, .on_lost = nullptr, .on_reset = nullptr});
  controller_->send_event(kChanged);
  EXPECT_TRUE(run_until([&] { return controller_->queues() == 0; }));
}

}  // namespace
}  // namespace weft::test
