// Enabling and identifying: time-outs, and controllers that say impossible things about themselves.
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using testing::HasSubstr;

using EnableTest = HostTest;

TEST_F(EnableTest, GivesUpOnAControllerThatNeverBecomesReady) {
  controller_->becomes_ready = false;
  const Nanoseconds before = FakeClock::now();
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "enable");
  EXPECT_EQ(error.code, ETIMEDOUT);
  EXPECT_THAT(error.text, HasSubstr("did not become ready"));
  const Nanoseconds took = FakeClock::now() - before;
  EXPECT_GE(took, kSecond) << "CAP.TO is 2: one second";
  EXPECT_LT(took, 2 * kSecond);
}

TEST_F(EnableTest, WaitsNoLongerThanTheTimeOutWhateverTheControllerAsksFor) {
  controller_->becomes_ready = false;
  controller_->cap = controller_->cap.with_to(255);
  options_.timeout = std::chrono::milliseconds(3000);
  const Nanoseconds before = FakeClock::now();
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "enable");
  EXPECT_EQ(error.code, ETIMEDOUT);
  EXPECT_THAT(error.text,
              HasSubstr("did not become ready in 3000 ms (timeout), though it asks for 127500 ms; CSTS is 0h"));
  EXPECT_THAT(error.text, testing::Not(HasSubstr("answer")));
  EXPECT_LT(FakeClock::now() - before, 4 * kSecond);
}

// Each answer comes late, but within the time-out of a command: together they are one step.
TEST_F(EnableTest, TheAnswersOfTheStepShareOneTimeOut) {
  options_.timeout = std::chrono::milliseconds(1000);
  std::size_t answered = 0;
  controller_->script = [](const Received& command) {
    return command.is_fabrics(fabrics::fctype::kConnect) ? Verdict::model() : Verdict::hold();
  };
  std::optional<Result<std::unique_ptr<Host>>> result;
  Address address = *Address::parse("loop://here");
  address.subnqn = kSubsystem;
  const Nanoseconds before = FakeClock::now();
  Host::connect(*reactor_, registry_, address, options_,
                [&](Result<std::unique_ptr<Host>> host) { result = std::move(host); });
  Nanoseconds next = 700 * kMs;
  EXPECT_TRUE(run_until([&] {
    if (FakeClock::now() - before >= next && controller_->held() > answered) {
      controller_->answer(answered++);
      next += 700 * kMs;
    }
    return result.has_value();
  }));
  ASSERT_FALSE(result->has_value());
  EXPECT_EQ(result->error().code, ETIMEDOUT);
  EXPECT_LT(FakeClock::now() - before, 1500 * kMs);
}

TEST_F(EnableTest, SaysWhatBecomesOfValuesThatDoNotFit) {
  options_.admin_qsize = 2;
  options_.kato = std::chrono::milliseconds(1);
  options_.qsize = 1024;
  options_.queues = 8;
  controller_->queues_granted = 2;
  controller_->identity.maxcmd = 16;
  testing::internal::CaptureStderr();
  connect();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("admin_qsize=2 becomes 32"));
  EXPECT_THAT(said, HasSubstr("kato=1ms becomes 1000ms: the controller counts in units of 1000 ms"));
  EXPECT_THAT(said, HasSubstr("qsize=1024 becomes 16"));
  EXPECT_THAT(said, HasSubstr("queues=8 becomes 2"));
}

TEST_F(EnableTest, SaysNothingOfDefaults) {
  controller_->identity.maxcmd = 16;
  testing::internal::CaptureStderr();
  connect();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(EnableTest, WaitsForAControllerThatTakesItsTime) {
  controller_->becomes_ready = false;
  controller_->script = [&](const Received&) {
    if (FakeClock::now() > kSecond + 500 * kMs && controller_->cc.enable())
      controller_->csts = controller_->csts.with_ready(true);
    return Verdict::model();
  };
  connect();
  EXPECT_GE(FakeClock::now(), kSecond + 500 * kMs);
}

TEST_F(EnableTest, StopsAtAFatalStatus) {
  controller_->becomes_ready = false;
  controller_->csts = nvme::Csts().with_fatal(true);
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "enable");
  EXPECT_THAT(error.text, HasSubstr("CSTS.CFS"));
}

TEST_F(EnableTest, StopsWhenStatusReadsAsAllOnes) {
  controller_->csts = nvme::Csts(0xffffffff);
  controller_->script = [](const Received& command) {
    const auto get = fabrics::as<fabrics::PropertyGetCommand>(command.sqe);
    const bool status = command.is_fabrics(fabrics::fctype::kPropertyGet) && get.offset == nvme::property::kCsts;
    return status ? Verdict::refuse({}, 0xffffffff) : Verdict::model();
  };
  EXPECT_EQ(connect_error().code, ENODEV);
}

