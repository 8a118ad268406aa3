// fuzz_host.cpp - a whole host against a controller whose answers stray from valid ones.
//
// An input is a list of patches: which answer, then an offset and what that byte is XORed with (support/patches.hpp). A host
// connects, lists and identifies namespaces, reads logs, then asks discovery and puts each entry into words as the program
// does. What is promised: nothing crashes, every call ends once, what is accepted is usable, and nothing is left afterwards.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fuzz/support/outcomes.hpp"
#include "fuzz/support/patches.hpp"
#include "support/fake_clock.hpp"
#include "support/loopback_transport.hpp"
#include "support/scripted_controller.hpp"
#include "tools/weft/discovered.hpp"
#include "weft/host.hpp"

namespace weft::fuzz {
namespace {

using test::FakeClock;
using test::Received;
using test::Verdict;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr char kDiscoveryNqn[] = "nqn.2014-08.org.nvmexpress.discovery";

enum Outcome : std::size_t {
  kConnected,
  kConnectFailed,
  kListed,
  kIdentified,
  kIdentifyRefused,
  kDiscovered,
  kDiscoveryRefused,
  kEntryInWords,
  kLogRead,
};
Outcomes outcomes({"connected", "connecting failed", "namespaces listed", "a namespace identified",
                   "a namespace refused", "a discovery log read", "a discovery log refused", "an entry with a URL",
                   "a health log read"});

// The answers that can stray. A page is as long as what the controller sends of it.
enum Page : std::uint8_t {
  kIdentity,
  kList,
  kNamespace,
  kDescriptors,
  kDiscoveryPage,
  kCap,
  kVs,
  kCqe,
  kHealth,
  kPages
};

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> valid_namespace() {
  nvme::IdentifyNamespace ns;
  ns.nsze = 64;
  ns.ncap = 64;
  ns.nuse = 64;
  ns.lbaf[0].lbads = 9;
  return bytes_of(ns);
}

std::vector<std::byte> valid_discovery() {
  fabrics::DiscoveryLogHeader header;
  header.genctr = 3;
  header.numrec = 2;
  fabrics::DiscoveryLogEntry entry;
  entry.trtype = 3;
  entry.adrfam = 1;
  entry.subtype = 2;
  entry.cntlid = 0xFFFF;
  const auto put = [](auto& field, std::string_view text) { std::memcpy(&field, text.data(), text.size()); };
  put(entry.traddr, "192.0.2.1");
  put(entry.trsvcid, "4420");
  put(entry.subnqn, "nqn.2026-01.org.example:disk");
  std::vector<std::byte> page = bytes_of(header);
  for (int i = 0; i < 2; ++i) {
    const auto bytes = bytes_of(entry);
    page.insert(page.end(), bytes.begin(), bytes.end());
  }
  return page;
}

std::vector<std::byte> valid_page(unsigned which) {
  std::vector<std::byte> page(which == kHealth ? 512 : 4096);
  switch (which) {
    case kNamespace:
      return valid_namespace();
    case kDiscoveryPage:
      return valid_discovery();
    case kList:
      page[0] = std::byte{1};
      page[4] = std::byte{2};
      return page;
    case kDescriptors:
      page[0] = std::byte{3};  // a UUID
      page[1] = std::byte{16};
      std::fill_n(page.begin() + 4, 16, std::byte{7});
      return page;
    case kCap:
      return bytes_of(nvme::Cap().with_mqes(127).with_to(2).with_css(nvme::Cap::kCssNvm).with_cqr(true).value());
    case kVs:
      return bytes_of(nvme::Vs(2, 0, 0).value());
    case kCqe:  // of Connect: result, then status
      page.assign(10, std::byte{});
      page[0] = std::byte{7};
      return page;
    default:
      return page;
  }
}

class World {
 public:
  World() {
    FakeClock::set(kSecond);
    require(registry.add(test::loopback_transport(), "loopback").has_value(), "no loopback transport");
    reactor = *Reactor::create({.wait = WaitPolicy::kPoll, .clock = &FakeClock::now});
    controller = std::make_unique<test::ScriptedController>(*reactor, registry);
    controller->script = [this](const Received& command) { return judge(command); };
    for (unsigned which = 0; which < kPages; ++which) valid_[which] = valid_page(which);
    nvme::IdentifyController identity = controller->identity;
    identity.cntlid = controller->cntlid;
    valid_[kIdentity] = bytes_of(identity);
    options.kato = std::chrono::milliseconds(0);
    options.hostnqn = "nqn.2026-01.org.example:host";
    options.hostid = "00112233-4455-6677-8899-aabbccddeeff";
  }

  void patch(Bytes input) {
    pages_ = valid_;
    while (!input.done()) {
      const std::uint8_t which = input.byte();  // its highest bits: how near to where the fields are
      constexpr std::array<std::size_t, 4> kNear{SIZE_MAX, 256, 64, 32};
      const std::size_t near = kNear[which >> 6];
      const unsigned chosen = (which & 0x3Fu) % kPages;
      std::span<std::byte> page(pages_[chosen]);
      if (chosen == kNamespace && near <= 64) page = page.subspan(120);  // the LBA formats
      apply_patch(input, page.first(std::min(page.size(), near)));
    }
    controller->cap = nvme::Cap(number<std::uint64_t>(kCap));
    controller->vs = nvme::Vs(number<std::uint32_t>(kVs));
    controller->cc = {};
    controller->csts = {};
    controller->log.clear();
  }

