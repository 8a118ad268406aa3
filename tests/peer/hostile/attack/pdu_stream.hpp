// pdu_stream.hpp - finds PDUs in a stream of bytes, and hands out their first 24 bytes.
#ifndef WEFT_TESTS_PEER_HOSTILE_ATTACK_PDU_STREAM_HPP
#define WEFT_TESTS_PEER_HOSTILE_ATTACK_PDU_STREAM_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "tests/peer/hostile/raw_pdu.hpp"

namespace weft::hostile {

// `Header` bytes of each PDU are handed out once they are here; PDUs that are shorter than that end the stream's sense.
template <std::size_t Header>
class HeaderStream {
 public:
  template <class F>  // f(span of Header bytes)
  void take(std::span<const std::uint8_t> bytes, F f) {
    while (!bytes.empty()) {
      const std::size_t skipped = std::min<std::size_t>(skip_, bytes.size());
      skip_ -= skipped;
      bytes = bytes.subspan(skipped);
      const std::size_t wanted = std::min(Header - have_, bytes.size());
      std::copy_n(bytes.begin(), wanted, header_.begin() + static_cast<std::ptrdiff_t>(have_));
      have_ += wanted;
      bytes = bytes.subspan(wanted);
      if (have_ < Header) return;
      skip_ = std::max<std::size_t>(get<std::uint32_t>(header_, 4), Header) - Header;
      have_ = 0;
      f(std::span<const std::uint8_t>(header_));
    }
  }

 private:
  std::array<std::uint8_t, Header> header_{};
  std::size_t have_ = 0, skip_ = 0;
};

using PduStream = HeaderStream<24>;      // what a controller sends
using CapsuleStream = HeaderStream<72>;  // what a host sends that sends capsules and ICReq only

}  // namespace weft::hostile

#endif
