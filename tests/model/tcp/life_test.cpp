// The whole life of a queue pair, for each way of negotiating it, over a wire that cuts the stream in different places.
#include <fmt/format.h>

#include "world.hpp"

namespace weft::test {
namespace {

struct Shape {
  bool header_digest, data_digest;
  int pda;
  std::size_t chunk;
  const char *max_h2c, *max_c2h;
  const char* max_r2t;
  std::size_t piece;
};

std::string name_of(const ::testing::TestParamInfo<Shape>& info) {
  const Shape& shape = info.param;
  return fmt::format("{}{}Pda{}Chunk{}H2c{}C2h{}R2t{}Piece{}", shape.header_digest ? "Hdgst" : "",
                     shape.data_digest ? "Ddgst" : "", shape.pda, shape.chunk, shape.max_h2c, shape.max_c2h,
                     shape.max_r2t, shape.piece);
}

class Life : public ::testing::TestWithParam<Shape> {
 protected:
  Options host_options() const {
    const Shape& shape = GetParam();
    return {{"hdgst", shape.header_digest ? "on" : "off"},
            {"ddgst", shape.data_digest ? "on" : "off"},
            {"pda", std::to_string(shape.pda)},
            {"maxr2t", shape.max_r2t}};
  }
  Options controller_options() const {
    const Shape& shape = GetParam();
    return {{"maxh2cdata", shape.max_h2c},
            {"maxc2hdata", shape.max_c2h},
            {"pda", std::to_string(shape.pda)},
            {"maxr2t", "16"}};
  }
};

TEST_P(Life, MovesDataBothWaysAndEndsCleanly) {
  World world;
  const weft_qpair_params io = params(16, false, 4096);
  Joined joined(world, host_options(), controller_options(), io, params(8, true));
  joined.wire.chunk = GetParam().chunk;
  ControllerQueue& controller = joined.controller();
  controller.piece = GetParam().piece;
  weft_error error{};
  error.size = sizeof error;
  ASSERT_EQ(world.table.configure(controller.handle, &io, &error), 0) << error.text;
  HostQueue& host = joined.host;

  // Connect-like: a Fabrics capsule with 1,024 bytes of data.
  const Bytes connect = pattern(1024, 1);
  ASSERT_EQ(host.send(make_sqe(kFabrics, 0), &connect), 0);
  world.run_until([&] { return host.answered(0); });
  EXPECT_EQ(controller.commands[controller.order[0]].data, connect);

  const bool byte_by_byte = GetParam().chunk < 64;
  std::uint16_t cid = 1;
  for (const std::size_t length : {std::size_t{1}, std::size_t{512}, std::size_t{4096}, std::size_t{4097},
                                   std::size_t{8192}, std::size_t{20000}, std::size_t{262144}}) {
    if (byte_by_byte && length > 8192) break;
    const Bytes data = pattern(length, static_cast<std::uint32_t>(length));
    Bytes back(length);
    ASSERT_EQ(host.send(make_sqe(kWrite, cid, 100), &data, nullptr, length > 3 ? 3 : 1), 0);
    world.run_until([&] { return host.answered(cid); });
    EXPECT_EQ(host.responses[cid].moved, length);
    ASSERT_EQ(host.send(make_sqe(kRead, static_cast<std::uint16_t>(cid + 1), 100), nullptr, &back, length > 5 ? 5 : 1),
              0);
    world.run_until([&] { return host.answered(static_cast<std::uint16_t>(cid + 1)); });
    EXPECT_EQ(back, data) << length << " bytes";
    EXPECT_EQ(host.responses[static_cast<std::uint16_t>(cid + 1)].moved, length);
    EXPECT_EQ(host.responses[cid].error, 0);
    cid = static_cast<std::uint16_t>((cid + 2) % 14);
  }

  world.table.close(host.handle, WEFT_CLOSE_FLUSH, 0);
  world.run_until([&] { return host.closed && controller.closed; });
  EXPECT_EQ(host.closed->code, 0) << host.closed->text;
  EXPECT_EQ(controller.closed->code, 0) << controller.closed->text;
  EXPECT_EQ(controller.closed->origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(controller.held, 0);
}

TEST_P(Life, KeepsManyCommandsApart) {
  const std::uint16_t count = GetParam().chunk < 64 ? 3 : 32;  // a byte at a time takes long
  World world;
  const weft_qpair_params io = params(32, false, 4096);
  Joined joined(world, host_options(), controller_options(), io, io);
  joined.wire.chunk = GetParam().chunk;
  joined.controller().piece = GetParam().piece;
  HostQueue& host = joined.host;
  std::vector<Bytes> data, back;
  for (std::uint16_t cid = 0; cid < count; ++cid)
    data.push_back(pattern(std::size_t{1000} + cid * std::size_t{1500}, cid));
  for (std::uint16_t cid = 0; cid < count; ++cid)
    ASSERT_EQ(host.send(make_sqe(kWrite, cid, cid * 65536u), &data[cid]), 0);
  world.run_until([&] { return host.outstanding == 0; });
  for (std::uint16_t cid = 0; cid < count; ++cid) back.emplace_back(data[cid].size());
  for (std::uint16_t cid = 0; cid < count; ++cid)
    ASSERT_EQ(host.send(make_sqe(kRead, cid, cid * 65536u), nullptr, &back[cid]), 0);
  world.run_until([&] { return host.outstanding == 0; });
  EXPECT_EQ(back, data);
  for (const auto& [cid, response] : host.responses) EXPECT_EQ(response.error, 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Life,
                         ::testing::Values(Shape{false, false, 0, 65536, "1048576", "262144", "1", 0},
                                           Shape{true, false, 0, 65536, "1048576", "262144", "1", 0},
                                           Shape{false, true, 0, 65536, "1048576", "262144", "1", 0},
                                           Shape{true, true, 0, 65536, "131072", "262144", "1", 0},
                                           Shape{true, true, 31, 65536, "4096", "4096", "4", 0},
                                           Shape{false, false, 31, 777, "4096", "4096", "16", 0},
                                           Shape{false, false, 3, 4099, "8192", "12288", "2", 5000},
                                           Shape{true, true, 5, 4099, "8192", "12288", "2", 5000},
                                           Shape{false, true, 0, 1000, "65536", "65536", "3", 30000},
                                           Shape{false, false, 0, 1, "4096", "4096", "1", 0},
                                           Shape{true, true, 7, 1, "4096", "4096", "2", 3000}),
                         name_of);

TEST(Folding, SuccessIsFoldedOnlyWhenAllowed) {
  World world;
  Joined joined(world);
  HostQueue& host = joined.host;
  Bytes back(512);
  ASSERT_EQ(host.send(make_sqe(kRead, 3), nullptr, &back), 0);
  world.run_until([&] { return host.answered(3); });
  EXPECT_EQ(host.responses[3].flags, 0u) << "SQHD is not valid in a folded response";
  EXPECT_EQ(joined.controller().data.begin()->second.flags, WEFT_RESPONSE_SENT | WEFT_RESPONSE_IMPLIED);
  EXPECT_EQ(status_of(*host.responses[3].cqe), 0);
  EXPECT_EQ(load<le16>(host.responses[3].cqe->data() + 12), 3);

  joined.controller().allow_implied = false;
  ASSERT_EQ(host.send(make_sqe(kRead, 4), nullptr, &back), 0);
  world.run_until([&] { return host.answered(4); });
  EXPECT_EQ(host.responses[4].flags, WEFT_SQHD_VALID);
  EXPECT_EQ(joined.controller().data.begin()->second.flags, WEFT_RESPONSE_SENT);
}

TEST(Limits, SayWhatTheTransportTakes) {
  World world;
  Joined joined(world);
  EXPECT_EQ(joined.host.limits->max_in_capsule_admin, 8192u);
  EXPECT_GE(joined.host.limits->max_iov, 16u);
  EXPECT_EQ(joined.host.limits->max_descriptors, 1u);
}

TEST(InCapsule, GoesByWhatIsGranted) {
  World world;
  Joined joined(world, {}, {}, params(8, false, 2048), params(8, false, 2048));
  const weft_qpair_params io = params(8, false, 2048);
  ASSERT_EQ(world.table.configure(joined.controller().handle, &io, nullptr), 0);
  HostQueue& host = joined.host;
  const Bytes small = pattern(2048, 1), large = pattern(2049, 2), fabrics = pattern(8192, 3);
  ASSERT_EQ(host.send(make_sqe(kWrite, 0), &small), 0);
  ASSERT_EQ(host.send(make_sqe(kWrite, 1), &large), 0);
  ASSERT_EQ(host.send(make_sqe(kFabrics, 2), &fabrics), 0);
  world.run_until([&] { return host.outstanding == 0; });
  const auto& order = joined.controller().order;
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(joined.controller().commands[order[0]].told.flags, WEFT_DATA_IN_CAPSULE | WEFT_DATA_COMPLETE);
  EXPECT_EQ(joined.controller().commands[order[1]].told.flags, 0u);
  EXPECT_EQ(joined.controller().commands[order[2]].told.flags, WEFT_DATA_IN_CAPSULE | WEFT_DATA_COMPLETE);
  for (const auto& [cid, response] : host.responses) EXPECT_EQ(status_of(*response.cqe), 0) << cid;
}

}  // namespace
}  // namespace weft::test
