// damage.hpp - what rows of both roles do to a right PDU, and what must come of a wrong common header. For the tables' files only.
#ifndef WEFT_TESTS_PEER_HOSTILE_DAMAGE_HPP
#define WEFT_TESTS_PEER_HOSTILE_DAMAGE_HPP

#include "tests/peer/hostile/rows.hpp"

namespace weft::hostile {

using P = RawPdu;
using S = Spot;

inline void as_it_is(P&, const S&) {}
inline void hdgst(P& p, const S&) { p.flag(kHdgstFlag); }
inline void ddgst(P& p, const S&) { p.flag(kDdgstFlag); }
inline void hlen_less(P& p, const S&) { --p.hlen; }
inline void hlen_more(P& p, const S&) { ++p.hlen; }
inline void pdo_zero(P& p, const S&) { p.pdo = 0; }
inline void pdo_in_header(P& p, const S&) { p.pdo = static_cast<std::uint8_t>(p.pdo - 4); }
inline void pdo_beyond(P& p, const S&) { p.pdo = 252; }
inline void plen_less(P& p, const S&) { --p.plen; }
inline void plen_more(P& p, const S&) { ++p.plen; }
inline void plen_huge(P& p, const S&) { p.plen = 0xffffffff; }
inline void plen_no_room(P& p, const S&) { p.plen = p.pdo + 4u; }
inline void no_header_digest(P& p, const S&) { p.no_flag(kHdgstFlag); }
inline void no_data_digest(P& p, const S&) { p.no_flag(kDdgstFlag); }
// As a peer that agreed on digests and then has none makes it: no flag, no digest, and a PLEN (and PDO) without it.
inline void bare_of_header_digest(P& p, const S&) {
  p.header_digest = false;
  p.no_flag(kHdgstFlag).plen -= 4;
  if (p.pdo != 0) p.pdo = static_cast<std::uint8_t>(p.pdo - 4), p.data_at -= 4;
}
inline void bare_of_data_digest(P& p, const S&) {
  p.data_digest = false;
  p.no_flag(kDdgstFlag).plen -= 4;
}

// Data of a command from `offset` on, `length` bytes of it, LAST or not; otherwise right.
inline void part(P& p, Type type, std::uint16_t cid, std::uint16_t tag, std::uint32_t offset, std::uint32_t length,
                 bool is_last) {
  p = P(type, {p.header_digest, p.data_digest}, Bytes(length));
  p.transfer(cid, tag, offset, length);
  p.no_flag(kLast);
  if (is_last) p.flag(kLast);
}

inline constexpr Expect kBadType = term(1, 0), kBadFlags = term(1, 1), kBadHlen = term(1, 2), kBadPdo = term(1, 3),
                        kBadPlen = term(1, 4);

}  // namespace weft::hostile

#endif
