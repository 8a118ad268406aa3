// The real connection code over sockets that a script makes difficult: a few bytes a call, refusals, errors at a
// moment.
#include <sys/socket.h>

#include <cerrno>

#include "plugins/tcp/connection.hpp"
#include "plugins/tcp/group.hpp"
#include "plugins/tcp/host_side.hpp"
#include "plugins/tcp/socket.hpp"
#include "world.hpp"

namespace weft::test {
namespace {

using tcp::IoResult;

struct Script {
  std::size_t receive_most = SIZE_MAX, send_most = SIZE_MAX;
  int refuse_every = 0;  // each so many calls: as if there were nothing, or no room
  int refusal = EAGAIN;  // of sending
  std::uint64_t fail_after_sends = UINT64_MAX;
  int receive_error = 0;  // from now on
  std::uint64_t receives = 0, sends = 0;
};

class ScriptedSocket final : public tcp::Socket {
 public:
  ScriptedSocket(int fd, Script& script) : real_(plugin::UniqueFd(fd)), script_(script) {}

  IoResult receive(std::span<iovec> into) override {
    if (script_.receive_error != 0) return {-1, script_.receive_error};
    if (refused(++script_.receives)) return {-1, EAGAIN};
    return real_.receive(limit(into, script_.receive_most));
  }
  IoResult send(std::span<iovec> from) override {
    if (++script_.sends > script_.fail_after_sends) return {-1, EPIPE};
    if (refused(script_.sends)) return {-1, script_.refusal};
    return real_.send(limit(from, script_.send_most));
  }
  void shutdown_write() override { real_.shutdown_write(); }
  [[nodiscard]] int fd() const override { return real_.fd(); }

 private:
  [[nodiscard]] bool refused(std::uint64_t call) const {
    return script_.refuse_every != 0 && call % static_cast<std::uint64_t>(script_.refuse_every) == 0;
  }
  std::span<iovec> limit(std::span<iovec> pieces, std::size_t most) {
    copy_.assign(pieces.begin(), pieces.end());
    std::size_t used = 0;
    for (iovec& piece : copy_) {
      piece.iov_len = std::min(piece.iov_len, most - used);
      used += piece.iov_len;
    }
    return copy_;
  }
  tcp::KernelSocket real_;
  Script& script_;
  std::vector<iovec> copy_;
};

// A host whose socket is scripted, and a controller over the plain other end.
class Scripted : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0); }

  tcp::Connection& adopt(tcp::Role role, const weft_qpair_events& events, void* ctx, const Options& options) {
    std::vector<weft_option> raw;
    for (const auto& [key, value] : options) raw.push_back({key.c_str(), value.c_str()});
    const auto parsed = tcp::Options::parse(raw, {});
    EXPECT_TRUE(parsed.has_value());
    auto& group = *reinterpret_cast<tcp::Group*>(world_.host_group);
    auto queue = std::make_unique<tcp::Connection>(group, role, *parsed, params(16, true), events, ctx);
    queue->start(std::make_unique<ScriptedSocket>(fds_[0], script_));
    return *queue.release();  // the group's, as those that it opens itself
  }
  World world_;
  Script script_;
  int fds_[2] = {-1, -1};
};

struct Recorder {
  bool ready = false;
  std::map<std::uint16_t, std::pair<int, std::uint64_t>> responses;
  std::optional<Closed> closed;

  static const weft_qpair_events& events() {
    static const weft_qpair_events table = {
        .size = sizeof(weft_qpair_events),
        .reserved = 0,
        .on_ready = [](void* ctx, const weft_limits*) { static_cast<Recorder*>(ctx)->ready = true; },
        .on_command = nullptr,
        .on_response =
            [](void* ctx, const weft_response* told) {
              static_cast<Recorder*>(ctx)->responses[told->cid] = {told->error, told->moved};
            },
        .on_data = nullptr,
        .on_closed =
            [](void* ctx, const weft_error* error) {
              static_cast<Recorder*>(ctx)->closed =
                  Closed{error->code, error->origin, error->detail, error->stage, error->text};
            },
    };
    return table;
  }
};

struct Difficulty {
  std::size_t receive_most, send_most;
  int refuse_every, refusal;
};

class Difficult : public Scripted, public ::testing::WithParamInterface<Difficulty> {};

