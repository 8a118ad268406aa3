// How an attacker gets as far as its kind of command wants it.
#include <fmt/format.h>

#include "tests/peer/hostile/attack/attack.hpp"

namespace weft::hostile {
namespace {

constexpr int kSmallest = 2048;  // receive buffer of a connection that is not to receive: the kernel's least
constexpr std::uint16_t kAdminEntries = 32;

bool succeeded(const std::optional<Answer>& answer) { return answer && answer->status == 0; }

bool open_queues(const AttackPlan& plan, const ConnectPlan& how, std::uint16_t cntlid, Attacker& into) {
  for (std::uint32_t qid = 1; qid <= plan.queues; ++qid) {
    RawHost& queue = into.io.emplace_back();
    if (!queue.shake_hands(how)) return false;
    const auto entries = static_cast<std::uint16_t>(std::max(plan.commands + 1, 2u));
    const auto connect = connect_command(static_cast<std::uint16_t>(qid), entries);
    if (!succeeded(queue.call(connect, connect_data(cntlid, how.subnqn, how.hostnqn)))) return false;
  }
  return true;
}

}  // namespace

bool open_attacker(const AttackPlan& plan, const Kind& kind, std::uint32_t index, Attacker& into) {
  into = Attacker{};
  const std::string& machine = plan.machines[index % plan.machines.size()];
  ConnectPlan how{.port = plan.port, .subnqn = plan.subnqn, .from = machine.c_str(), .receive_buffer = kSmallest};
  how.hostnqn = plan.names.empty() ? fmt::format("nqn.2026-01.org.example:invented-{}", index)
                                   : plan.names[index % plan.names.size()];
  if (kind.level == Level::kSocket) {
    into.admin.socket = RawSocket::connect(plan.port, how.from, kSmallest);
    return into.admin.socket.open();
  }
  if (!into.admin.shake_hands(how)) return false;
  if (kind.level == Level::kHello) return true;
  const auto connected =
      into.admin.call(connect_command(0, kAdminEntries), connect_data(0xffff, how.subnqn, how.hostnqn));
  if (!succeeded(connected)) return false;
  constexpr std::uint32_t kCc = 0x14, kEnabled = 0x00460061, kEnabledDiscovery = 0x00460001;
  const bool discovery = plan.subnqn.ends_with("nvmexpress.discovery");
  if (!succeeded(into.admin.call(property_set(1, kCc, discovery ? kEnabledDiscovery : kEnabled)))) return false;
  if (kind.level == Level::kAdmin) return true;
  return open_queues(plan, how, static_cast<std::uint16_t>(connected->result), into);
}

}  // namespace weft::hostile
