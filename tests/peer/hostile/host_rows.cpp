// What a controller may do wrong in the common header of its PDUs, in ICResp, and in its answer to Connect.
#include <cerrno>

#include "tests/peer/hostile/damage.hpp"

namespace weft::hostile {
namespace {

void pdo_misaligned(P& p, const S&) { p.pdo = static_cast<std::uint8_t>(p.pdo + 1); }
void one_bit(P& p, const S&) { p.header_damage = 1; }

const Row kRows[] = {
    // ---- Before ICResp
    {state::kHello, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kHello, kIcReq, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kHello, kH2cTermReq, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kHello, kCapsuleCmd, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kHello, kCapsuleResp, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kHello, kH2cData, field::kType, kind::kEarly, kBadType, as_it_is, 512},
    {state::kHello, kC2hData, field::kType, kind::kEarly, kBadType, as_it_is, 512},
    {state::kHello, kR2t, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kHello, kIcResp, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kHello, kIcResp, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kHello, kIcResp, field::kPlen, kind::kBelow, kBadPlen, plen_less},
    {state::kHello, kIcResp, field::kPlen, kind::kAbove, kBadPlen, plen_more},
    {state::kHello, kIcResp, field::kPlen, kind::kHuge, kBadPlen, plen_huge},
    {state::kHello, kIcResp, field::kPfv, kind::kUnknown, term(6, 8), [](P& p, const S&) { p.u16(8, 0x100); }},
    {state::kHello, kIcResp, field::kPda, kind::kAbove, term(1, 10), [](P& p, const S&) { p.u8(10, 32); }},
    {state::kHello, kIcResp, field::kDgst, kind::kNotAsked, term(1, 11), [](P& p, const S&) { p.u8(11, 3); }},
    {state::kHello, kIcResp, field::kMaxH2cData, kind::kBelow, term(1, 12), [](P& p, const S&) { p.u32(12, 4092); }},
    {state::kHello, kIcResp, field::kMaxH2cData, kind::kMisaligned, term(1, 12),
     [](P& p, const S&) { p.u32(12, 4098); }},
    {state::kHello, kC2hTermReq, field::kPlen, kind::kBelow, closed(), plen_less},

    // ---- The answer to Connect
    {state::kConnecting, kCapsuleResp, field::kCqeCid, kind::kUnknown, term(1, 20),
     [](P& p, const S& s) { p.u16(20, s.cid + 1u); }},
    {state::kConnecting, kCapsuleResp, field::kResult, kind::kAbove, host_error(EPROTO),
     [](P& p, const S&) { p.u16(8, 0xfff0); }},
    {state::kConnecting, kCapsuleResp, field::kResult, kind::kNotAsked, host_error(EACCES),
     [](P& p, const S&) { p.u16(10, 2); }},
    {state::kConnecting, kCapsuleResp, field::kStatus, kind::kNotZero, host_error(ECONNREFUSED),
     [](P& p, const S&) { p.u16(22, 0x184 << 1); }},
    {state::kConnecting, kC2hData, field::kCccid, kind::kWrongWay, term(1, 8),
     [](P& p, const S& s) { p.u16(8, s.cid); }, 512},
    {state::kConnecting, kR2t, field::kCccid, kind::kWrongWay, term(1, 8), as_it_is},  // its data was in the capsule
    {state::kConnecting, kIcResp, field::kType, kind::kLate, kBadType, as_it_is},

    // ---- With nothing outstanding
    {state::kIdle, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kIdle, kIcResp, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kIdle, kIcReq, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kIdle, kCapsuleCmd, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kIdle, kH2cData, field::kType, kind::kDirection, kBadType, as_it_is, 512},
    {state::kIdle, kH2cTermReq, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kIdle, kC2hTermReq, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kIdle, kC2hTermReq, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kIdle, kC2hTermReq, field::kPlen, kind::kBelow, closed(), [](P& p, const S&) { p.plen = 0; }},
    {state::kIdle, kC2hTermReq, field::kPlen, kind::kHuge, closed(), plen_huge},
    {state::kIdle, kCapsuleResp, field::kFlags, kind::kHdgstExtra, kBadFlags, hdgst},
    {state::kIdle, kCapsuleResp, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kIdle, kCapsuleResp, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kIdle, kCapsuleResp, field::kPlen, kind::kBelow, kBadPlen, plen_less},
    {state::kIdle, kCapsuleResp, field::kPlen, kind::kAbove, kBadPlen, plen_more},
    {state::kIdle, kCapsuleResp, field::kPlen, kind::kHuge, kBadPlen, plen_huge},
    {state::kIdle, kCapsuleResp, field::kCqeCid, kind::kUnknown, term(1, 20), as_it_is},
    {state::kIdle, kR2t, field::kFlags, kind::kHdgstExtra, kBadFlags, hdgst},
    {state::kIdle, kR2t, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kIdle, kR2t, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kIdle, kR2t, field::kPlen, kind::kBelow, kBadPlen, plen_less},
    {state::kIdle, kR2t, field::kPlen, kind::kAbove, kBadPlen, plen_more},
    {state::kIdle, kR2t, field::kPlen, kind::kHuge, kBadPlen, plen_huge},
    {state::kIdle, kR2t, field::kCccid, kind::kUnknown, term(1, 8), as_it_is},
    {state::kIdle, kC2hData, field::kFlags, kind::kHdgstExtra, kBadFlags, hdgst, 512},
    {state::kIdle, kC2hData, field::kFlags, kind::kDdgstExtra, kBadFlags, ddgst, 512},
    {state::kIdle, kC2hData, field::kFlags, kind::kSuccessAlone, kBadFlags,
     [](P& p, const S&) { p.no_flag(kLast).flag(kSuccess); }, 512},
    {state::kIdle, kC2hData, field::kHlen, kind::kBelow, kBadHlen, hlen_less, 512},
    {state::kIdle, kC2hData, field::kHlen, kind::kAbove, kBadHlen, hlen_more, 512},
    {state::kIdle, kC2hData, field::kPdo, kind::kZero, kBadPdo, pdo_zero, 512},
    {state::kIdle, kC2hData, field::kPdo, kind::kInHeader, kBadPdo, pdo_in_header, 512},
    {state::kIdle, kC2hData, field::kPdo, kind::kMisaligned, kBadPdo, pdo_misaligned, 512},
    {state::kIdle, kC2hData, field::kPdo, kind::kBeyond, kBadPdo, pdo_beyond, 16},
    {state::kIdle, kC2hData, field::kPlen, kind::kBelow, kBadPlen, [](P& p, const S&) { p.pdo = 0, p.plen = 8; }, 512},
    {state::kIdle, kC2hData, field::kCccid, kind::kUnknown, term(1, 8), as_it_is, 512},

    // ---- With digests
    {state::kHostHeaderDigest, kCapsuleResp, field::kHdgst, kind::kOneBit, digest(), one_bit},
    {state::kHostHeaderDigest, kCapsuleResp, field::kFlags, kind::kHdgstMissing, kBadFlags, no_header_digest},
    {state::kHostHeaderDigest, kCapsuleResp, field::kFlags, kind::kBare, kBadFlags, bare_of_header_digest},
    {state::kHostHeaderDigest, kR2t, field::kFlags, kind::kBare, kBadFlags, bare_of_header_digest},
    {state::kHostHeaderDigest, kC2hData, field::kFlags, kind::kBare, kBadFlags, bare_of_header_digest, 512},
    {state::kHostDataDigest, kC2hData, field::kFlags, kind::kBare, kBadFlags, bare_of_data_digest, 512},
    {state::kHostHeaderDigest, kCapsuleResp, field::kPlen, kind::kNoRoom, kBadPlen,
     [](P& p, const S&) { p.plen = 24; }},
    {state::kHostHeaderDigest, kR2t, field::kHdgst, kind::kOneBit, digest(), one_bit},
    {state::kHostHeaderDigest, kR2t, field::kFlags, kind::kHdgstMissing, kBadFlags, no_header_digest},
    {state::kHostHeaderDigest, kC2hData, field::kHdgst, kind::kOneBit, digest(), one_bit, 512},
    {state::kHostHeaderDigest, kC2hData, field::kFlags, kind::kHdgstMissing, kBadFlags, no_header_digest, 512},
    {state::kHostHeaderDigest, kC2hData, field::kPdo, kind::kInDigest, kBadPdo, pdo_in_header, 512},
    {state::kHostDataDigest, kC2hData, field::kFlags, kind::kDdgstMissing, kBadFlags, no_data_digest, 512},
    {state::kHostDataDigest, kC2hData, field::kFlags, kind::kDdgstNoData, kBadPlen, ddgst},
    {state::kHostDataDigest, kC2hData, field::kPlen, kind::kNoRoom, kBadPlen, plen_no_room, 512},
};

}  // namespace

std::span<const Row> host_rows() { return kRows; }

}  // namespace weft::hostile