// Every PDU is cut at every place: header, padding, data, digest, on the way out and on the way in.
TEST_P(Difficult, DataIsWholeAndDigestsFit) {
  script_.receive_most = GetParam().receive_most;
  script_.send_most = GetParam().send_most;
  script_.refuse_every = GetParam().refuse_every;
  script_.refusal = GetParam().refusal;
  Recorder host;
  Server server(world_, Where(fds_[1], {{"maxh2cdata", "4096"}, {"maxc2hdata", "4096"}, {"pda", "7"}}),
                params(16, true));
  tcp::Connection& queue = adopt(tcp::Role::kHost, Recorder::events(), &host,
                                 {{"hdgst", "on"}, {"ddgst", "on"}, {"pda", "3"}, {"maxr2t", "3"}});
  world_.run_until([&] { return host.ready && !server.queues.empty(); });
  std::uint16_t cid = 0;
  for (const std::size_t length : {std::size_t{700}, std::size_t{9001}, std::size_t{14000}}) {
    Bytes data = pattern(length, static_cast<std::uint32_t>(length)), back(length);
    const weft_iov out[3] = {
        {data.data(), 5, nullptr}, {data.data() + 5, 100, nullptr}, {data.data() + 105, length - 105, nullptr}};
    const weft_iov in[2] = {{back.data(), 333, nullptr}, {back.data() + 333, length - 333, nullptr}};
    ASSERT_EQ(queue.send_command(make_sqe(kWrite, cid).data(), out, WEFT_DIR_OUT), 0);
    world_.run_until([&] { return host.responses.contains(cid); });
    EXPECT_EQ(host.responses[cid], std::pair(0, std::uint64_t{length}));
    ASSERT_EQ(queue.send_command(make_sqe(kRead, static_cast<std::uint16_t>(cid + 1)).data(), in, WEFT_DIR_IN), 0);
    world_.run_until([&] { return host.responses.contains(static_cast<std::uint16_t>(cid + 1)); });
    EXPECT_EQ(host.responses[static_cast<std::uint16_t>(cid + 1)], std::pair(0, std::uint64_t{length}));
    EXPECT_EQ(back, data);
    cid = static_cast<std::uint16_t>(cid + 2);
  }
  weft_stats stats{};
  stats.size = sizeof stats;
  world_.table.qpair_stats(server.queues[0]->handle, &stats);
  EXPECT_EQ(stats.digest_errors, 0u);
  queue.close(0, 0);
  world_.run_until([&] { return host.closed.has_value(); });
}

INSTANTIATE_TEST_SUITE_P(Ways, Difficult,
                         ::testing::Values(Difficulty{1, 1, 0, 0}, Difficulty{7, 3, 0, 0},
                                           Difficulty{1000, 1, 3, EAGAIN}, Difficulty{3, 4097, 2, ENOBUFS},
                                           Difficulty{SIZE_MAX, 13, 5, EAGAIN}));

TEST_F(Scripted, AWriteErrorEndsItWithItsReason) {
  Recorder host;
  Server server(world_, Where(fds_[1]), params(16, true));
  tcp::Connection& queue = adopt(tcp::Role::kHost, Recorder::events(), &host, {});
  world_.run_until([&] { return host.ready; });
  script_.fail_after_sends = script_.sends;
  ASSERT_EQ(queue.send_command(make_sqe(kFlush, 1).data(), {}, 0), 0);
  world_.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -EPIPE);
  EXPECT_EQ(host.closed->origin, WEFT_ORIGIN_NETWORK);
  EXPECT_EQ(host.responses[1].first, -EPIPE);
}

TEST_F(Scripted, AResetIsACleanEndOnlyWhenNothingIsUnderWay) {
  for (const bool busy : {false, true}) {
    if (busy) {
      script_ = {};
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
    }
    Recorder host;
    Server server(world_, Where(fds_[1]), params(16, true));
    tcp::Connection& queue = adopt(tcp::Role::kHost, Recorder::events(), &host, {});
    world_.run_until([&] { return host.ready && !server.queues.empty(); });
    server.queues[0]->on_command = [](std::uint64_t) {};
    if (busy) {
      ASSERT_EQ(queue.send_command(make_sqe(kFlush, 1).data(), {}, 0), 0);
      world_.run_until([&] { return server.queues[0]->held == 1; });
    }
    script_.receive_error = ECONNRESET;
    server.queues.clear();
    world_.run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->code, busy ? -ECONNRESET : 0);
    EXPECT_EQ(host.responses.size(), busy ? 1u : 0u);
  }
}

}  // namespace
}  // namespace weft::test
