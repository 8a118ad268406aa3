// Connecting: what it asks, in which order, and each way in which it fails, with its stage and its words.
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(HostTest, ConnectsEnablesIdentifiesAndConnectsItsQueues) {
  options_.queues = 3;
  connect();
  EXPECT_EQ(host_->io_queues(), 3);
  EXPECT_EQ(host_->cntlid(), 7);
  EXPECT_EQ(host_->version(), nvme::Vs(2, 0, 0).value());
  EXPECT_EQ(host_->capabilities(), controller_->cap.value());
  EXPECT_TRUE(controller_->cc.enable());
  EXPECT_EQ(controller_->cc.iosqes(), nvme::Cc::kIosqes);
  EXPECT_EQ(controller_->queues(), 4u);
}

TEST_F(HostTest, ConnectSaysWhoIsCalling) {
  options_.hostnqn = "nqn.2026-01.org.example:host";
  options_.hostid = "11223344-5566-7788-99aa-bbccddeeff00";
  options_.kato = std::chrono::milliseconds(12'000);
  connect();
  const Received& first = controller_->log.front();
  const auto command = fabrics::as<fabrics::ConnectCommand>(first.sqe);
  EXPECT_EQ(command.kato, 12'000u);
  EXPECT_EQ(command.sqsize, 31u);
  ASSERT_EQ(first.data.size(), sizeof(fabrics::ConnectData));
  const auto data = load<fabrics::ConnectData>(first.data.data());
  EXPECT_EQ(data.cntlid, fabrics::kCntlidAny);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(&data.hostnqn)), options_.hostnqn);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(&data.subnqn)), kSubsystem);
}

TEST_F(HostTest, TakesFewerQueuesWhenFewerAreGranted) {
  options_.queues = 8;
  controller_->queues_granted = 2;
  connect();
  EXPECT_EQ(host_->io_queues(), 2);
}

TEST_F(HostTest, AsksForNoLargerQueuesThanTheControllerTakes) {
  options_.qsize = 1024;
  controller_->identity.maxcmd = 16;
  connect();
  std::vector<unsigned> sizes;
  for (const Received& command : controller_->log) {
    if (command.is_fabrics(fabrics::fctype::kConnect))
      sizes.push_back(fabrics::as<fabrics::ConnectCommand>(command.sqe).sqsize);
  }
  EXPECT_THAT(sizes, testing::ElementsAre(31u, 15u));
}

TEST_F(HostTest, SaysWhatTheControllerRefused) {
  struct Case {
    NvmeStatus status;
    std::uint32_t result;
    const char* words;
  };
  using namespace fabrics;
  const auto invalid = [](InvalidParameter at) { return Case{status::kConnectInvalidParameters, at.encode(), ""}; };
  const auto with = [](Case one, const char* words) { return Case{one.status, one.result, words}; };
  const std::vector<Case> cases = {
      {status::kConnectIncompatibleFormat, 0, "Connect Incompatible Format"},
      {status::kConnectControllerBusy, 0, "Controller Busy"},
      {status::kConnectRestartDiscovery, 0, "Restart Discovery"},
      {status::kConnectInvalidHost, 0, "Invalid Host"},
      {nvme::status::kInvalidOpcode, 0, "Invalid"},
      with(invalid(invalid_parameter::kQid), "the queue identifier"),
      with(invalid(invalid_parameter::kSqsize), "the queue size"),
      with(invalid(invalid_parameter::kCattr), "the connect attributes"),
      with(invalid(invalid_parameter::kKato), "the keep-alive time-out"),
      with(invalid(invalid_parameter::kHostid), "the host identifier"),
      with(invalid(invalid_parameter::kCntlid), "the controller identifier"),
      with(invalid(invalid_parameter::kSubnqn), "the subsystem NQN"),
      with(invalid(invalid_parameter::kHostnqn), "the host NQN"),
      with(invalid({.offset = 999, .in_data = true}), "byte 999 of the Connect data"),
      with(invalid({.offset = 60, .in_data = false}), "byte 60 of the command"),
  };
  for (const Case& one : cases) {
    controller_->script = [&](const Received& command) {
      return command.is_fabrics(fctype::kConnect) ? Verdict::refuse(one.status, one.result) : Verdict::model();
    };
    const Error error = connect_error();
    EXPECT_EQ(error.stage, "Connect command");
    EXPECT_THAT(error.text,
                AllOf(HasSubstr(kSubsystem), HasSubstr("loop://here"), HasSubstr("refused"), HasSubstr(one.words)));
  }
}

