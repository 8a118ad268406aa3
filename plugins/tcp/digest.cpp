#include "digest.hpp"

#include <isa-l/crc.h>

#include <algorithm>

#include "weft/endian.hpp"

namespace weft::tcp {

namespace {
// crc32_iscsi counts in int. A round figure below INT_MAX keeps every piece but the first of a list aligned as it was.
constexpr std::size_t kMaxPiece = std::size_t{1} << 30;

#if defined(__x86_64__)
const bool kHasWideRegisters = __builtin_cpu_supports("avx") != 0;
#endif

// Where the processor has them, ISA-L computes in 512-bit registers and leaves their upper halves in use. What the thread
// does then, until they are cleared, is slower by more than the digest itself costs (measured: docs/performance.md).
void leave_wide_registers() {
#if defined(__x86_64__)
  if (kHasWideRegisters) asm volatile("vzeroupper");  // the lower halves, all that the compiler uses here, stay
#endif
}
}  // namespace

void Crc32c::update(const void* data, std::size_t len) {
  // ISA-L only reads, though its prototype does not say so.
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  while (len != 0) {
    const std::size_t piece = std::min(len, kMaxPiece);
    state_ = crc32_iscsi(bytes, static_cast<int>(piece), state_);
    bytes += piece;
    len -= piece;
  }
  leave_wide_registers();
}

std::uint32_t crc32c(const void* data, std::size_t len) {
  Crc32c crc;
  crc.update(data, len);
  return crc.value();
}

void write_digest(std::byte* out, std::uint32_t value) { store(out, le32(value)); }
std::uint32_t read_digest(const std::byte* in) { return load<le32>(in); }

}  // namespace weft::tcp
