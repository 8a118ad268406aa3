// What the writer writes, the reader reads: every type, both digests, every alignment, whole and byte by byte.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "plugins/tcp/digest.hpp"
#include "plugins/tcp/handshake.hpp"
#include "plugins/tcp/pdu_reader.hpp"
#include "plugins/tcp/pdu_writer.hpp"
#include "raw_pdu.hpp"

namespace weft::tcp::test {
namespace {

struct Config {
  bool header_digest;
  bool data_digest;
  std::uint32_t alignment;

  [[nodiscard]] WriteRules write_rules() const {
    return {.header_digest = header_digest, .data_digest = data_digest, .alignment = alignment};
  }
  [[nodiscard]] ReadRules read_rules(Role role) const {
    return {.role = role,
            .phase = Phase::kEstablished,
            .header_digest = header_digest,
            .data_digest = data_digest,
            .alignment = alignment,
            .max_in_capsule = 8192};
  }
};

template <class Function>
void for_each_config(const Function& function) {
  for (bool header_digest : {false, true}) {
    for (bool data_digest : {false, true}) {
      for (std::uint32_t alignment = 4; alignment <= 128; alignment += 4) {
        SCOPED_TRACE(testing::Message() << "hdgst " << header_digest << " ddgst " << data_digest << " alignment "
                                        << alignment);
        function(Config{header_digest, data_digest, alignment});
      }
    }
  }
}

struct Written {
  std::array<std::byte, kMaxHeaderSize> buffer{};
  std::uint32_t length = 0;
};

// Reads a header that was written with `data_len` bytes of data to follow, every way, and checks its frame.
Pdu read_back(const Config& config, Role reader, const Written& written, std::uint32_t data_len) {
  const ReadRules rules = config.read_rules(reader);
  const std::span<const std::byte> all(written.buffer.data(), written.length);
  ReadOutcome out;
  for (std::size_t n = 0; n <= all.size() && out.kind == ReadKind::kNeedMore; ++n) {
    out = read_pdu(rules, all.first(n));
  }
  EXPECT_EQ(out.kind, ReadKind::kPdu) << explain(out.violation, reader);
  EXPECT_EQ(read_pdu(rules, all).kind, ReadKind::kPdu);
  EXPECT_EQ(out.pdu.data_offset, written.length);
  EXPECT_EQ(out.pdu.data_len, data_len);
  EXPECT_EQ(out.pdu.data_digest_len, data_trailer(config.write_rules(), data_len));
  EXPECT_EQ(out.pdu.plen, out.pdu.data_offset + out.pdu.data_len + out.pdu.data_digest_len);
  EXPECT_EQ(out.pdu.plen, pdu_length(config.write_rules(), out.pdu.type, data_len));
  if (data_len != 0) {
    EXPECT_EQ(out.pdu.data_offset % config.alignment, 0u);
  }
  return out.pdu;
}

constexpr std::uint32_t kLengths[] = {1, 2, 3, 4, 511, 512, 4096, 8192};

TEST(PduRoundTrip, OfCommandCapsules) {
  std::array<std::byte, 64> sqe{};
  sqe[0] = std::byte{1};
  sqe[2] = std::byte{0x42};
  for_each_config([&](const Config& config) {
    for (std::uint32_t data_len : kLengths) {
      for (CommandData how : {CommandData::kInCapsule, CommandData::kTransport}) {
        Written w;
        w.length = write_capsule_cmd(config.write_rules(), w.buffer, sqe.data(), how, data_len);
        const std::uint32_t carried = how == CommandData::kInCapsule ? data_len : 0;
        const Pdu pdu = read_back(config, Role::kController, w, carried);
        EXPECT_EQ(pdu.type, PduType::kCapsuleCmd);
        EXPECT_EQ(pdu.sqe()[2], std::byte{0x42});
        EXPECT_EQ(read_digest(pdu.sqe() + 32), data_len) << "length in the descriptor";
      }
    }
  });
}

TEST(PduRoundTrip, OfResponseCapsules) {
  std::array<std::byte, 16> cqe;
  for (std::size_t i = 0; i < cqe.size(); ++i) {
    cqe[i] = std::byte(i + 1);
  }
  for_each_config([&](const Config& config) {
    Written w;
    w.length = write_capsule_resp(config.write_rules(), w.buffer, cqe.data());
    const Pdu pdu = read_back(config, Role::kHost, w, 0);
    EXPECT_EQ(pdu.type, PduType::kCapsuleResp);
    EXPECT_EQ(std::memcmp(pdu.cqe(), cqe.data(), cqe.size()), 0);
  });
}

TEST(PduRoundTrip, OfDataAndR2t) {
  for_each_config([](const Config& config) {
    for (std::uint32_t data_len : {1u, 4096u, 0x7fffffffu}) {
      for (bool last : {false, true}) {
        Written w;
        w.length = write_h2c_data(config.write_rules(), w.buffer, 0xfffe, 0xabcd, 0x80000001, data_len, last);
        Pdu pdu = read_back(config, Role::kController, w, data_len);
        EXPECT_EQ(pdu.type, PduType::kH2cData);
        EXPECT_EQ(pdu.cccid, 0xfffe);
        EXPECT_EQ(pdu.ttag, 0xabcd);
        EXPECT_EQ(pdu.offset, 0x80000001u);
        EXPECT_EQ(pdu.length, data_len);
        EXPECT_EQ(pdu.last(), last);

        w = {};
        w.length = write_c2h_data(config.write_rules(), w.buffer, 7, 0x80000001, data_len, last, last);
        pdu = read_back(config, Role::kHost, w, data_len);
        EXPECT_EQ(pdu.type, PduType::kC2hData);
        EXPECT_EQ(pdu.cccid, 7);
        EXPECT_EQ(pdu.last(), last);
        EXPECT_EQ(pdu.success(), last);
      }
    }
    Written w;
    w.length = write_r2t(config.write_rules(), w.buffer, 3, 0xffff, 0xfffff000, 0x1000);
    const Pdu pdu = read_back(config, Role::kHost, w, 0);
    EXPECT_EQ(pdu.type, PduType::kR2t);
    EXPECT_EQ(pdu.ttag, 0xffff);
    EXPECT_EQ(pdu.offset, 0xfffff000u);
    EXPECT_EQ(pdu.length, 0x1000u);
  });
}

TEST(PduRoundTrip, OfTermReq) {
  const Bytes offending(72, std::byte{0x11});
  for_each_config([&](const Config& config) {
    for (Role sender : {Role::kHost, Role::kController}) {
      Written w;
      const Violation bad = violates(rules::kInCapsuleTooLong, PduType::kCapsuleCmd);
      w.length = write_term_req(w.buffer, sender, bad, offending);
      const Role reader = sender == Role::kHost ? Role::kController : Role::kHost;
      const ReadOutcome out = read_pdu(config.read_rules(reader), std::span(w.buffer).first(w.length));
      ASSERT_EQ(out.kind, ReadKind::kPdu);
      EXPECT_EQ(out.pdu.fes, 5);
      EXPECT_EQ(out.pdu.data_len, 72u);
      EXPECT_EQ(out.pdu.plen, w.length);
    }
  });
}

TEST(PduRoundTrip, OfTheHandshake) {
  for (std::uint8_t pda = 0; pda <= kMaxPda; ++pda) {
    for (unsigned digests = 0; digests < 4; ++digests) {
      const HostOffer offer{.hpda = pda,
                            .header_digest = (digests & 1) != 0,
                            .data_digest = (digests & 2) != 0,
                            .outstanding_r2t = 1 + pda % kMaxOutstandingR2t};
      const ControllerPolicy policy{.cpda = static_cast<std::uint8_t>(kMaxPda - pda),
                                    .max_h2c_data = 8192,
                                    .outstanding_r2t = kMaxOutstandingR2t};
      Written request;
      request.length = write_ic_req(request.buffer, offer);
      ASSERT_EQ(request.length, 128u);
      const ReadOutcome read = read_pdu({.role = Role::kController}, std::span(request.buffer).first(128));
      ASSERT_EQ(read.kind, ReadKind::kPdu);
      const HandshakeResult ours = answer_ic_req(policy, read.pdu.header);
      ASSERT_TRUE(std::holds_alternative<Settled>(ours));
      const Settled& controller = std::get<Settled>(ours);

      Written response;
      response.length = write_ic_resp(response.buffer, policy, controller);
      const ReadOutcome answer = read_pdu({.role = Role::kHost}, std::span(response.buffer).first(response.length));
      ASSERT_EQ(answer.kind, ReadKind::kPdu);
      const HandshakeResult theirs = check_ic_resp(offer, answer.pdu.header);
      ASSERT_TRUE(std::holds_alternative<Settled>(theirs));
      const Settled& host = std::get<Settled>(theirs);

      EXPECT_EQ(host.header_digest, offer.header_digest);
      EXPECT_EQ(host.data_digest, offer.data_digest);
      EXPECT_EQ(host.header_digest, controller.header_digest);
      EXPECT_EQ(host.data_digest, controller.data_digest);
      EXPECT_EQ(host.receive_alignment, controller.send_alignment);
      EXPECT_EQ(host.send_alignment, controller.receive_alignment);
      EXPECT_EQ(host.outstanding_r2t, offer.outstanding_r2t);
      EXPECT_EQ(controller.outstanding_r2t, offer.outstanding_r2t);
      EXPECT_EQ(host.max_h2c_data, 8192u);
    }
  }
}

}  // namespace
}  // namespace weft::tcp::test