  template <class Done>
  void run_until(const Done& done) {
    for (int step = 0; !done(); ++step) {
      require(step < 100'000, "a call never ended");
      while (reactor->run_once() != 0) {
      }
      if (!done()) FakeClock::advance(5 * kMs);
    }
  }
  void settle() {
    while (reactor->run_once() != 0) {
    }
  }

  TransportRegistry registry{SearchPath{}};
  std::unique_ptr<Reactor> reactor;
  std::unique_ptr<test::ScriptedController> controller;
  HostOptions options;

 private:
  template <class T>
  T number(Page page) const {
    T value;
    std::memcpy(&value, pages_[page].data(), sizeof value);
    return value;
  }

  Verdict page(Page which, std::size_t from = 0, std::size_t most = SIZE_MAX) const {
    const std::vector<std::byte>& whole = pages_[which];
    const std::size_t start = std::min(from, whole.size());
    const std::size_t end = start + std::min(most, whole.size() - start);
    return Verdict::with({.status = {},
                          .data = {whole.begin() + static_cast<std::ptrdiff_t>(start),
                                   whole.begin() + static_cast<std::ptrdiff_t>(end)}});
  }

  Verdict identify(const nvme::Sqe& sqe) const {
    switch (sqe.cdw10 & 0xFF) {
      case nvme::cns::kController:
        return page(kIdentity);
      case nvme::cns::kActiveNamespaces:
        return page(kList);
      case nvme::cns::kNamespace:
        return page(kNamespace);
      case nvme::cns::kNamespaceDescriptors:
        return page(kDescriptors);
      default:
        return Verdict::model();
    }
  }

  Verdict judge(const Received& command) const {
    if (command.is_fabrics(fabrics::fctype::kConnect)) {
      std::uint64_t result = 0;
      std::uint16_t status = 0;
      std::memcpy(&result, pages_[kCqe].data(), sizeof result);
      std::memcpy(&status, pages_[kCqe].data() + sizeof result, sizeof status);
      if (status == 0 && result == controller->cntlid) return Verdict::model();
      return Verdict::refuse(NvmeStatus(status), result);
    }
    if (command.is_admin(nvme::admin::kIdentify)) return identify(command.sqe);
    if (!command.is_admin(nvme::admin::kGetLogPage)) return Verdict::model();
    const auto arguments = command.sqe.arguments<nvme::GetLogPageArguments>();
    const bool discovery = arguments.lid == nvme::log_page::kDiscovery;
    return page(discovery ? kDiscoveryPage : kHealth, arguments.offset, command.length);
  }

  std::array<std::vector<std::byte>, kPages> valid_, pages_;
};

World& world() {
  static World& one = *new World;  // never destroyed: it outlives whatever exit() runs
  return one;
}

// A call that answers by a callback.
template <class T, class Call>
Result<T> ask(const Call& call) {
  std::optional<Result<T>> result;
  call([&](Result<T> value) {
    require(!result.has_value(), "two answers to one call");
    result = std::move(value);
  });
  world().run_until([&] { return result.has_value(); });
  if (!*result) require(!result->error().text.empty(), "an error without a sentence");
  return std::move(*result);
}

std::unique_ptr<Host> connect(const char* nqn) {
  auto host = ask<std::unique_ptr<Host>>([&](auto done) {
    Address address = *Address::parse("loop://here");
    address.subnqn = nqn;
    Host::connect(*world().reactor, world().registry, address, world().options, std::move(done));
  });
  outcomes.reached(host ? kConnected : kConnectFailed);
  if (!host) return nullptr;
  require((*host)->io_queues() <= world().options.queues, "more queues than were asked for");
  return std::move(*host);
}

void look_at_namespaces(Host& host) {
  const auto list = ask<std::vector<std::uint32_t>>([&](auto done) { host.list_namespaces(std::move(done)); });
  if (list) outcomes.reached(kListed);
  const auto ns = ask<Namespace>([&](auto done) { host.identify_namespace(1, std::move(done)); });
  outcomes.reached(ns ? kIdentified : kIdentifyRefused);
  if (!ns) return;
  require(std::has_single_bit(ns->block_size) && ns->block_size >= 512, "blocks of a size that there is not");
  require(ns->blocks <= UINT64_MAX / ns->block_size, "a namespace larger than a number of bytes can say");
}

void look_at_logs(Host& host) {
  const auto log = ask<std::vector<std::byte>>(
      [&](auto done) { host.get_log_page(nvme::log_page::kSmart, 0xFFFFFFFF, 0, 512, std::move(done)); });
  if (log) outcomes.reached(kLogRead);
}

void look_at_discovery(Host& host) {
  const auto log = ask<std::vector<fabrics::DiscoveryLogEntry>>([&](auto done) { host.discover(std::move(done)); });
  outcomes.reached(log ? kDiscovered : kDiscoveryRefused);
  if (!log) return;
  for (const fabrics::DiscoveryLogEntry& entry : *log) {
    const tools::Discovered words = tools::read_entry(world().registry, entry);
    if (!words.url.empty()) outcomes.reached(kEntryInWords);
  }
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) { return weft::fuzz::outcomes.judge_at_exit(argc, argv); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = weft::fuzz;
  fuzz::world().patch({data, size});
  if (auto host = fuzz::connect("nqn.2026-01.org.example:disk")) {
    fuzz::look_at_namespaces(*host);
    fuzz::look_at_logs(*host);
  }
  if (auto host = fuzz::connect(fuzz::kDiscoveryNqn)) fuzz::look_at_discovery(*host);
  fuzz::world().run_until([] { return weft::test::loopback_control().live().qpairs == 0; });
  fuzz::world().settle();
  return 0;
}
