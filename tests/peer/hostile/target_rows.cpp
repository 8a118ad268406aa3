// What a host may do wrong in the common header of its PDUs and in ICReq.
#include "tests/peer/hostile/damage.hpp"

namespace weft::hostile {
namespace {

void pdo_misaligned(P& p, const S&) { p.pdo = static_cast<std::uint8_t>(p.pdo + 2); }
void plen_header(P& p, const S&) { p.plen = 8; }
void one_bit(P& p, const S&) { p.header_damage = 1u << 17; }

const Row kRows[] = {
    // ---- Before ICReq
    {state::kNew, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kNew, kIcResp, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kNew, kC2hTermReq, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kNew, kCapsuleCmd, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kNew, kCapsuleResp, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kNew, kH2cData, field::kType, kind::kEarly, kBadType, as_it_is, 512},
    {state::kNew, kC2hData, field::kType, kind::kEarly, kBadType, as_it_is, 512},
    {state::kNew, kR2t, field::kType, kind::kEarly, kBadType, as_it_is},
    {state::kNew, kIcReq, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kNew, kIcReq, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kNew, kIcReq, field::kPlen, kind::kBelow, kBadPlen, plen_less},
    {state::kNew, kIcReq, field::kPlen, kind::kAbove, kBadPlen, plen_more},
    {state::kNew, kIcReq, field::kPlen, kind::kHuge, kBadPlen, plen_huge},
    {state::kNew, kIcReq, field::kPfv, kind::kUnknown, term(6, 8), [](P& p, const S&) { p.u16(8, 1); }},
    {state::kNew, kIcReq, field::kPda, kind::kAbove, term(1, 10), [](P& p, const S&) { p.u8(10, 32); }},
    {state::kNew, kH2cTermReq, field::kPlen, kind::kBelow, closed(), plen_less},
    {state::kNew, kH2cTermReq, field::kPlen, kind::kAbove, closed(), [](P& p, const S&) { p.plen = 153; }},

    // ---- After ICReq, before Connect
    {state::kReady, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kReady, kIcReq, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kReady, kIcResp, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kReady, kC2hTermReq, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kReady, kCapsuleResp, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kReady, kC2hData, field::kType, kind::kDirection, kBadType, as_it_is, 512},
    {state::kReady, kR2t, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kReady, kH2cTermReq, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kReady, kH2cTermReq, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kReady, kH2cTermReq, field::kPlen, kind::kBelow, closed(), plen_header},
    {state::kReady, kH2cTermReq, field::kPlen, kind::kHuge, closed(), plen_huge},
    {state::kReady, kCapsuleCmd, field::kFlags, kind::kHdgstExtra, kBadFlags, hdgst},
    {state::kReady, kCapsuleCmd, field::kFlags, kind::kDdgstExtra, kBadFlags, ddgst, 512},
    {state::kReady, kCapsuleCmd, field::kHlen, kind::kBelow, kBadHlen, hlen_less},
    {state::kReady, kCapsuleCmd, field::kHlen, kind::kAbove, kBadHlen, hlen_more},
    {state::kReady, kCapsuleCmd, field::kPdo, kind::kZero, kBadPdo, pdo_zero, 512},
    {state::kReady, kCapsuleCmd, field::kPdo, kind::kInHeader, kBadPdo, pdo_in_header, 512},
    {state::kReady, kCapsuleCmd, field::kPdo, kind::kMisaligned, kBadPdo, pdo_misaligned, 512},
    {state::kReady, kCapsuleCmd, field::kPdo, kind::kBeyond, kBadPdo, pdo_beyond, 16},
    {state::kReady, kCapsuleCmd, field::kPlen, kind::kBelow, kBadPlen, plen_header},
    {state::kReady, kCapsuleCmd, field::kPlen, kind::kAbove, term(5), [](P& p, const S&) { p.plen = p.pdo + 8193u; },
     512},
    {state::kReady, kCapsuleCmd, field::kPlen, kind::kHuge, term(5), plen_huge, 512},
    {state::kReady, kH2cData, field::kFlags, kind::kHdgstExtra, kBadFlags, hdgst, 512},
    {state::kReady, kH2cData, field::kFlags, kind::kDdgstExtra, kBadFlags, ddgst, 512},
    {state::kReady, kH2cData, field::kHlen, kind::kBelow, kBadHlen, hlen_less, 512},
    {state::kReady, kH2cData, field::kHlen, kind::kAbove, kBadHlen, hlen_more, 512},
    {state::kReady, kH2cData, field::kPdo, kind::kZero, kBadPdo, pdo_zero, 512},
    {state::kReady, kH2cData, field::kPdo, kind::kInHeader, kBadPdo, pdo_in_header, 512},
    {state::kReady, kH2cData, field::kPdo, kind::kMisaligned, kBadPdo, pdo_misaligned, 512},
    {state::kReady, kH2cData, field::kPdo, kind::kBeyond, kBadPdo, pdo_beyond, 16},
    {state::kReady, kH2cData, field::kPlen, kind::kBelow, kBadPlen, [](P& p, const S&) { p.pdo = 0, p.plen = 8; }, 512},
    {state::kReady, kH2cData, field::kTtag, kind::kUnknown, term(1, 10), as_it_is, 512},

    // ---- With header digests
    {state::kHeaderDigest, kCapsuleCmd, field::kHdgst, kind::kOneBit, digest(), one_bit},
    {state::kHeaderDigest, kCapsuleCmd, field::kFlags, kind::kHdgstMissing, kBadFlags, no_header_digest},
    {state::kHeaderDigest, kCapsuleCmd, field::kFlags, kind::kBare, kBadFlags, bare_of_header_digest},
    {state::kHeaderDigest, kH2cData, field::kFlags, kind::kBare, kBadFlags, bare_of_header_digest, 512},
    {state::kHeaderDigest, kCapsuleCmd, field::kPdo, kind::kInDigest, kBadPdo, pdo_in_header, 512},
    {state::kHeaderDigest, kCapsuleCmd, field::kPlen, kind::kNoRoom, kBadPlen, [](P& p, const S&) { p.plen = 72; }},
    {state::kHeaderDigest, kH2cData, field::kHdgst, kind::kOneBit, digest(), one_bit, 512},
    {state::kHeaderDigest, kH2cData, field::kFlags, kind::kHdgstMissing, kBadFlags, no_header_digest, 512},
    {state::kHeaderDigest, kH2cData, field::kPdo, kind::kInDigest, kBadPdo, pdo_in_header, 512},
    // ---- With data digests
    {state::kDataDigest, kCapsuleCmd, field::kFlags, kind::kDdgstMissing, kBadFlags, no_data_digest, 512},
    {state::kDataDigest, kCapsuleCmd, field::kFlags, kind::kBare, kBadFlags, bare_of_data_digest, 512},
    {state::kDataDigest, kH2cData, field::kFlags, kind::kBare, kBadFlags, bare_of_data_digest, 512},
    {state::kDataDigest, kCapsuleCmd, field::kFlags, kind::kDdgstNoData, kBadPlen, ddgst},
    {state::kDataDigest, kCapsuleCmd, field::kPlen, kind::kNoRoom, kBadPlen, plen_no_room, 512},
    {state::kDataDigest, kH2cData, field::kFlags, kind::kDdgstMissing, kBadFlags, no_data_digest, 512},
    {state::kDataDigest, kH2cData, field::kFlags, kind::kDdgstNoData, kBadPlen, ddgst},
    {state::kDataDigest, kH2cData, field::kPlen, kind::kNoRoom, kBadPlen, plen_no_room, 512},

    // ---- On connected queues
    {state::kAdmin, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kAdmin, kIcReq, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kAdmin, kCapsuleCmd, field::kPlen, kind::kHuge, term(5), plen_huge, 512},
    {state::kAdmin, kH2cData, field::kTtag, kind::kUnknown, term(1, 10), as_it_is, 512},
    {state::kIo, kUnknown, field::kType, kind::kUnknown, kBadType, as_it_is},
    {state::kIo, kIcReq, field::kType, kind::kLate, kBadType, as_it_is},
    {state::kIo, kR2t, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kIo, kC2hData, field::kType, kind::kDirection, kBadType, as_it_is, 512},
    {state::kIo, kCapsuleResp, field::kType, kind::kDirection, kBadType, as_it_is},
    {state::kIo, kCapsuleCmd, field::kPlen, kind::kAbove, term(5), plen_more, 8192},
    {state::kIo, kCapsuleCmd, field::kPlen, kind::kHuge, term(5), plen_huge, 512},
    {state::kIo, kH2cData, field::kTtag, kind::kUnknown, term(1, 10), as_it_is, 512},
};

}  // namespace

std::span<const Row> target_rows() { return kRows; }

}  // namespace weft::hostile
