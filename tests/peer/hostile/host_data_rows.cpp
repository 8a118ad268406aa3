// What a controller may do wrong with R2T, C2HData and responses while a command of 16 KiB is outstanding. MAXR2T is 1.
#include <cerrno>

#include "tests/peer/hostile/damage.hpp"

namespace weft::hostile {
namespace {

void part(P& p, const S& s, std::uint32_t offset, std::uint32_t length, bool last) {
  part(p, kC2hData, s.cid, 0, offset, length, last);
}

const Row kRows[] = {
    // ---- A write: R2Ts
    {state::kWriting, kR2t, field::kCccid, kind::kOther, term(1, 8), [](P& p, const S& s) { p.u16(8, s.cid + 1u); }},
    {state::kWriting, kR2t, field::kLength, kind::kZero, term(1, 16), [](P& p, const S&) { p.u32(16, 0); }},
    {state::kWriting, kR2t, field::kLength, kind::kAcross, term(4), [](P& p, const S& s) { p.u32(16, s.length + 1); }},
    {state::kWriting, kR2t, field::kLength, kind::kHuge, term(4), [](P& p, const S&) { p.u32(16, 0xffffffff); }},
    {state::kWriting, kR2t, field::kOffset, kind::kBeyond, term(4), [](P& p, const S& s) { p.u32(12, s.length); }},
    {state::kWriting, kR2t, field::kOffset, kind::kWrap, term(4),
     [](P& p, const S&) { p.u32(12, 0xfffff000).u32(16, 0x2000); }},
    {state::kWriting, kR2t, field::kOffset, kind::kGap, term(2),
     [](P& p, const S& s) { p.u32(12, 4096).u32(16, s.length - 4096); }},
    {state::kWriting, kC2hData, field::kCccid, kind::kWrongWay, term(1, 8), as_it_is, 512},
    {state::kWriting, kCapsuleResp, field::kCqeCid, kind::kOther, term(1, 20),
     [](P& p, const S& s) { p.u16(20, s.cid + 1u); }},
    {state::kWritingMore, kR2t, field::kOffset, kind::kRepeated, term(2),
     [](P& p, const S& s) { p.u32(12, 0).u32(16, s.offset); }},
    {state::kWritingMore, kR2t, field::kOffset, kind::kOverlap, term(2),
     [](P& p, const S& s) { p.u32(12, s.offset - 512).u32(16, 1024); }},
    // After the first grant a sum of 32 bits would be small again.
    {state::kWritingMore, kR2t, field::kLength, kind::kWrap, term(4),
     [](P& p, const S& s) { p.u32(16, 0u - s.offset + 512); }},
    {state::kR2tUnserved, kR2t, field::kCount, kind::kTooMany, term(5), as_it_is},
    {state::kR2tUnserved, kR2t, field::kOffset, kind::kRepeated, term(2),
     [](P& p, const S& s) { p.u32(12, 0).u32(16, s.offset); }},

    // ---- A read: C2HData
    {state::kReading, kR2t, field::kCccid, kind::kWrongWay, term(1, 8), as_it_is},
    {state::kReading, kC2hData, field::kCccid, kind::kOther, term(1, 8),
     [](P& p, const S& s) { p.u16(8, s.cid + 1u); }},
    {state::kReading, kC2hData, field::kCccid, kind::kHuge, term(1, 8), [](P& p, const S&) { p.u16(8, 0xffff); }},
    {state::kReading, kC2hData, field::kLength, kind::kZero, term(1, 16), [](P& p, const S&) { p.u32(16, 0); }},
    {state::kReading, kC2hData, field::kLength, kind::kMismatch, term(1, 16),
     [](P& p, const S& s) { part(p, s, 0, 512, false), p.u32(16, 1024); }},
    {state::kReading, kC2hData, field::kLength, kind::kNothing, term(1, 16),
     [](P& p, const S& s) { part(p, s, 0, 0, false); }},
    {state::kReading, kC2hData, field::kLength, kind::kAbove, term(4),
     [](P& p, const S& s) { part(p, s, 0, s.length + 4, true); }},
    {state::kReading, kC2hData, field::kPlen, kind::kHuge, term(1, 16), [](P& p, const S&) { p.plen = 0xffffffff; }},
    {state::kReading, kC2hData, field::kOffset, kind::kBeyond, term(4),
     [](P& p, const S& s) { part(p, s, s.length, 512, false); }},
    {state::kReading, kC2hData, field::kOffset, kind::kWrap, term(4),
     [](P& p, const S& s) { part(p, s, 0xfffffe00, 1024, false); }},
    {state::kReading, kC2hData, field::kOffset, kind::kGap, term(2),
     [](P& p, const S& s) { part(p, s, 512, 512, false); }},
    {state::kReading, kC2hData, field::kFlags, kind::kLastEarly, term(2),
     [](P& p, const S& s) { part(p, s, 0, 512, true); }},
    {state::kReading, kCapsuleResp, field::kCqeCid, kind::kHuge, term(1, 20),
     [](P& p, const S&) { p.u16(20, 0xffff); }},
    {state::kReadHalf, kC2hData, field::kOffset, kind::kRepeated, term(2),
     [](P& p, const S& s) { part(p, s, 0, s.offset, false); }},
    {state::kReadHalf, kC2hData, field::kOffset, kind::kOverlap, term(2),
     [](P& p, const S& s) { part(p, s, s.offset - 512, 1024, false); }},
    {state::kReadHalf, kC2hData, field::kOffset, kind::kAcross, term(4),
     [](P& p, const S& s) { part(p, s, s.offset, s.length + 512, true); }},
    {state::kReadLast, kC2hData, field::kFlags, kind::kAfterLast, term(2),
     [](P& p, const S& s) { part(p, s, 0, 512, false); }},
    {state::kReadingDigest, kC2hData, field::kDdgst, kind::kOneBit, host_error(EBADMSG),
     [](P& p, const S&) { p.flag(kSuccess).data_damage = 1; }},
};

}  // namespace

std::span<const Row> host_data_rows() { return kRows; }

}  // namespace weft::hostile
