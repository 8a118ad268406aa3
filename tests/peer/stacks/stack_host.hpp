// stack_host.hpp - what the hosts of other stacks have in common in these tests: admin and I/O commands as Answers, writes through
// R2Ts, and a target to send them to.
#ifndef WEFT_TESTS_PEER_STACKS_STACK_HOST_HPP
#define WEFT_TESTS_PEER_STACKS_STACK_HOST_HPP

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/peer/hostile/hostile_fixture.hpp"

namespace weft::hostile {

inline constexpr std::uint32_t kCap = 0x00, kVs = 0x08, kCc = 0x14, kCsts = 0x1c;
inline constexpr std::uint32_t kEnabled = 0x00460001, kReady = 1, kShutdown = 1u << 14, kShutdownDone = 2u << 2;

// A command that is answered, whatever else is outstanding; status FFFFh: it was not.
inline Answer call(RawHost& queue, const Sqe& sqe, const Bytes& data = {}) {
  return queue.call(sqe, data).value_or(Answer{.status = 0xffff});
}

inline Sqe identify(std::uint16_t cid, std::uint8_t cns, std::uint32_t nsid = 0, std::uint8_t csi = 0) {
  return Sqe(0x06, cid).u32(4, nsid).u32(40, cns).u32(44, std::uint32_t{csi} << 24).transport(4096);
}
inline Sqe get_log_page(std::uint16_t cid, std::uint8_t lid, std::uint32_t bytes, std::uint64_t offset = 0) {
  return Sqe(0x02, cid).u32(40, lid | (bytes / 4 - 1) << 16).u64(48, offset).transport(bytes);
}
inline Sqe set_features(std::uint16_t cid, std::uint8_t fid, std::uint32_t value) {
  return Sqe(0x09, cid).u32(40, fid).u32(44, value).transport(0);
}
inline Sqe get_features(std::uint16_t cid, std::uint8_t fid) { return Sqe(0x0a, cid).u32(40, fid).transport(0); }
inline Sqe event_request(std::uint16_t cid) { return Sqe(0x0c, cid).transport(0); }
inline Sqe keep_alive(std::uint16_t cid) { return Sqe(0x18, cid).transport(0); }

// Writes `data` at `lba` by R2Ts; how many R2Ts came, 0: it failed. No R2T may ask for more than MAXH2CDATA.
inline int write_by_r2t(RawHost& queue, std::uint16_t cid, std::uint64_t lba, const Bytes& data) {
  queue.send(queue.capsule(write_command(cid, lba, static_cast<std::uint32_t>(data.size() / 512))));
  std::size_t sent = 0;
  int r2ts = 0;
  while (sent < data.size()) {
    const auto r2t = queue.receive();
    if (!r2t || r2t->type() != kR2t || r2t->u16(8) != cid || r2t->u32(12) != sent) return 0;
    const std::uint32_t length = r2t->u32(16);
    EXPECT_LE(length, queue.max_h2c_data);
    EXPECT_TRUE(queue.socket.quiet(std::chrono::milliseconds(0))) << "a second R2T before the first was served";
    Bytes part(data.begin() + static_cast<std::ptrdiff_t>(sent),
               data.begin() + static_cast<std::ptrdiff_t>(sent + length));
    queue.send(RawPdu(kH2cData, queue.digests, std::move(part)).transfer(cid, r2t->u16(10), r2t->u32(12), length));
    sent += length;
    ++r2ts;
  }
  const auto written = queue.answer();
  return written && written->cid == cid && written->status == 0 ? r2ts : 0;
}

}  // namespace weft::hostile

#endif
