// digest.hpp - CRC32C as NVMe/TCP uses it for header and data digests, by ISA-L.
//
//   Crc32c crc; crc.update(p, n); crc.update(q, m); write_digest(out, crc.value());
//
// Value type; any thread. Nothing fails.
#ifndef WEFT_TCP_DIGEST_HPP
#define WEFT_TCP_DIGEST_HPP

#include <cstddef>
#include <cstdint>

namespace weft::tcp {

class Crc32c {
 public:
  void update(const void* data, std::size_t len);
  [[nodiscard]] std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffffu;
};

std::uint32_t crc32c(const void* data, std::size_t len);

// As a digest lies on the wire: 4 bytes, little-endian, at any address.
void write_digest(std::byte* out, std::uint32_t value);
std::uint32_t read_digest(const std::byte* in);

}  // namespace weft::tcp

#endif
