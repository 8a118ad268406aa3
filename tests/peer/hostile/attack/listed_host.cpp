#include "tests/peer/hostile/attack/listed_host.hpp"

#include <algorithm>
#include <thread>

namespace weft::hostile {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSmall = 8, kLarge = 256;  // blocks of 512 bytes

Sqe transfer(std::uint8_t opcode, std::uint16_t cid, std::uint32_t blocks) {
  return Sqe(opcode, cid).u32(4, 1).u64(40, 4096).u16(48, blocks - 1).transport(blocks * 512);
}

}  // namespace

bool ListedHost::open(const std::string& port, const std::string& subnqn, const std::string& hostnqn) {
  return host_.open({.port = port, .subnqn = subnqn, .hostnqn = hostnqn, .from = "127.0.0.1"});
}

bool ListedHost::read(std::uint32_t blocks) {
  const auto answer = host_.io.call(transfer(0x02, ++cid_ % 16, blocks));
  return answer && answer->status == 0 && answer->data.size() == std::size_t{blocks} * 512;
}

bool ListedHost::send_data(const ReceivedPdu& r2t, const Bytes& data) {
  const std::uint32_t offset = r2t.u32(12), length = r2t.u32(16);
  for (std::uint32_t sent = 0; sent < length;) {
    const std::uint32_t part = std::min(length - sent, host_.io.max_h2c_data);
    const auto from = data.begin() + offset + sent;
    RawPdu pdu(kH2cData, {}, Bytes(from, from + part));
    pdu.transfer(r2t.u16(8), r2t.u16(10), offset + sent, part);
    sent += part;
    if (sent != length) pdu.no_flag(kLast);
    if (!host_.io.send(pdu)) return false;
  }
  return true;
}

bool ListedHost::write(std::uint32_t blocks) {
  const Bytes data(std::size_t{blocks} * 512, 0x5a);
  if (!host_.io.send(host_.io.capsule(transfer(0x01, ++cid_ % 16, blocks)))) return false;
  for (;;) {
    const auto pdu = host_.io.receive();
    if (!pdu) return false;
    if (pdu->type() == kCapsuleResp) return (pdu->u16(22) >> 1) == 0;
    if (pdu->type() != kR2t || !send_data(*pdu, data)) return false;
  }
}

ListedHost::Measured ListedHost::run(Duration time) {
  Measured measured;
  auto now = Clock::now();
  for (const auto end = now + time; now < end && !measured.failed; ++measured.completed) {
    const auto begun = now;
    const std::uint32_t blocks = measured.completed % 8 < 2 ? kLarge : kSmall;
    measured.failed = !(measured.completed % 2 == 0 ? read(blocks) : write(blocks));
    now = Clock::now();
    measured.longest = std::max(measured.longest, now - begun);
  }
  return measured;
}

ListedHost::Measured ListedHost::run_paced(std::size_t count, Duration interval) {
  Measured measured;
  std::vector<Duration> took;
  auto due = Clock::now() + interval;
  for (; measured.completed < count && !measured.failed; ++measured.completed, due += interval) {
    std::this_thread::sleep_until(due);
    measured.failed = !read(kSmall);
    took.push_back(Clock::now() - due);
  }
  const auto at = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
  std::ranges::nth_element(took, at);
  measured.p99 = *at;
  measured.longest = std::ranges::max(took);
  return measured;
}

}  // namespace weft::hostile
