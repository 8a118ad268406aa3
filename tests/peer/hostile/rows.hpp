// rows.hpp - the table of violations: in which state, of which PDU type, which field, in which way, and what must come of it.
//
// (role, state, type, field, kind) is a row's name and occurs once: rows_test.cpp. Words are the names, so that a failure reads
// as what was sent. Value types.
#ifndef WEFT_TESTS_PEER_HOSTILE_ROWS_HPP
#define WEFT_TESTS_PEER_HOSTILE_ROWS_HPP

#include <cstdint>
#include <span>
#include <string_view>

#include "tests/peer/hostile/raw_pdu.hpp"

namespace weft::hostile {

namespace state {
using Word = std::string_view;
// A target's, as a host brings it there.
inline constexpr Word kNew = "before ICReq", kReady = "before Connect", kHeaderDigest = "header digests",
                      kDataDigest = "data digests", kAdmin = "admin queue", kDisabled = "admin queue, not enabled",
                      kIo = "I/O queue", kReceiving = "R2T open", kHalf = "R2T half served", kTwoR2ts = "two R2Ts open",
                      kSecondR2t = "second R2T open", kFull = "queue full", kReceivingDigest = "R2T open, data digests";
// A host's, as a controller brings it there.
inline constexpr Word kHello = "before ICResp", kConnecting = "Connect sent", kIdle = "nothing outstanding",
                      kWriting = "write outstanding", kWritingMore = "write with one R2T served",
                      kR2tUnserved = "R2T not served yet", kReading = "read outstanding",
                      kReadingDigest = "read outstanding, data digests", kReadHalf = "read half answered",
                      kReadLast = "read whole, no response", kHostHeaderDigest = "host with header digests",
                      kHostDataDigest = "host with data digests";
}  // namespace state

namespace field {
using Word = std::string_view;
inline constexpr Word kType = "type", kFlags = "FLAGS", kHlen = "HLEN", kPdo = "PDO", kPlen = "PLEN", kPfv = "PFV",
                      kPda = "HPDA/CPDA", kDgst = "DGST", kMaxH2cData = "MAXH2CDATA", kCccid = "CCCID", kTtag = "TTAG",
                      kOffset = "DATAO/R2TO", kLength = "DATAL/R2TL", kHdgst = "HDGST", kDdgst = "DDGST",
                      kCount = "how many", kCqeCid = "CID", kSqhd = "SQHD", kResult = "result", kStatus = "status";
// Of the submission queue entry.
inline constexpr Word kOpcode = "opcode", kFuse = "FUSE", kPsdt = "PSDT", kNsid = "NSID", kSglType = "SGL type",
                      kSglSubtype = "SGL subtype", kSglAddress = "SGL address", kSglLength = "SGL length",
                      kLba = "SLBA", kBlocks = "NLB", kFctype = "FCTYPE", kCns = "CNS", kFid = "FID", kNumd = "NUMD",
                      kLid = "LID", kRanges = "DSM range", kProperty = "OFST", kAttrib = "ATTRIB", kCid = "CID";
}  // namespace field

namespace kind {
using Word = std::string_view;
inline constexpr Word kUnknown = "unknown", kDirection = "wrong direction", kEarly = "too early", kLate = "too late",
                      kReserved = "reserved bit", kHdgstExtra = "HDGSTF not agreed", kHdgstMissing = "HDGSTF missing",
                      kBare = "no digest at all", kDdgstExtra = "DDGSTF not agreed", kDdgstMissing = "DDGSTF missing",
                      kDdgstNoData = "DDGSTF without data", kLastExtra = "LAST not allowed",
                      kSuccessExtra = "SUCCESS not allowed", kSuccessAlone = "SUCCESS without LAST",
                      kBelow = "too small", kAbove = "too large", kHuge = "4 GiB", kZero = "zero",
                      kNotZero = "not zero", kInHeader = "within the header", kInDigest = "within the digest",
                      kBeyond = "beyond the end", kMisaligned = "misaligned", kNotAsked = "not asked for",
                      kNoRoom = "no room for the digest", kOther = "another command's", kStale = "stale",
                      kAcross = "across the end", kGap = "gap", kOverlap = "overlap", kRepeated = "repeated",
                      kWrap = "wraps 32 bits", kWrap64 = "wraps 64 bits", kBefore = "before the window",
                      kOutOfTurn = "out of turn", kLastEarly = "LAST too early", kLastMissing = "LAST missing",
                      kAfterLast = "after LAST", kNothing = "without data", kOneBit = "one bit wrong",
                      kTooMany = "too many", kMismatch = "does not fit the data", kUnexpected = "not expected here",
                      kWrongWay = "of a command that goes the other way", kFlat = "PRP",
                      kAlone = "second without first", kReadOnly = "read only", kInUse = "in use";
}  // namespace kind

// What must come of it.
struct Expect {
  enum class What : std::uint8_t {
    kTermReq,        // with FES and FEI
    kDigestTermReq,  // FES 3, FEI the digest that was sent
    kClosed,         // the connection ends without a word
    kStatus,         // the command ends with this status, and the connection lives on
    kHostError,      // the host ends the association with this errno, and says no word of it on the wire
  } what = What::kTermReq;
  std::uint16_t code = 0;  // FES, status or errno
  std::uint32_t fei = 0;
};
constexpr Expect term(std::uint16_t fes, std::uint32_t fei = 0) { return {Expect::What::kTermReq, fes, fei}; }
constexpr Expect digest() { return {Expect::What::kDigestTermReq, 3, 0}; }
constexpr Expect closed() { return {Expect::What::kClosed, 0, 0}; }
constexpr Expect status(std::uint16_t code) { return {Expect::What::kStatus, code, 0}; }
constexpr Expect host_error(int code) { return {Expect::What::kHostError, static_cast<std::uint16_t>(code), 0}; }

// What is outstanding where the row begins: a command and the window of its data that is open.
struct Spot {
  std::uint16_t cid = 0, tag = 0, other_cid = 0, other_tag = 0;
  std::uint32_t offset = 0, length = 0;
};

struct Row {
  std::string_view state;
  Type type;
  std::string_view field, kind;
  Expect expect;
  void (*damage)(RawPdu&, const Spot&);
  std::uint32_t data = 0;  // bytes of data that the right PDU has
};

// A command that is wrong in itself: built whole by `make`, with its in-capsule data.
struct CommandRow {
  std::string_view state;
  std::string_view field, kind;
  std::uint16_t status;
  Sqe sqe;
  std::uint32_t data = 0;
};

// Of a target (target_rows.cpp, target_data_rows.cpp, command_rows.cpp) and of a host (host_rows.cpp).
std::span<const Row> target_rows();
std::span<const Row> target_data_rows();
std::span<const CommandRow> command_rows();
std::span<const Row> host_rows();
std::span<const Row> host_data_rows();

}  // namespace weft::hostile

#endif
