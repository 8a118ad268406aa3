// fuzz_target.cpp - a whole target, its Connect and its command sets, against a host that may say anything.
//
// An input is a list of commands: which one, then what is changed in its submission queue entry and its data (see
// support/patches.hpp), so that `00 00 05 00` connects and enables. They go through the real server over the loopback
// transport. What is promised: nothing crashes, no command is answered twice, and nothing is left when the host has gone.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/controller/server.hpp"
#include "core/wire/sqe.hpp"
#include "fuzz/support/outcomes.hpp"
#include "fuzz/support/patches.hpp"
#include "support/capsule_host.hpp"
#include "support/fake_clock.hpp"
#include "support/loopback_transport.hpp"
#include "support/memory_backend.hpp"

namespace weft::fuzz {
namespace {

using test::CapsuleHost;
using test::FakeClock;

constexpr char kNqn[] = "nqn.2026-01.org.example:disk";
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kBlock = 512;
constexpr unsigned kMostCommands = 24;

enum Kind : std::uint8_t {
  kConnectAdmin,
  kConnectIo,
  kConnectDiscovery,
  kGetCap,
  kGetCsts,
  kEnable,
  kShutDown,
  kIdentifyController,
  kIdentifyNamespace,
  kActiveList,
  kDescriptors,
  kHealthLog,
  kErrorLog,
  kDiscoveryLog,
  kGetFeature,
  kSetFeature,
  kKeepAlive,
  kAbort,
  kEventRequest,
  kRead,
  kWrite,
  kCompare,
  kWriteZeroes,
  kDataset,
  kFlush,
  kDisconnect,
  kKinds,
};

// Each kind is to succeed at least once; then what a Connect that is refused may hear.
constexpr std::array<const char*, kKinds> kNames{"Connect of an admin queue",
                                                 "Connect of an I/O queue",
                                                 "Connect to discovery",
                                                 "Property Get CAP",
                                                 "Property Get CSTS",
                                                 "Property Set CC",
                                                 "Property Set CC.SHN",
                                                 "Identify controller",
                                                 "Identify namespace",
                                                 "Identify active list",
                                                 "Identify descriptors",
                                                 "Get Log Page health",
                                                 "Get Log Page errors",
                                                 "Get Log Page discovery",
                                                 "Get Features",
                                                 "Set Features",
                                                 "Keep Alive",
                                                 "Abort",
                                                 "Asynchronous Event",
                                                 "Read",
                                                 "Write",
                                                 "Compare",
                                                 "Write Zeroes",
                                                 "Dataset Management",
                                                 "Flush",
                                                 "Disconnect"};

struct Refusal {
  std::uint16_t code;
  std::uint32_t where;
  const char* name;
};
constexpr std::uint32_t kInData = 1u << 16;
constexpr std::array kRefusals{
    Refusal{0x180, 0, "Connect refused: record format"},
    Refusal{0x182, 42, "Connect refused: QID"},
    Refusal{0x182, 44, "Connect refused: SQSIZE"},
    Refusal{0x182, 24, "Connect refused: length of the data"},
    Refusal{0x182, kInData | 0, "Connect refused: HOSTID"},
    Refusal{0x182, kInData | 16, "Connect refused: CNTLID"},
    Refusal{0x182, kInData | 256, "Connect refused: SUBNQN"},
    Refusal{0x182, kInData | 512, "Connect refused: HOSTNQN"},
};

std::vector<const char*> outcome_names() {
  std::vector<const char*> names(kNames.begin(), kNames.end());
  for (const Refusal& refusal : kRefusals) names.push_back(refusal.name);
  names.push_back("a command refused with Invalid Field");
  names.push_back("a command refused with Invalid Opcode");
  names.push_back("a command refused with Command Sequence Error");
  return names;
}
constexpr std::size_t kInvalidField = kKinds + kRefusals.size();
constexpr std::array<std::uint16_t, 3> kGenericRefusals{0x02, 0x01, 0x0C};

Outcomes outcomes(outcome_names());

// What lives as long as the program: a server with one subsystem of one namespace.
struct World {
  TransportRegistry registry{SearchPath{}};
  std::unique_ptr<Reactor> reactor;
  std::unique_ptr<controller::Server> server;
  Transport* transport = nullptr;