TEST_F(HostTest, TellsARefusalForGoodFromOneToTryAgain) {
  controller_->script = [](const Received&) { return Verdict::refuse(fabrics::status::kConnectInvalidHost.dnr()); };
  EXPECT_EQ(connect_error().code, EACCES);
  controller_->script = [](const Received&) { return Verdict::refuse(fabrics::status::kConnectControllerBusy); };
  EXPECT_EQ(connect_error().code, ECONNREFUSED);
}

TEST_F(HostTest, RefusesAControllerThatWantsAuthentication) {
  controller_->script = [](const Received&) {
    return Verdict::refuse({}, fabrics::ConnectResult{.cntlid = 7, .authentication_required = true}.encode());
  };
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "Connect command");
  EXPECT_THAT(error.text, HasSubstr("authenticate"));
}

TEST_F(HostTest, RefusesAnImpossibleControllerIdentifier) {
  controller_->cntlid = 0xfff0;
  EXPECT_THAT(connect_error().text, HasSubstr("fff0h"));
}

TEST_F(HostTest, RefusesFlowControlTurnedOffUnasked) {
  options_.sq_flow_control = true;
  controller_->connect_sqhd = fabrics::kSqhdFlowControlDisabled;
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "Connect command");
  EXPECT_THAT(error.text, HasSubstr("not asked for"));
}

TEST_F(HostTest, RefusesAHeadBeyondTheQueueWhereItAskedForFlowControl) {
  options_.sq_flow_control = true;
  controller_->connect_sqhd = 32;
  EXPECT_THAT(connect_error().text, HasSubstr("entry 32"));
}

TEST_F(HostTest, TakesAHeadBeyondTheQueueForNoFlowControlWhereItAskedForNone) {
  controller_->connect_sqhd = 32;
  connect();
  EXPECT_EQ(host_->io_queues(), 1);
}

TEST_F(HostTest, KeepsFlowControlOnWhenTheControllerInsists) {
  controller_->connect_sqhd = 0;
  connect();
  EXPECT_EQ(host_->io_queues(), 1);
}

TEST_F(HostTest, SaysThatNobodyListens) {
  controller_->close();
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "connect");
  EXPECT_EQ(error.code, ECONNREFUSED);
  EXPECT_THAT(error.text, AllOf(HasSubstr(kSubsystem), HasSubstr("nobody listens at 'here'")));
}

TEST_F(HostTest, SaysThatTheTransportFailedAtOnce) {
  loopback_control().fail_next_connect(-ENETUNREACH);
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "connect");
  EXPECT_EQ(error.code, ENETUNREACH);
}

TEST_F(HostTest, GivesUpOnAPeerThatDoesNotAccept) {
  loopback_control().set_hold_connects(true);
  const Nanoseconds before = FakeClock::now();
  const Error error = connect_error();
  EXPECT_EQ(error.stage, "connect");
  EXPECT_EQ(error.code, ETIMEDOUT);
  EXPECT_GE(FakeClock::now() - before, 30 * kSecond);
  loopback_control().set_hold_connects(false);
}

TEST_F(HostTest, SaysThatThereIsNoSuchTransport) {
  std::optional<Error> error;
  Host::connect(*reactor_, registry_, *Address::parse("lop://here"), options_,
                [&](auto host) { error = host.error(); });
  settle();
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->text, HasSubstr("lop"));
}

TEST_F(HostTest, RefusesNamesThatAreNone) {
  options_.hostnqn = "nqn.2026-01.org.example:" + std::string(300, 'h');
  EXPECT_THAT(connect_error().text, HasSubstr("host NQN"));
  options_.hostnqn.clear();
  options_.hostid = "12";
  EXPECT_FALSE(connect_error().text.empty());
  options_.hostid.clear();
  EXPECT_THAT(connect_error("nqn.2026-01.org.example:" + std::string(300, 's')).text, HasSubstr("subsystem NQN"));
}

