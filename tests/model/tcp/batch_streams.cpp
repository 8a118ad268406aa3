#include "batch_streams.hpp"

#include <numeric>

namespace weft::test {

Stream& Stream::add(const Bytes& pdu) {
  starts.push_back(bytes.size());
  bytes.insert(bytes.end(), pdu.begin(), pdu.end());
  return *this;
}

namespace {

Bytes header_of(std::uint8_t type, std::uint8_t flags, std::uint8_t length, std::size_t data) {
  Bytes pdu(length);
  pdu[0] = static_cast<std::byte>(type);
  pdu[1] = static_cast<std::byte>(flags);
  pdu[2] = static_cast<std::byte>(length);
  if (data != 0) pdu[3] = static_cast<std::byte>(length);
  store(pdu.data() + 4, le32(static_cast<std::uint32_t>(length + data)));
  return pdu;
}

}  // namespace

Bytes capsule_pdu(const Sqe& sqe, std::uint32_t length, const Bytes* inside) {
  Bytes pdu = header_of(4, 0, 72, inside != nullptr ? inside->size() : 0);
  std::copy(sqe.begin(), sqe.end(), pdu.begin() + 8);
  pdu[8 + 1] = std::byte{0x40};
  store(pdu.data() + 8 + 32, le32(length));
  pdu[8 + 39] = inside != nullptr ? std::byte{0x01} : std::byte{0x5a};
  if (inside != nullptr) pdu.insert(pdu.end(), inside->begin(), inside->end());
  return pdu;
}

Bytes c2h_pdu(std::uint16_t cid, std::uint8_t flags, std::uint32_t offset, const Bytes& data) {
  Bytes pdu = header_of(7, flags, 24, data.size());
  store(pdu.data() + 8, le16(cid));
  store(pdu.data() + 12, le32(offset));
  store(pdu.data() + 16, le32(static_cast<std::uint32_t>(data.size())));
  pdu.insert(pdu.end(), data.begin(), data.end());
  return pdu;
}

Bytes response_pdu(const Cqe& cqe) {
  Bytes pdu = header_of(5, 0, 24, 0);
  std::copy(cqe.begin(), cqe.end(), pdu.begin() + 8);
  return pdu;
}

Cuts behind_first_bytes(const Stream& stream) {
  Cuts cuts = stream.starts;
  for (std::size_t& cut : cuts) ++cut;
  return cuts;
}

Cuts everywhere(const Stream& stream) {
  Cuts cuts(stream.bytes.size() - 1);
  std::iota(cuts.begin(), cuts.end(), 1u);
  return cuts;
}

std::string in_hex(const void* bytes, std::size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = std::to_integer<unsigned>(static_cast<const std::byte*>(bytes)[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string sent_in_hex(Bytes sent) {
  constexpr std::size_t kHeader = 24, kCommonHeader = 8, kLength = 4;
  const bool is_term_req = sent.size() > kHeader && (sent[0] == std::byte{2} || sent[0] == std::byte{3});
  if (is_term_req) {
    EXPECT_EQ(load<le32>(sent.data() + kLength), sent.size());
    sent.resize(kHeader + kCommonHeader);
    store(sent.data() + kLength, le32(0u));
  }
  return in_hex(sent.data(), sent.size());
}

void feed(RawPeer& peer, const Bytes& bytes, const Cuts& cuts) {
  std::size_t at = 0;
  const auto send_up_to = [&](std::size_t end) {
    peer.send(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(end)));
    at = end;
    peer.world.settle(2);
  };
  for (const std::size_t cut : cuts) send_up_to(cut);
  send_up_to(bytes.size());
  peer.world.settle(6);
}

void expect_the_same_however_cut(const Stream& stream, const Run& run) {
  const Lines whole = run(stream.bytes, {});
  EXPECT_GT(whole.size(), stream.starts.size() / 2) << "the stream is to be accepted";
  EXPECT_EQ(run(stream.bytes, behind_first_bytes(stream)), whole) << "cut behind first bytes";
  EXPECT_EQ(run(stream.bytes, everywhere(stream)), whole) << "cut everywhere";
  for (std::size_t cut = 1; cut < stream.bytes.size(); ++cut)
    ASSERT_EQ(run(stream.bytes, {cut}), whole) << "cut at " << cut;
}

void expect_the_same_when_damaged(const Stream& stream, std::size_t from, std::size_t to, const Run& run) {
  const Cuts cuts = behind_first_bytes(stream);
  const auto judge = [&](std::size_t at, std::byte value) {
    Bytes bytes = stream.bytes;
    bytes[at] = value;
    ASSERT_EQ(run(bytes, {}), run(bytes, cuts)) << "byte " << at << " is " << std::to_integer<unsigned>(value);
  };
  for (std::size_t at = from; at < to; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit)
      ASSERT_NO_FATAL_FAILURE(judge(at, stream.bytes[at] ^ static_cast<std::byte>(1u << bit)));
    ASSERT_NO_FATAL_FAILURE(judge(at, std::byte{0}));
    ASSERT_NO_FATAL_FAILURE(judge(at, std::byte{0xff}));
  }
}

}  // namespace weft::test
