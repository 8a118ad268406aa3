#include <algorithm>

#include "tests/peer/hostile/attack/attack.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint32_t kMiB = 1u << 20;
constexpr std::uint32_t kNsid = 1;

Sqe on_namespace(std::uint8_t opcode, std::uint16_t cid) { return Sqe(opcode, cid).u32(4, kNsid); }
Sqe on_blocks(std::uint8_t opcode, std::uint16_t cid, std::uint32_t blocks) {
  return on_namespace(opcode, cid).u64(40, 0).u16(48, blocks - 1);
}
Sqe log_page(std::uint16_t cid, std::uint8_t page, std::uint32_t length) {
  const std::uint32_t dwords = length / 4 - 1;
  return Sqe(0x02, cid).u8(40, page).u16(42, dwords & 0xffff).u16(44, dwords >> 16).transport(length);
}
Sqe identify(std::uint16_t cid, std::uint8_t structure) {
  return Sqe(0x06, cid).u32(4, structure == 1 || structure == 2 ? 0 : kNsid).u8(40, structure).transport(4096);
}

Sqe discovery_log(std::uint16_t cid) { return log_page(cid, 0x70, kMiB); }
Sqe short_log(std::uint16_t cid) { return log_page(cid, 0x70, 4096); }
Sqe error_log(std::uint16_t cid) { return log_page(cid, 0x01, 4096); }
Sqe smart_log(std::uint16_t cid) { return log_page(cid, 0x02, 512); }
Sqe identify_controller(std::uint16_t cid) { return identify(cid, 1); }
Sqe identify_list(std::uint16_t cid) { return identify(cid, 2); }
Sqe identify_descriptors(std::uint16_t cid) { return identify(cid, 3); }
Sqe event_request(std::uint16_t cid) { return Sqe(0x0c, cid); }
Sqe keep_alive(std::uint16_t cid) { return Sqe(0x18, cid); }
Sqe abort_command(std::uint16_t cid) { return Sqe(0x08, cid).u16(40, 1).u16(42, 7); }
Sqe get_feature(std::uint16_t cid) { return Sqe(0x0a, cid).u8(40, 0x07); }
Sqe csts(std::uint16_t cid) { return property_get(cid, 0x1c, false); }
Sqe unknown_admin(std::uint16_t cid) { return Sqe(0x7e, cid); }

Sqe large_read(std::uint16_t cid) { return on_blocks(0x02, cid, 2048).transport(kMiB); }
Sqe small_read(std::uint16_t cid) { return on_blocks(0x02, cid, 8).transport(4096); }
Sqe tiny_read(std::uint16_t cid) { return on_blocks(0x02, cid, 1).transport(512); }
Sqe large_write(std::uint16_t cid) { return on_blocks(0x01, cid, 2048).transport(kMiB); }
Sqe tiny_write(std::uint16_t cid) { return on_blocks(0x01, cid, 1).transport(512); }
Sqe capsule_write(std::uint16_t cid) { return on_blocks(0x01, cid, 16).in_capsule(8192); }
Sqe large_compare(std::uint16_t cid) { return on_blocks(0x05, cid, 2048).transport(kMiB); }
Sqe capsule_compare(std::uint16_t cid) { return on_blocks(0x05, cid, 16).in_capsule(8192); }
Sqe dataset(std::uint16_t cid) {
  return on_namespace(0x09, cid).u32(40, 255).u32(44, 4).in_capsule(4096);  // deallocate
}
Sqe waiting_dataset(std::uint16_t cid) { return on_namespace(0x09, cid).u32(40, 255).u32(44, 4).transport(4096); }
Sqe verify(std::uint16_t cid) {  // 65,536 blocks: all that NLB can say
  return on_blocks(0x0c, cid, 65536);
}
Sqe write_zeroes(std::uint16_t cid) { return on_blocks(0x08, cid, 65536); }
Sqe write_uncorrectable(std::uint16_t cid) { return on_blocks(0x04, cid, 65536); }
Sqe spread_uncorrectable(std::uint16_t cid) { return on_blocks(0x04, cid, 1).u64(40, std::uint64_t{cid} * 2); }
Sqe flush(std::uint16_t cid) { return on_namespace(0x00, cid); }
Sqe fused_first(std::uint16_t cid) { return on_blocks(0x05, cid, 1).u8(1, 0x41).in_capsule(512); }
Sqe out_of_range(std::uint16_t cid) { return on_blocks(0x02, cid, 8).u64(40, UINT64_MAX - 7).transport(4096); }
Sqe unconnected(std::uint16_t) { return connect_command(0, 32).u32(32, 1024).u8(39, 0x5a); }  // data by R2T