  World() {
    require(registry.add(test::loopback_transport(), "loopback").has_value(), "no loopback transport");
    ReactorOptions options;
    options.clock = &FakeClock::now;
    reactor = std::move(*Reactor::create(options));
    Reactor* const one = reactor.get();
    server = std::make_unique<controller::Server>(registry, TargetOptions{}, std::span(&one, 1));
    transport = *registry.find("loop", WEFT_ROLE_CONTROLLER);
    require(
        server->add_subsystem({.nqn = kNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"})
            .has_value(),
        "no subsystem");
    NamespaceOptions ns;
    ns.backend = std::make_unique<test::MemoryBackend>(std::make_shared<test::MemoryStorage>(1024));
    std::optional<Result<std::uint32_t>> added;
    server->add_namespace(kNqn, std::move(ns), [&](Result<std::uint32_t> result) { added = std::move(result); });
    while (!added) reactor->run_once(0);
    require(added->has_value(), "no namespace");
    require(server->listen(*Address::parse("loop://here"), false).has_value(), "nobody listens");
  }

  void settle() {
    for (int idle = 0; idle < 4;) idle = reactor->run_once(0) == 0 ? idle + 1 : 0;
  }
};

World& world() {
  static World& one = *new World;  // never destroyed: it outlives whatever exit() runs
  return one;
}

struct Command {
  nvme::Sqe sqe;
  std::vector<std::byte> out;
  std::vector<std::byte> in;
};

Command connect(std::uint16_t qid, std::uint16_t cntlid, const char* subnqn) {
  const fabrics::ConnectData data = CapsuleHost::connect_data({.subnqn = subnqn}, cntlid);
  const auto bytes = std::as_bytes(std::span(&data, 1));
  return {
      wire::connect({.qid = qid, .entries = 32, .disable_sq_flow_control = true}), {bytes.begin(), bytes.end()}, {}};
}

Command reading(const nvme::Sqe& sqe, std::size_t length) { return {sqe, {}, std::vector<std::byte>(length)}; }
Command writing(const nvme::Sqe& sqe, std::size_t length) { return {sqe, std::vector<std::byte>(length), {}}; }
Command plain(const nvme::Sqe& sqe) { return {sqe, {}, {}}; }

Command fabrics_command(Kind kind, std::uint16_t cntlid) {
  const auto cc = nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4);
  switch (kind) {
    case kConnectIo:
      return connect(1, cntlid, kNqn);
    case kConnectDiscovery:
      return connect(0, 0xFFFF, "nqn.2014-08.org.nvmexpress.discovery");
    case kGetCap:
      return plain(wire::property_get(nvme::property::kCap, true));
    case kGetCsts:
      return plain(wire::property_get(nvme::property::kCsts, false));
    case kEnable:
      return plain(wire::property_set(nvme::property::kCc, cc.value(), false));
    case kShutDown:
      return plain(wire::property_set(nvme::property::kCc, cc.with_shn(nvme::Cc::kShutdownNormal).value(), false));
    case kDisconnect:
      return plain(wire::disconnect());
    default:
      return connect(0, 0xFFFF, kNqn);
  }
}

Command admin_command(Kind kind) {
  const auto log = [](std::uint8_t lid, std::uint32_t length) {
    return reading(wire::get_log_page({.lid = lid, .length = length}), length);
  };
  switch (kind) {
    case kIdentifyController:
      return reading(wire::identify({}), 4096);
    case kIdentifyNamespace:
      return reading(wire::identify({.cns = nvme::cns::kNamespace, .nsid = 1}), 4096);
    case kActiveList:
      return reading(wire::identify({.cns = nvme::cns::kActiveNamespaces}), 4096);
    case kDescriptors:
      return reading(wire::identify({.cns = nvme::cns::kNamespaceDescriptors, .nsid = 1}), 4096);
    case kHealthLog:
      return log(nvme::log_page::kSmart, 512);
    case kErrorLog:
      return log(nvme::log_page::kError, 64);
    case kDiscoveryLog:
      return log(nvme::log_page::kDiscovery, 2048);
    case kGetFeature:
      return plain(wire::get_features(nvme::feature::kNumberOfQueues));
    case kSetFeature:
      return plain(wire::set_features(nvme::feature::kNumberOfQueues, 0x00030003));
    case kAbort:
      return plain(wire::abort(0, 9));
    case kEventRequest:
      return plain(wire::async_event_request());
    default:
      return plain(wire::keep_alive());
  }
}

Command io_command(Kind kind) {
  switch (kind) {
    case kRead:
      return reading(wire::read(1, 8, 4), 4 * kBlock);
    case kWrite:
      return writing(wire::write(1, 8, 4), 4 * kBlock);
    case kCompare:
      return writing(wire::compare(1, 512, 4), 4 * kBlock);
    case kWriteZeroes:
      return plain(wire::write_zeroes(1, 8, 4));
    case kDataset:
      return writing(wire::dataset_management(1, 1, 4), sizeof(nvme::DsmRange));
    default:
      return plain(wire::flush(1));
  }
}

bool is_io(Kind kind) { return kind >= kRead && kind <= kFlush; }
bool is_connect(Kind kind) { return kind <= kConnectDiscovery; }

class Conversation {
 public:
  explicit Conversation(Bytes input) : input_(input) {}

  void run() {
    for (unsigned done = 0; done < kMostCommands && !input_.done(); ++done) step();
  }