TEST_F(EnableTest, EndsWhenAnAnswerThatItCouldDoWithoutNeverComes) {
  controller_->cap = controller_->cap.with_crwms(true);
  controller_->script = [](const Received& command) {
    const auto get = fabrics::as<fabrics::PropertyGetCommand>(command.sqe);
    const bool crto = command.is_fabrics(fabrics::fctype::kPropertyGet) && get.offset == nvme::property::kCrto;
    return crto ? Verdict::hold() : Verdict::model();
  };
  const Error error = connect_error();
  EXPECT_EQ(error.code, ETIMEDOUT);
  EXPECT_THAT(error.text, HasSubstr("was not answered in time"));
}

TEST_F(EnableTest, AnUnansweredPropertyIsNamedOnce) {
  const std::pair<std::uint32_t, const char*> properties[] = {{nvme::property::kCap, "Property Get 00h"},
                                                              {nvme::property::kVs, "Property Get 08h"},
                                                              {nvme::property::kCsts, "Property Get 1ch"},
                                                              {nvme::property::kCc, "Property Set 14h"}};
  for (const auto& property_and_name : properties) {
    const std::uint32_t offset = property_and_name.first;
    const char* const name = property_and_name.second;
    controller_->csts = {};
    controller_->script = [offset](const Received& command) {
      const bool property =
          command.is_fabrics(fabrics::fctype::kPropertyGet) || command.is_fabrics(fabrics::fctype::kPropertySet);
      return property && fabrics::as<fabrics::PropertyGetCommand>(command.sqe).offset == offset ? Verdict::hold()
                                                                                                : Verdict::model();
    };
    const Error error = connect_error();
    EXPECT_EQ(error.stage, "enable");
    EXPECT_EQ(error.code, ETIMEDOUT);
    EXPECT_THAT(error.text, HasSubstr(std::string(name) + " on queue 0 was not answered in time"));
    EXPECT_EQ(error.text.find("Property", error.text.find("Property") + 1), std::string::npos) << error.text;
  }
}

TEST_F(EnableTest, AnUnansweredConnectIsCalledByItsName) {
  for (const std::uint16_t qid : {std::uint16_t{0}, std::uint16_t{1}}) {
    controller_->csts = {};
    controller_->script = [qid](const Received& command) {
      const bool it =
          command.is_fabrics(fabrics::fctype::kConnect) && fabrics::as<fabrics::ConnectCommand>(command.sqe).qid == qid;
      return it ? Verdict::hold() : Verdict::model();
    };
    const Error error = connect_error();
    EXPECT_EQ(error.stage, "Connect command");
    EXPECT_THAT(error.text, HasSubstr("Connect on queue " + std::to_string(qid) + " was not answered in time"));
    EXPECT_THAT(error.text, testing::Not(HasSubstr("Property")));
  }
}

TEST_F(EnableTest, RefusesAControllerThatLiesAboutItself) {
  using Change = std::function<void(ScriptedController&)>;
  const std::vector<std::pair<Change, const char*>> cases = {
      {[](auto& c) { c.identity.cntlid = 8; }, "controller 8, but answered Connect as 7"},
      {[](auto& c) { c.identity.ioccsz = 3; }, "48 bytes is too small"},
      {[](auto& c) { c.identity.ioccsz = 0x80000000; }, "makes no sense"},
      {[](auto& c) { c.identity.iorcsz = 0; }, "no room for a completion"},
      {[](auto& c) { c.identity.icdoff = 1; }, "at an offset"},
      {[](auto& c) { c.identity.sgls = 0; }, "no SGLs"},
      {[](auto& c) { c.cap = c.cap.with_css(nvme::Cap::kCssNoIo); }, "no NVM command set"},
      {[](auto& c) { c.cap = c.cap.with_mqes(0); }, "one entry"},
  };
  const nvme::IdentifyController honest = controller_->identity;
  const nvme::Cap cap = controller_->cap;
  for (const auto& [change, words] : cases) {
    controller_->identity = honest;
    controller_->cap = cap;
    controller_->csts = {};
    change(*controller_);
    const Error error = connect_error();
    EXPECT_EQ(error.stage, "identify");
    EXPECT_THAT(error.text, HasSubstr(words));
  }
}

TEST_F(EnableTest, BoundsOneCommandByMdtsAndByTheTransport) {
  controller_->identity.mdts = 5;
  connect();
  EXPECT_EQ(host_->max_transfer(), 128u * 1024);
  ASSERT_TRUE(close());
  LoopbackLimits limits;
  limits.max_transfer = 65536;
  loopback_control().set_limits(limits);
  controller_->csts = {};
  connect();
  EXPECT_EQ(host_->max_transfer(), 65536u);
}

TEST_F(EnableTest, AnAbsurdMdtsIsNoBound) {
  controller_->identity.mdts = 255;
  connect();
  EXPECT_EQ(host_->max_transfer(), 0u);
}

TEST_F(EnableTest, ReadsReadyTimeoutsWhereTheControllerHasThem) {
  controller_->cap = controller_->cap.with_crwms(true);
  connect();
  EXPECT_EQ(controller_->count([](const Received& c) {
    return c.is_fabrics(fabrics::fctype::kPropertyGet) &&
           fabrics::as<fabrics::PropertyGetCommand>(c.sqe).offset == nvme::property::kCrto;
  }),
            1u);
}

}  // namespace
}  // namespace weft::test