// 256 ranges of 16 GiB in blocks of 512 bytes.
void whole_namespace(std::span<std::uint8_t> data) {
  for (std::size_t at = 0; at + 16 <= data.size(); at += 16) put(data, at + 4, std::uint32_t{1u << 25});
}

constexpr Kind kKinds[] = {
    // Connections that do not Connect.
    {"silence", Level::kSocket, nullptr},
    {"hello", Level::kHello, nullptr},
    {"half-hello", Level::kSocket, nullptr, 0, nullptr, 1, kIcReq},
    {"connect-without-data", Level::kHello, unconnected},
    {"half-connect", Level::kHello, [](std::uint16_t) { return connect_command(0, 32); }, 1024, nullptr, 1},
    // Controllers.
    {"controllers", Level::kAdmin, nullptr},
    {"queues", Level::kIo, nullptr},
    {"log-pages", Level::kAdmin, discovery_log},
    {"short-log-pages", Level::kAdmin, short_log},
    {"error-log-pages", Level::kAdmin, error_log},
    {"smart-log-pages", Level::kAdmin, smart_log},
    {"identify", Level::kAdmin, identify_controller},
    {"identify-lists", Level::kAdmin, identify_list},
    {"identify-descriptors", Level::kAdmin, identify_descriptors},
    {"events", Level::kAdmin, event_request},
    {"keep-alives", Level::kAdmin, keep_alive},
    {"aborts", Level::kAdmin, abort_command},
    {"features", Level::kAdmin, get_feature},
    {"properties", Level::kAdmin, csts},
    {"unknown-commands", Level::kAdmin, unknown_admin},
    // Commands that hold memory, or blocks.
    {"reads", Level::kIo, large_read},
    {"small-reads", Level::kIo, small_read},
    {"tiny-reads", Level::kIo, tiny_read},
    {"writes", Level::kIo, large_write},
    {"tiny-writes", Level::kIo, tiny_write},
    {"compares", Level::kIo, large_compare},
    {"datasets-without-data", Level::kIo, waiting_dataset},
    {"half-capsules", Level::kIo, capsule_write, 8192, nullptr, 1},
    {"fused-firsts", Level::kIo, fused_first, 512},
    // Commands that cost much and are short.
    {"datasets", Level::kIo, dataset, 4096, whole_namespace},
    {"verifies", Level::kIo, verify},
    {"write-zeroes", Level::kIo, write_zeroes},
    {"write-uncorrectables", Level::kIo, write_uncorrectable},
    {"spread-uncorrectables", Level::kIo, spread_uncorrectable},
    {"flushes", Level::kIo, flush},
    {"capsule-writes", Level::kIo, capsule_write, 8192},
    {"capsule-compares", Level::kIo, capsule_compare, 8192},
    {"out-of-range", Level::kIo, out_of_range},
};

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

const Kind* find_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &Kind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

Bytes pdu_of(const Kind& kind, std::uint16_t cid) {
  Bytes data(kind.in_capsule);
  if (kind.fill != nullptr) kind.fill(data);
  const Bytes bytes = kind.command == nullptr ? RawPdu(kind.type).bytes() : RawPdu(kind.command(cid), {}, data).bytes();
  return {bytes.begin(), bytes.end() - static_cast<std::ptrdiff_t>(kind.held_back)};
}

}  // namespace weft::hostile
