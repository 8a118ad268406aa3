#include "fetcher.hpp"

#include <algorithm>

namespace weft::tcp {

inline void Fetcher::fetch(const Payload& payload, std::size_t from, std::size_t to) {
  const std::byte* at = payload.bytes + from * kStep;
  for (std::size_t step = from; step < std::min(to, payload.steps); ++step, at += kStep) {
#pragma GCC unroll 8
    for (std::size_t line = 0; line < kStep; line += kLine) __builtin_prefetch(at + line, 0, 2);
  }
}

void Fetcher::will_send(const DataOp& op) {
  const auto payload = [](const iovec& piece) {
    return Payload{static_cast<const std::byte*>(piece.iov_base), piece.iov_len / kStep};
  };
  if (op.count != 1 || op.length > kSmall * kStep) {
    for (std::uint32_t i = 0; i < op.count; ++i) fetch(payload(op.list[i]), 0, kBeginning);
    return;
  }
  const Payload now = payload(op.list[0]);
  fetch(now, 0, kFirstPart);
  fetch(last_, kFirstPart, kSecondPart);
  fetch(one_before_, kSecondPart, kSmall);
  one_before_ = last_;
  last_ = now;
}

}  // namespace weft::tcp
