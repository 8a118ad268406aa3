// bytes.hpp - how many bytes the PDUs of one NVMe/TCP I/O have, and which way they go.
//
//   read:               72 ->                 <- 24 + data (C2HData with SUCCESS: no CQE follows)
//   write, in capsule:  72 + data ->          <- 24
//   write, larger:      72 ->  <- 24 (R2T)    24 + data ->  <- 24
// No digest, no padding. A command carries the byte of the array that it is about, at its beginning.
#ifndef WEFT_BENCH_CEILING_BYTES_HPP
#define WEFT_BENCH_CEILING_BYTES_HPP

#include <cstddef>
#include <cstdint>

namespace weft::bench {

constexpr std::size_t kCommand = 72;  // CapsuleCmd: 8 common header, 64 SQE
constexpr std::size_t kHeader = 24;   // C2HData, H2CData, R2T, and CapsuleResp as a whole
constexpr std::size_t kInCapsule = 8192;

struct Plan {
  bool write = false;
  std::size_t block = 4096;
  std::uint32_t depth = 32;  // of all connections together
  std::uint32_t connections = 1;
  double seconds = 3;
  std::size_t array = std::size_t{1} << 30;  // 0: one block, always the same ("from and to nowhere")
  bool gather_sends = false;                 // payload is sent from where it lies; else copied behind its header first
  bool direct_receives = false;              // payload is received where it belongs; else copied there
  bool sequential = false;
  std::size_t read_buffer = 256u << 10;
  int socket_buffer = 0;  // SO_SNDBUF and SO_RCVBUF; 0: the machine's
  const char* congestion = "";

  [[nodiscard]] bool in_capsule() const { return block <= kInCapsule; }
  [[nodiscard]] std::uint32_t depth_of_one() const { return depth / connections == 0 ? 1 : depth / connections; }
  [[nodiscard]] std::size_t places() const { return array == 0 ? 1 : array / block; }
};

}  // namespace weft::bench

#endif