 private:
  void step() {
    const auto kind = static_cast<Kind>(input_.byte() % kKinds);
    Command command = make(kind);
    const std::uint8_t shape = input_.byte();
    const std::span<std::byte> entry = std::as_writable_bytes(std::span(&command.sqe, 1));
    apply_patches(input_, shape & 3, entry);
    apply_patches(input_, (shape >> 2) & 3, entry.subspan(40));  // command dwords 10 to 15
    apply_patches(input_, (shape >> 4) & 3, command.out);
    if ((shape & 0x40) != 0) command.out.resize(command.out.size() / 2);
    if ((shape & 0x80) != 0) clear_field(command.out);
    command.sqe.flags =
        static_cast<std::uint8_t>(command.sqe.flags & ~nvme::flags::kPsdtMask);  // PSDT and SGL1 are the transport's
    command.sqe.sgl = {};
    turn_data(command);
    CapsuleHost* host = queue_for(kind);
    if (host == nullptr || host->closed()) return;
    buffers_.push_back(std::move(command.in));
    const std::uint16_t cid = host->send(command.sqe, command.out, buffers_.back());
    world().settle();
    judge(kind, *host, cid);
  }

  // The data goes the way that the opcode says, as it is now: from the loopback a target asks for it as its opcode says.
  static void turn_data(Command& command) {
    constexpr unsigned kDirection = 3, kToController = 1, kToHost = 2;  // bits of an opcode
    const unsigned direction = command.sqe.opcode & kDirection;
    if (direction == kToController && !command.in.empty()) {
      command.out.resize(command.in.size());
      command.in.clear();
    } else if (direction == kToHost && !command.out.empty()) {
      command.in.resize(command.out.size());
      command.out.clear();
    }
  }

  // Zeroes for one field of Connect's data: a name that is empty, an identifier that is none.
  void clear_field(std::span<std::byte> data) {
    constexpr std::array<std::pair<std::size_t, std::size_t>, 4> kFields{{{0, 16}, {16, 2}, {256, 256}, {512, 256}}};
    const auto [at, size] = kFields[input_.byte() % kFields.size()];
    if (data.size() >= at + size) std::ranges::fill(data.subspan(at, size), std::byte{});
  }

  [[nodiscard]] Command make(Kind kind) const {
    if (is_io(kind)) return io_command(kind);
    if (is_connect(kind) || kind <= kShutDown || kind == kDisconnect) return fabrics_command(kind, cntlid_);
    return admin_command(kind);
  }

  CapsuleHost* queue_for(Kind kind) {
    if (is_connect(kind)) return open(kind);
    if ((is_io(kind) || kind == kDisconnect) && io_ != nullptr) return io_;
    return admin_;
  }

  CapsuleHost* open(Kind kind) {
    hosts_.push_back(
        std::make_unique<CapsuleHost>(*world().reactor, *world().transport, *Address::parse("loop://here")));
    CapsuleHost* const host = hosts_.back().get();
    if (!host->open(kind == kConnectIo ? 1 : 0, 32)) return nullptr;
    (kind == kConnectIo ? io_ : admin_) = host;
    return host;
  }

  void judge(Kind kind, const CapsuleHost& host, std::uint16_t cid) {
    const auto reply = host.reply(cid);
    if (!reply) {
      if (kind == kEventRequest && !host.closed()) outcomes.reached(kind);
      return;
    }
    if (reply->ok()) {
      outcomes.reached(kind);
      if (kind == kConnectAdmin || kind == kConnectDiscovery) cntlid_ = static_cast<std::uint16_t>(reply->result());
      return;
    }
    for (std::size_t i = 0; is_connect(kind) && i < kRefusals.size(); ++i) {
      const bool same = reply->code() == kRefusals[i].code && reply->result() == kRefusals[i].where;
      if (same) outcomes.reached(kKinds + i);
    }
    for (std::size_t i = 0; !is_connect(kind) && i < kGenericRefusals.size(); ++i) {
      if (reply->code() == kGenericRefusals[i]) outcomes.reached(kInvalidField + i);
    }
  }

  Bytes input_;
  std::vector<std::vector<std::byte>> buffers_;  // borrowed by commands until the queues are closed
  std::vector<std::unique_ptr<CapsuleHost>> hosts_;
  CapsuleHost* admin_ = nullptr;
  CapsuleHost* io_ = nullptr;
  std::uint16_t cntlid_ = 1;
};

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  testing::InitGoogleTest(argc, *argv);
  GTEST_FLAG_SET(throw_on_failure, true);  // an EXPECT of what is shared with the tests ends the run
  return weft::fuzz::outcomes.judge_at_exit(argc, argv);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::fuzz::Conversation({data, size}).run();
  weft::fuzz::world().settle();
  weft::test::FakeClock::advance(200 * weft::fuzz::kSecond);  // whatever lingers is over
  weft::fuzz::world().settle();
  weft::fuzz::require(weft::test::loopback_control().live().qpairs == 0, "a queue pair outlived its host");
  return 0;
}
