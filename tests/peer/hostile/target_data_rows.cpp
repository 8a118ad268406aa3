// What a host may do wrong with H2CData while R2Ts are open, and with more commands than its queue holds.
//
// Listener: maxh2cdata=16K, maxr2t=2. The right PDU serves the whole window of Spot with LAST.
#include "tests/peer/hostile/damage.hpp"

namespace weft::hostile {
namespace {

void part(P& p, const S& s, std::uint32_t offset, std::uint32_t length, bool last) {
  part(p, kH2cData, s.cid, s.tag, offset, length, last);
}

const Row kRows[] = {
    {state::kReceiving, kH2cData, field::kCccid, kind::kOther, term(1, 8),
     [](P& p, const S& s) { p.u16(8, s.cid + 1u); }},
    {state::kReceiving, kH2cData, field::kTtag, kind::kUnknown, term(1, 10),
     [](P& p, const S& s) { p.u16(10, s.tag + 0x1001u); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kZero, term(1, 16), [](P& p, const S&) { p.u32(16, 0); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kBelow, term(1, 16),
     [](P& p, const S& s) { p.u32(16, s.length - 4); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kMismatch, term(1, 16),
     [](P& p, const S& s) { part(p, s, s.offset, 512, false), p.u32(16, 1024); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kNothing, term(1, 16),
     [](P& p, const S& s) { part(p, s, s.offset, 0, false); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kAbove, term(5),
     [](P& p, const S& s) { part(p, s, s.offset, s.length + 4, true); }},
    {state::kReceiving, kH2cData, field::kLength, kind::kHuge, term(5), [](P& p, const S&) { p.u32(16, 0xffffffff); }},
    {state::kReceiving, kH2cData, field::kPlen, kind::kHuge, term(1, 16), [](P& p, const S&) { p.plen = 0xffffffff; }},
    {state::kReceiving, kH2cData, field::kOffset, kind::kBeyond, term(4),
     [](P& p, const S& s) { part(p, s, s.offset + s.length, 512, false); }},
    {state::kReceiving, kH2cData, field::kOffset, kind::kAcross, term(4),
     [](P& p, const S& s) { part(p, s, s.length - 512, 1024, false); }},
    {state::kReceiving, kH2cData, field::kOffset, kind::kWrap, term(4),
     [](P& p, const S& s) { part(p, s, 0xfffffe00, 1024, false); }},
    {state::kReceiving, kH2cData, field::kOffset, kind::kGap, term(2),
     [](P& p, const S& s) { part(p, s, s.offset + 512, 512, false); }},
    {state::kReceiving, kH2cData, field::kFlags, kind::kLastEarly, term(2),
     [](P& p, const S& s) { part(p, s, s.offset, 512, true); }},
    {state::kReceiving, kH2cData, field::kFlags, kind::kLastMissing, term(2), [](P& p, const S&) { p.no_flag(kLast); }},
    {state::kReceiving, kUnknown, field::kType, kind::kUnknown, term(1, 0), [](P&, const S&) {}},
    {state::kReceiving, kIcReq, field::kType, kind::kLate, term(1, 0), [](P&, const S&) {}},
    {state::kReceiving, kC2hData, field::kType, kind::kDirection, term(1, 0), [](P&, const S&) {}, 512},

    {state::kHalf, kH2cData, field::kOffset, kind::kOverlap, term(2),
     [](P& p, const S& s) { part(p, s, s.offset - 512, 1024, false); }},
    {state::kHalf, kH2cData, field::kOffset, kind::kRepeated, term(2),
     [](P& p, const S& s) { part(p, s, 0, s.offset, false); }},
    {state::kHalf, kH2cData, field::kOffset, kind::kGap, term(2),
     [](P& p, const S& s) { part(p, s, s.offset + 4, 512, false); }},
    {state::kHalf, kH2cData, field::kCccid, kind::kOther, term(1, 8), [](P& p, const S& s) { p.u16(8, s.cid + 1u); }},
    {state::kHalf, kH2cData, field::kFlags, kind::kLastMissing, term(2), [](P& p, const S&) { p.no_flag(kLast); }},

    {state::kSecondR2t, kH2cData, field::kTtag, kind::kStale, term(1, 10),
     [](P& p, const S& s) { p.u16(10, s.other_tag); }},
    {state::kSecondR2t, kH2cData, field::kOffset, kind::kBefore, term(4),
     [](P& p, const S& s) { part(p, s, 0, 512, false); }},
    {state::kSecondR2t, kH2cData, field::kOffset, kind::kAcross, term(4),
     [](P& p, const S& s) { part(p, s, s.offset - 512, 1024, false); }},

    {state::kTwoR2ts, kH2cData, field::kTtag, kind::kOutOfTurn, term(2),
     [](P& p, const S& s) { p.transfer(s.cid, s.other_tag, s.offset + s.length, s.length); }},
    {state::kTwoR2ts, kH2cData, field::kTtag, kind::kMismatch, term(4),
     [](P& p, const S& s) { p.u16(10, s.other_tag); }},

    {state::kFull, kCapsuleCmd, field::kCount, kind::kTooMany, term(2), [](P&, const S&) {}},

    {state::kReceivingDigest, kH2cData, field::kDdgst, kind::kOneBit, status(0x022),
     [](P& p, const S&) { p.data_damage = 1; }},
    {state::kDataDigest, kCapsuleCmd, field::kDdgst, kind::kOneBit, status(0x022),
     [](P& p, const S&) { p.data_damage = 1u << 31; }, 512},
};

}  // namespace

std::span<const Row> target_data_rows() { return kRows; }

}  // namespace weft::hostile
