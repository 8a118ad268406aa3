#include "capsule_watch.hpp"

#include <algorithm>

#include "capsules.hpp"
#include "machine.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {

void CapsuleWatch::sent(const QueuePair& from, const std::vector<std::byte>& message) {
  if (message.size() >= kSqeSize) return on_command(from, message);
  if (message.size() == kCqeSize) return on_response(from, message);
}

void CapsuleWatch::take_descriptor(Command& command, const std::byte* at) {
  const auto type = std::to_integer<unsigned>(at[15]);
  if (type != kKeyed && type != kKeyedInvalidate) return;
  ++(type == kKeyed ? keyed : invalidatable);
  const std::uint64_t length = load<le32>(at + 8).value() & 0xffffff;
  command.descriptors.push_back({load<le64>(at), length, load<le32>(at + 11).value()});
}

void CapsuleWatch::on_command(const QueuePair& from, const std::vector<std::byte>& capsule) {
  ++commands;
  Command command;
  const auto opcode = std::to_integer<unsigned>(capsule[0]);
  command.direction = (opcode == kFabricsOpcode ? std::to_integer<unsigned>(capsule[4]) : opcode) & 3;
  const auto type = std::to_integer<unsigned>(capsule[39]);
  take_descriptor(command, capsule.data() + 24);
  if (type == kOffset) ++in_capsule;
  if (type == kLastSegment) {
    ++lists;
    const std::uint64_t offset = kSqeSize + load<le64>(capsule.data() + 24);
    const std::uint64_t length = load<le32>(capsule.data() + 32);
    for (std::uint64_t at = offset; at + 16 <= capsule.size() && at + 16 <= offset + length; at += 16)
      take_descriptor(command, capsule.data() + at);
  }
  under_way_[{from.number(), load<le16>(capsule.data() + 2)}] = std::move(command);
}

void CapsuleWatch::on_response(const QueuePair& from, const std::vector<std::byte>& capsule) {
  ++responses;
  const Key key{from.joined_to(), load<le16>(capsule.data() + 12)};
  if (under_way_.erase(key) == 0)
    from.machine().record.fault("a response to CID " + std::to_string(key.second) + ", which no command has");
}

void CapsuleWatch::touched(const QueuePair& by, bool write, std::uint32_t rkey, std::uint64_t address,
                           std::uint64_t length) {
  const auto covers = [&](const Descriptor& one) {
    return one.rkey == rkey && address >= one.address && address - one.address <= one.length &&
           length <= one.length - (address - one.address);
  };
  for (const auto& [key, command] : under_way_) {
    if (key.first != by.joined_to() || !std::ranges::any_of(command.descriptors, covers)) continue;
    if (command.direction == (write ? 2u : 1u)) return;
  }
  by.machine().record.fault((write ? "WRITE of " : "READ of ") + std::to_string(length) +
                            " bytes that no command under way has given");
}

}  // namespace weft::rdma::model
