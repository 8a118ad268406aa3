// In which order responses leave.
#include "world.hpp"

namespace weft::test {
namespace {

// Commands 0 and 2 are reads, answered with their data; 1 and 3 have none. Answered in the order of their numbers; the
// order in which the responses came.
std::vector<std::uint16_t> order_of_responses(bool flow_control, bool in_two_calls) {
  World world;
  weft_qpair_params io = params(16, false);
  Joined joined(world, {}, {}, io, params(16, true));
  if (flow_control) io.flags |= WEFT_QP_SQ_FLOW_CONTROL;
  ControllerQueue& controller = joined.controller();
  EXPECT_EQ(world.table.configure(controller.handle, &io, nullptr), 0);
  controller.on_command = [](std::uint64_t) {};
  controller.on_data = [](std::uint64_t) {};
  std::vector<std::uint16_t> order;
  joined.host.on_response = [&](std::uint16_t cid) { order.push_back(cid); };
  Bytes first(300'000), second(300'000);
  EXPECT_EQ(joined.host.send(make_sqe(kRead, 0), nullptr, &first), 0);
  EXPECT_EQ(joined.host.send(make_sqe(kFlush, 1)), 0);
  EXPECT_EQ(joined.host.send(make_sqe(kRead, 2), nullptr, &second), 0);
  EXPECT_EQ(joined.host.send(make_sqe(kFlush, 3)), 0);
  world.run_until([&] { return controller.order.size() == 4; });
  const Bytes data = pattern(300'000, 1);
  std::uint64_t given = 0;
  if (in_two_calls) {  // its data comes early, its answer after another's
    EXPECT_EQ(controller.send(controller.order[2], 0, data.data(), 200'000, 10), 0);
    given = 200'000;
  }
  const Cqe cqe0 = make_cqe(0), cqe2 = make_cqe(2);
  EXPECT_EQ(controller.send(controller.order[0], 0, data.data(), data.size(), 0, &cqe0), 0);
  EXPECT_EQ(controller.respond(controller.order[1]), 0);
  EXPECT_EQ(controller.send(controller.order[2], given, data.data() + given, data.size() - given, 2, &cqe2), 0);
  EXPECT_EQ(controller.respond(controller.order[3]), 0);
  world.run_until([&] { return order.size() == 4; });
  EXPECT_EQ(first, data);
  EXPECT_EQ(second, data);
  for (const std::uint64_t token : controller.order) EXPECT_EQ(controller.release(token), 0);
  return order;
}

using Order = std::vector<std::uint16_t>;

TEST(Order, UnderFlowControlResponsesLeaveInTheOrderOfTheCalls) {
  EXPECT_EQ(order_of_responses(true, false), (Order{0, 1, 2, 3}));
  EXPECT_EQ(order_of_responses(true, true), (Order{0, 1, 2, 3}));
}

TEST(Order, WithoutFlowControlSmallResponsesGoFirst) {
  EXPECT_EQ(order_of_responses(false, false), (Order{1, 3, 0, 2}));
}

}  // namespace
}  // namespace weft::test
