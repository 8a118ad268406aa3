// Each call of verbs and of the connection manager fails once, at each time it is made in a session: everything ends
// exactly once, nothing is left, and a connection that another thread of the same transport makes afterwards works.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

struct Failing {
  Call call;
  bool at_host;
  ShareReceives srq;
};

std::string words(const Failing& failing) {
  return std::string(failing.at_host ? "host " : "controller ") + name_of(failing.call) +
         (failing.srq == ShareReceives::kOn ? ", shared" : "");
}

Setting setting_of(const Failing& failing) { return {.host = {}, .controller = {}, .options = {.srq = failing.srq}}; }

// An end that is not clean says why.
void expect_words(const std::optional<Closed>& closed) {
  EXPECT_TRUE(!closed || closed->code == 0 || !closed->text.empty());
}

// Connects, moves a little data each way in every manner, and closes. Whatever fails on the way ends it.
void session(World& world) {
  Server server(world, params(8, false, 4096, 16));
  if (server.rc != 0) {
    EXPECT_LT(server.rc, 0);
    EXPECT_STRNE(server.error.text, "");
    return;
  }
  HostQueue host(world, Where(), params(8, false, 4096, 16));
  if (host.rc != 0) {
    EXPECT_STRNE(host.error.text, "");
    return;
  }
  world.run_until([&] { return host.limits || host.closed; });
  Buffer buffer(world, world.host_domain, 20000, false);
  if (host.limits) {
    host.write(1, 0, buffer, 20000);
    host.write(2, 65536, buffer, 512);
    host.read(3, 0, buffer, 20000);
    host.send(core_sqe(kFlush, 4));
    world.run_until([&] { return host.outstanding == 0; }, "the end of every command");
  }
  if (!host.closed) host.close();
  world.run_until([&] { return host.closed.has_value(); }, "the host's end");
  world.run_until([&] { return server.all_over(); }, "the controllers' end");
  expect_words(host.closed);
  for (const auto& queue : server.queues) {
    EXPECT_EQ(queue->rc == 0, *queue->error.text == '\0');
    expect_words(queue->closed);
  }
}

class FailingTest : public testing::TestWithParam<std::tuple<Call, ShareReceives>> {
 protected:
  // How often the call is made in a session in which nothing fails.
  static std::uint64_t times(const Failing& failing) {
    World world(setting_of(failing));
    world.time_passes = true;
    session(world);
    return (failing.at_host ? world.host : world.controller).script.count(failing.call);
  }
  static void run(const Failing& failing, std::uint64_t which, int error) {
    SCOPED_TRACE(words(failing) + " number " + std::to_string(which));
    World world(setting_of(failing));
    world.time_passes = true;
    world.forgives = true;  // a request that could not be posted may leave others behind it unposted
    Machine& machine = failing.at_host ? world.host : world.controller;
    machine.script.fail(failing.call, which, error);
    session(world);
    EXPECT_THAT(machine.record.faults(), testing::IsEmpty());
    session(world);
    EXPECT_THAT(machine.record.faults(), testing::IsEmpty());
  }
};

// Calls that a session makes many times are tried at the first times and then at some.
std::uint64_t step_after(std::uint64_t which) { return which < 12 ? 1 : 1 + which / 6; }

TEST_P(FailingTest, EverythingEndsOnceAndNothingIsLeft) {
  for (const bool at_host : {true, false}) {
    const auto [call, srq] = GetParam();
    if (at_host && srq == ShareReceives::kOn) continue;  // hosts have receives of their own
    const Failing failing{call, at_host, srq};
    const std::uint64_t all = times(failing);
    for (std::uint64_t which = 1; which <= all && !HasFailure(); which += step_after(which))
      run(failing, which, which % 2 == 0 ? ENOMEM : EIO);
  }
}

// next() is made in every turn, and nothing can be done for an event that was not given; groups are made by World.
constexpr Call kCallsThatFail[] = {
    Call::kMakeId,     Call::kBind,          Call::kListen, Call::kResolveAddress,      Call::kResolveRoute,
    Call::kConnect,    Call::kMakeQueuePair, Call::kAccept, Call::kDisconnect,          Call::kNext,
    Call::kMakeWindow, Call::kRegister,      Call::kPoll,   Call::kMakeCompletionQueue, Call::kMakeCompletionChannel,
    Call::kArm,        Call::kPostSend,      Call::kFail,   Call::kPostReceive,
};

INSTANTIATE_TEST_SUITE_P(Calls, FailingTest,
                         testing::Combine(testing::ValuesIn(kCallsThatFail), testing::Values(ShareReceives::kOff)),
                         [](const auto& each) { return std::string(name_of(std::get<0>(each.param))); });

constexpr Call kCallsThatFailShared[] = {
    Call::kMakeSharedReceives,
    Call::kPostReceive,
    Call::kRegister,
    Call::kMakeQueuePair,
    Call::kMakeCompletionQueue,
    Call::kAccept,
    Call::kPostSend,
    Call::kFail,
    Call::kPoll,
};

INSTANTIATE_TEST_SUITE_P(Shared, FailingTest,
                         testing::Combine(testing::ValuesIn(kCallsThatFailShared), testing::Values(ShareReceives::kOn)),
                         [](const auto& each) { return std::string(name_of(std::get<0>(each.param))); });

TEST(FailingGroup, AGroupThatCannotBeMadeSaysWhy) {
  World world;
  world.host.script.fail(Call::kMakeCmChannel);
  weft_error error{};
  error.size = sizeof error;
  weft_group* group = nullptr;
  EXPECT_EQ(world.table.group_open(world.host_domain, &group, &error), -EIO);
  EXPECT_STRNE(error.text, "");
}

TEST(FailingGroup, ARejectThatFailsStillEndsThePending) {
  World world;
  world.time_passes = true;
  Server server(world, params(8, true));
  server.keep = true;
  HostQueue host(world, Where(), params(8, true));
  world.run_until([&] { return !server.pendings.empty(); });
  world.controller.script.fail(Call::kReject);
  world.table.reject(server.pendings.front(), WEFT_REJECT_RESOURCES);
  server.pendings.clear();
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_NE(host.closed->code, 0);
}

TEST(FailingGroup, AnAcceptThatCannotMoveTheConnectionToItsGroupHasNoEffect) {
  World world;
  weft_group* other = world.open_group(world.controller_domain);
  Server server(world, params(8, true));
  server.keep = true;
  HostQueue host(world, Where(), params(8, true));
  world.run_until([&] { return !server.pendings.empty(); });
  world.controller.script.fail(Call::kMigrate);
  std::swap(world.controller_group, other);
  {
    ControllerQueue queue(world, server.pendings.front(), params(8, true), false);  // rejects it then
    EXPECT_NE(queue.rc, 0);
  }
  std::swap(world.controller_group, other);
  server.pendings.clear();
  world.run_until([&] { return host.closed.has_value(); });
  world.table.group_close(other);
}

}  // namespace
}  // namespace weft::rdma::model
