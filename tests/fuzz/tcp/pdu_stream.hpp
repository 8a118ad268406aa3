// pdu_stream.hpp - a connection's receiving half without sockets: bytes go through the reader, the handshake, the SGL
// rules and the transfers, the way the TCP plugin joins them. For the fuzzer, and for a unit test that sees that the
// fuzzer's seeds are accepted. Broken promises of the code under test end the process.
#ifndef WEFT_TESTS_FUZZ_TCP_PDU_STREAM_HPP
#define WEFT_TESTS_FUZZ_TCP_PDU_STREAM_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "plugins/tcp/handshake.hpp"
#include "plugins/tcp/pdu_reader.hpp"
#include "plugins/tcp/pdu_writer.hpp"
#include "plugins/tcp/sgl.hpp"
#include "plugins/tcp/transfer.hpp"

namespace weft::tcp::fuzz {

// An input is a setup of kSetupSize bytes and the stream that the peer sends.
constexpr std::size_t kSetupSize = 3;
constexpr std::uint8_t kSetupController = 1u << 0;  // our role; else host
constexpr std::uint8_t kSetupHandshake = 1u << 1;   // begins with ICReq or ICResp
constexpr std::uint8_t kSetupHeaderDigest = 1u << 2;
constexpr std::uint8_t kSetupDataDigest = 1u << 3;
constexpr std::uint8_t kSetupRepair = 1u << 4;  // header digests are made right before they are read
struct Setup {
  std::uint8_t bits = 0;
  std::uint8_t pda = 0;  // modulo 32
  std::uint8_t cut = 0;  // where each PDU is cut for a second reading
};

struct StreamResult {
  std::array<std::uint32_t, 16> accepted{};  // by PDU type
  std::uint32_t commands_with_data = 0;
  std::uint32_t finished_windows = 0;
  Violation violation;  // what ended the stream, if anything
};

StreamResult run_stream(std::span<const std::uint8_t> input);

// Inputs that are valid from end to end, for each role, digests on and off, several alignments.
std::vector<std::vector<std::uint8_t>> seeds();

}  // namespace weft::tcp::fuzz

#endif