TEST_F(HostTest, SaysWhatWasNotAnswered) {
  struct Case {
    std::function<bool(const Received&)> what;
    const char *stage, *words;
  };
  const std::vector<Case> cases = {
      {[](const Received& c) { return c.is_fabrics(fabrics::fctype::kConnect); }, "Connect command",
       "Connect on queue 0 was not answered in time"},
      {[](const Received& c) { return c.is_fabrics(fabrics::fctype::kPropertyGet); }, "enable",
       "Property Get 00h on queue 0 was not answered in time"},
      {[](const Received& c) { return c.is_fabrics(fabrics::fctype::kPropertySet); }, "enable",
       "Property Set 14h on queue 0 was not answered in time"},
      {[](const Received& c) { return c.is_admin(nvme::admin::kIdentify); }, "identify",
       "Identify on queue 0 was not answered in time"},
      {[](const Received& c) { return c.is_admin(nvme::admin::kSetFeatures); }, "queues",
       "Set Features on queue 0 was not answered in time"},
      {[](const Received& c) {
         return c.is_fabrics(fabrics::fctype::kConnect) && c.data.size() == 1024 && c.data[16] != std::byte{0xff};
       },
       "Connect command", "Connect on queue 1 was not answered in time"},
  };
  options_.timeout = std::chrono::milliseconds(300);
  for (const Case& one : cases) {
    controller_->csts = {};
    controller_->script = [&](const Received& command) {
      return one.what(command) ? Verdict::hold() : Verdict::model();
    };
    const Error error = connect_error();
    EXPECT_EQ(error.stage, one.stage);
    EXPECT_EQ(error.code == ETIMEDOUT || error.code == EIO, true);
    EXPECT_THAT(error.text, HasSubstr(one.words));
  }
}

TEST_F(HostTest, SaysWhatFailedWhenTheLineIsCutAtAnyStep) {
  // Each command of connecting in turn: Connect, CAP, VS, CC, CSTS, Identify, Set Features, Connect of the I/O queue.
  const char* const stages[] = {"Connect command", "enable",   "enable", "enable",
                                "enable",          "identify", "queues", "Connect command"};
  for (std::size_t step = 0; step < std::size(stages); ++step) {
    controller_->csts = {};
    std::size_t seen = 0;
    controller_->script = [&](const Received&) { return seen++ == step ? Verdict::cut() : Verdict::model(); };
    const Error error = connect_error();
    EXPECT_EQ(error.stage, stages[step]) << "step " << step << ": " << error.text;
    EXPECT_NE(error.code, 0);
  }
}

TEST_F(HostTest, GivesTheTransportsReason) {
  loopback_control().cut_at(CutPoint::kCommand, 0, 2);
  EXPECT_THAT(connect_error().text, HasSubstr("the connection was cut"));
}

TEST_F(HostTest, FailsWhenAConnectedQueueGoesWhileTheNextIsConnected) {
  options_.queues = 2;
  std::size_t connects = 0;
  controller_->script = [&](const Received& command) {
    if (!command.is_fabrics(fabrics::fctype::kConnect) || ++connects != 3) return Verdict::model();
    loopback_control().cut_now(1);
    return Verdict::hold();
  };
  const Error error = connect_error();
  EXPECT_THAT(error.text, HasSubstr("I/O queue"));
}

TEST_F(HostTest, FailsWhenTheAdminQueueGoesWhileAnIoQueueIsConnected) {
  std::size_t connects = 0;
  controller_->script = [&](const Received& command) {
    if (!command.is_fabrics(fabrics::fctype::kConnect) || ++connects != 2) return Verdict::model();
    loopback_control().cut_now(0);
    return Verdict::hold();
  };
  const Nanoseconds before = FakeClock::now();
  EXPECT_THAT(connect_error().text, HasSubstr("the connection was cut"));
  EXPECT_LT(FakeClock::now() - before, kSecond) << "the loss was noticed at once, not by a time-out";
}

TEST_F(HostTest, AHostThatIsDroppedInConnectsCallbackClosesItself) {
  bool called = false;
  Address address = *Address::parse("loop://here/" + kSubsystem);
  Host::connect(*reactor_, registry_, address, options_, [&](auto host) {
    called = host.has_value();
    host->reset();
  });
  EXPECT_TRUE(run_until([&] { return called && controller_->queues() == 0; }));
}

}  // namespace
}  // namespace weft::test
