#include "fetcher.hpp"

#include <algorithm>

namespace weft::tcp {

void Fetcher::will_send(const DataOp& op) {
  const auto payload = [](const iovec& piece) {
    return Payload{static_cast<const std::byte*>(piece.iov_base), piece.iov_len / kLine};
  };
  if (op.count != 1 || op.length > kSmall * kLine) {
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

void Fetcher::fetch(const Payload& payload, std::size_t from, std::size_t to) {
  const std::size_t end = std::min(to, payload.lines);
#pragma GCC unroll 8
  for (std::size_t line = from; line < end; ++line) __builtin_prefetch(payload.bytes + line * kLine, 0, 2);
}

}  // namespace weft::tcp
