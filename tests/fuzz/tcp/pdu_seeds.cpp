// pdu_seeds.cpp - the valid streams that the fuzzer starts from.
#include "fuzz/tcp/pdu_stream.hpp"
#include "plugins/tcp/digest.hpp"

namespace weft::tcp::fuzz {

namespace {

class SeedWriter {
 public:
  explicit SeedWriter(const Setup& setup)
      : rules_{.header_digest = (setup.bits & kSetupHeaderDigest) != 0,
               .data_digest = (setup.bits & kSetupDataDigest) != 0,
               .alignment = alignment_of_pda(setup.pda)},
        bytes_{setup.bits, setup.pda, setup.cut} {}

  template <class Write>
  void pdu(std::uint32_t data_len, const Write& write) {
    std::array<std::byte, kMaxHeaderSize> header{};
    append(header.data(), write(rules_, HeaderBuffer(header)));
    const std::vector<std::byte> data(data_len, std::byte{0x5a});
    append(data.data(), data_len);
    if (data_trailer(rules_, data_len) != 0) {
      std::array<std::byte, kDigestSize> digest{};
      write_digest(digest.data(), crc32c(data.data(), data_len));
      append(digest.data(), kDigestSize);
    }
  }

  void command(std::uint8_t opcode, std::uint16_t cid, CommandData how, std::uint32_t length) {
    std::array<std::uint8_t, kSqeSize> sqe{};
    sqe[0] = opcode;
    sqe[2] = static_cast<std::uint8_t>(cid & 0xff);
    sqe[3] = static_cast<std::uint8_t>(cid >> 8);
    pdu(how == CommandData::kInCapsule ? length : 0, [&](const WriteRules& rules, HeaderBuffer out) {
      return write_capsule_cmd(rules, out, sqe.data(), how, length);
    });
  }
  void h2c(std::uint16_t cid, std::uint16_t ttag, std::uint32_t offset, std::uint32_t length, bool last) {
    pdu(length, [&](const WriteRules& rules, HeaderBuffer out) {
      return write_h2c_data(rules, out, cid, ttag, offset, length, last);
    });
  }
  void c2h(std::uint16_t cid, std::uint32_t offset, std::uint32_t length, bool last, bool success) {
    pdu(length, [&](const WriteRules& rules, HeaderBuffer out) {
      return write_c2h_data(rules, out, cid, offset, length, last, success);
    });
  }
  void r2t(std::uint16_t cid, std::uint16_t ttag, std::uint32_t offset, std::uint32_t length) {
    pdu(0, [&](const WriteRules& rules, HeaderBuffer out) { return write_r2t(rules, out, cid, ttag, offset, length); });
  }
  void response(std::uint16_t cid) {
    pdu(0, [&](const WriteRules& rules, HeaderBuffer out) {
      return write_capsule_resp(rules, out, implied_cqe(cid).data());
    });
  }
  void term_req(Role sender) {
    pdu(0, [&](const WriteRules&, HeaderBuffer out) {
      const std::array<std::byte, 24> header{};
      return write_term_req(out, sender, violates(rules::kC2hLength, PduType::kC2hData), header);
    });
  }

  void append(const std::byte* data, std::size_t size) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  WriteRules rules_;
  std::vector<std::uint8_t> bytes_;
};

// What a host sends. The tags are those that a fresh table gives in turn.
std::vector<std::uint8_t> host_stream(const Setup& setup) {
  SeedWriter seed(setup);
  if ((setup.bits & kSetupHandshake) != 0) {
    const HostOffer offer{.header_digest = (setup.bits & kSetupHeaderDigest) != 0,
                          .data_digest = (setup.bits & kSetupDataDigest) != 0};
    std::array<std::byte, kMaxHeaderSize> out{};
    seed.append(out.data(), write_ic_req(out, offer));
  }
  seed.command(0x7f, 0, CommandData::kInCapsule, 1024);
  seed.command(2, 1, CommandData::kTransport, 4096);
  seed.command(0, 2, CommandData::kTransport, 0);
  seed.command(1, 0x3003, CommandData::kTransport, 1024);
  seed.h2c(0x3003, 0, 0, 256, false);
  seed.h2c(0x3003, 0, 256, 256, true);
  seed.h2c(0x3003, 1, 512, 512, true);
  seed.command(1, 4, CommandData::kInCapsule, 512);
  seed.term_req(Role::kHost);
  return seed.take();
}

// What a controller sends.
std::vector<std::uint8_t> controller_stream(const Setup& setup) {
  SeedWriter seed(setup);
  if ((setup.bits & kSetupHandshake) != 0) {
    const Settled settled{.header_digest = (setup.bits & kSetupHeaderDigest) != 0,
                          .data_digest = (setup.bits & kSetupDataDigest) != 0};
    std::array<std::byte, kMaxHeaderSize> out{};
    seed.append(out.data(), write_ic_resp(out, {}, settled));
  }
  seed.c2h(0, 0, 512, false, false);
  seed.r2t(4, 7, 0, 4096);
  seed.c2h(0, 512, 7680, true, true);
  seed.r2t(4, 8, 4096, 4096);
  seed.response(4);
  seed.response(1);
  seed.term_req(Role::kController);
  return seed.take();
}

}  // namespace

std::vector<std::vector<std::uint8_t>> seeds() {
  std::vector<std::vector<std::uint8_t>> all;
  for (unsigned bits = 0; bits < 32; ++bits) {
    for (std::uint8_t pda : {std::uint8_t{0}, std::uint8_t{3}, std::uint8_t{31}}) {
      const Setup setup{.bits = static_cast<std::uint8_t>(bits), .pda = pda, .cut = static_cast<std::uint8_t>(bits)};
      all.push_back((bits & kSetupController) != 0 ? host_stream(setup) : controller_stream(setup));
    }
  }
  return all;
}

}  // namespace weft::tcp::fuzz
