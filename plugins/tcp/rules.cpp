// rules.cpp - the table of violation.hpp: FES, FEI, whether a TermReq is sent, name, sentence.
#include "violation.hpp"

namespace weft::tcp {

namespace rules {
namespace {
constexpr bool kTermReq = true;
constexpr bool kSilent = false;
constexpr auto kField = Fes::kInvalidHeaderField;
constexpr auto kSequence = Fes::kSequenceError;
constexpr auto kRange = Fes::kOutOfRange;
constexpr auto kLimit = Fes::kLimitExceeded;
constexpr auto kParameter = Fes::kUnsupportedParameter;

// Byte offsets of fields, for FEI.
constexpr std::uint32_t kType = 0, kFlags = 1, kHlen = 2, kPdo = 3, kPlen = 4;
constexpr std::uint32_t kPfv = 8, kPda = 10, kDgst = 11, kMaxH2c = 12;
constexpr std::uint32_t kCccid = 8, kTtag = 10, kLength = 16, kCqeCid = 20;
}  // namespace

const Rule kUnknownType{kField, kType, kTermReq, "unknown_type", "{peer} sent a PDU of the unknown type {a:#04x}"};
const Rule kWrongDirection{kField, kType, kTermReq, "wrong_direction",
                           "{peer} sent {pdu}, which only the other side may send"};
const Rule kIcPduTooLate{kField, kType, kTermReq, "ic_pdu_too_late",
                         "{peer} sent {pdu} on a connection whose handshake is over"};
const Rule kIcPduExpected{kField, kType, kTermReq, "ic_pdu_expected",
                          "{peer} sent {pdu} before the handshake was over"};
const Rule kTermReqLength{kField, kPlen, kSilent, "term_req_length",
                          "{peer} sent {pdu} of {a} bytes, where 24 to 152 are possible"};
const Rule kHeaderDigestFlagMissing{kField, kFlags, kTermReq, "header_digest_flag_missing",
                                    "{peer} sent {pdu} without the header digest that was agreed"};
const Rule kHeaderDigestFlagExtra{kField, kFlags, kTermReq, "header_digest_flag_extra",
                                  "{peer} sent {pdu} with a header digest that was not agreed"};
const Rule kDataDigestFlagMissing{
    kField, kFlags, kTermReq, "data_digest_flag_missing",
    "{peer} sent {pdu} with {a} bytes after its header but without the data digest that was agreed"};
const Rule kDataDigestFlagExtra{kField, kFlags, kTermReq, "data_digest_flag_extra",
                                "{peer} sent {pdu} with a data digest that was not agreed"};
const Rule kSuccessWithoutLast{kField, kFlags, kTermReq, "success_without_last",
                               "{peer} sent {pdu} with SUCCESS but without LAST"};
const Rule kHeaderLength{kField, kHlen, kTermReq, "header_length", "{peer} sent {pdu} with HLEN {a}; it is always {b}"};
const Rule kDataOffsetMissing{kField, kPdo, kTermReq, "data_offset_missing",
                              "{peer} sent {pdu} with PDO 0 and PLEN {a}, {b} bytes more than its header"};
const Rule kDataOffsetInHeader{kField, kPdo, kTermReq, "data_offset_in_header",
                               "{peer} sent {pdu} with PDO {a}, which lies within its header of {b} bytes"};
const Rule kDataOffsetBeyondPdu{kField, kPdo, kTermReq, "data_offset_beyond_pdu",
                                "{peer} sent {pdu} with PDO {a} beyond its PLEN {b}"};
const Rule kDataOffsetMisaligned{kField, kPdo, kTermReq, "data_offset_misaligned",
                                 "{peer} sent {pdu} with PDO {a}, which is no multiple of the agreed {b} bytes"};
const Rule kPduLength{kField, kPlen, kTermReq, "pdu_length",
                      "{peer} sent {pdu} with PLEN {a}; it is {b} on this connection"};
const Rule kPduLengthBelowHeader{kField, kPlen, kTermReq, "pdu_length_below_header",
                                 "{peer} sent {pdu} with PLEN {a}, less than its header of {b} bytes"};
const Rule kPduLengthNoRoomForDigest{
    kField, kPlen, kTermReq, "pdu_length_no_room_for_digest",
    "{peer} sent {pdu} with a data digest flag, but PLEN {a} leaves no room for data and digest after byte {b}"};
const Rule kInCapsuleTooLong{kLimit, 0, kTermReq, "in_capsule_too_long",
                             "{peer} sent {pdu} with {a} bytes of data, more than the {b} that are taken"};
const Rule kHeaderDigestWrong{Fes::kHeaderDigest, 0, kTermReq, "header_digest_wrong",
                              "{peer} sent {pdu} with header digest {a:08x}h, but its header gives {b:08x}h"};

const Rule kPfvUnsupported{kParameter, kPfv, kTermReq, "pfv_unsupported",
                           "{peer} sent {pdu} with PDU format version {a}; only 0 is known"};
const Rule kPdaTooLarge{kField, kPda, kTermReq, "pda_too_large",
                        "{peer} sent {pdu} with data alignment {a}; 31 is the most"};
const Rule kDigestNotRequested{
    kField, kDgst, kTermReq, "digest_not_requested",
    "{peer} sent {pdu} that turns on a digest nobody asked for (asked {a:#04x}, answered {b:#04x})"};
const Rule kMaxH2cDataInvalid{kField, kMaxH2c, kTermReq, "max_h2c_data_invalid",
                              "{peer} sent {pdu} with MAXH2CDATA {a}, which must be a multiple of 4 and at least 4096"};

const Rule kR2tUnknownCommand{kField, kCccid, kTermReq, "r2t_unknown_command",
                              "{peer} sent {pdu} for command {a}, which is not a command that waits to send data"};
const Rule kR2tEmpty{kField, kLength, kTermReq, "r2t_empty",
                     "{peer} sent {pdu} for command {a} that asks for no bytes"};
const Rule kR2tOutOfRange{kRange, 0, kTermReq, "r2t_out_of_range",
                          "{peer} sent {pdu} for bytes {a}..{b} of a {c}-byte command"};
const Rule kR2tOutOfOrder{kSequence, 0, kTermReq, "r2t_out_of_order",
                          "{peer} sent {pdu} for bytes {a}..{b}, where byte {c} is the next"};
const Rule kR2tTooMany{kLimit, 0, kTermReq, "r2t_too_many",
                       "{peer} sent {pdu} for command {a} while {b} were outstanding, as many as were allowed"};
const Rule kC2hUnknownCommand{kField, kCccid, kTermReq, "c2h_unknown_command",
                              "{peer} sent {pdu} for command {a}, which is not a command that waits to receive data"};
const Rule kC2hLength{kField, kLength, kTermReq, "c2h_length",
                      "{peer} sent {pdu} with DATAL {a}, but {b} bytes of data"};
const Rule kC2hEmpty{kField, kLength, kTermReq, "c2h_empty", "{peer} sent {pdu} for command {a} without data"};
const Rule kC2hAfterLast{kSequence, 0, kTermReq, "c2h_after_last",
                         "{peer} sent {pdu} for command {a} after the one that was its last"};
const Rule kC2hOutOfRange{kRange, 0, kTermReq, "c2h_out_of_range",
                          "{peer} sent {pdu} with bytes {a}..{b} of a {c}-byte command"};
const Rule kC2hOutOfOrder{kSequence, 0, kTermReq, "c2h_out_of_order",
                          "{peer} sent {pdu} with bytes {a}..{b}, where byte {c} is the next"};
const Rule kC2hLastEarly{kSequence, 0, kTermReq, "c2h_last_early",
                         "{peer} sent {pdu} marked LAST that ends at byte {a} of a {b}-byte command"};
const Rule kResponseUnknownCommand{kField, kCqeCid, kTermReq, "response_unknown_command",
                                   "{peer} sent {pdu} for command {a}, which is not outstanding"};

const Rule kTooManyCommands{kSequence, 0, kTermReq, "too_many_commands",
                            "{peer} sent {pdu} while {a} commands were unanswered, as many as the queue holds"};
const Rule kH2cTooLong{kLimit, 0, kTermReq, "h2c_too_long",
                       "{peer} sent {pdu} with DATAL {a}, more than MAXH2CDATA {b}"};
const Rule kH2cUnknownTag{kField, kTtag, kTermReq, "h2c_unknown_tag",
                          "{peer} sent {pdu} for transfer tag {a:#06x}, which was never given"};
const Rule kH2cStaleTag{kField, kTtag, kTermReq, "h2c_stale_tag",
                        "{peer} sent {pdu} for transfer tag {a:#06x}, whose data is complete or no longer wanted"};
const Rule kH2cWrongCommand{kField, kCccid, kTermReq, "h2c_wrong_command",
                            "{peer} sent {pdu} for command {a} with the transfer tag of command {b}"};
const Rule kH2cLength{kField, kLength, kTermReq, "h2c_length",
                      "{peer} sent {pdu} whose DATAL is {a}, but which carries {b} bytes"};
const Rule kH2cEmpty{kField, kLength, kTermReq, "h2c_empty",
                     "{peer} sent {pdu} for transfer tag {a:#06x} without data"};
const Rule kH2cOutOfRange{kRange, 0, kTermReq, "h2c_out_of_range",
                          "{peer} sent {pdu} with {a} bytes from byte {b} on, outside the R2T that ends at byte {c}"};
const Rule kH2cOutOfOrder{kSequence, 0, kTermReq, "h2c_out_of_order",
                          "{peer} sent {pdu} with data from byte {a} on, where byte {b} is the next"};
const Rule kH2cLastEarly{kSequence, 0, kTermReq, "h2c_last_early",
                         "{peer} sent {pdu} marked LAST that ends at byte {a} of an R2T up to byte {b}"};
const Rule kH2cLastMissing{kSequence, 0, kTermReq, "h2c_last_missing",
                           "{peer} sent {pdu} that completes an R2T up to byte {a}, but is not marked LAST"};
}  // namespace rules

std::span<const Rule* const> all_rules() {
  using namespace rules;
  static constexpr const Rule* kAll[] = {&kUnknownType,
                                         &kWrongDirection,
                                         &kIcPduTooLate,
                                         &kIcPduExpected,
                                         &kTermReqLength,
                                         &kHeaderDigestFlagMissing,
                                         &kHeaderDigestFlagExtra,
                                         &kDataDigestFlagMissing,
                                         &kDataDigestFlagExtra,
                                         &kSuccessWithoutLast,
                                         &kHeaderLength,
                                         &kDataOffsetMissing,
                                         &kDataOffsetInHeader,
                                         &kDataOffsetBeyondPdu,
                                         &kDataOffsetMisaligned,
                                         &kPduLength,
                                         &kPduLengthBelowHeader,
                                         &kPduLengthNoRoomForDigest,
                                         &kInCapsuleTooLong,
                                         &kHeaderDigestWrong,
                                         &kPfvUnsupported,
                                         &kPdaTooLarge,
                                         &kDigestNotRequested,
                                         &kMaxH2cDataInvalid,
                                         &kR2tUnknownCommand,
                                         &kR2tEmpty,
                                         &kR2tOutOfRange,
                                         &kR2tOutOfOrder,
                                         &kR2tTooMany,
                                         &kC2hUnknownCommand,
                                         &kC2hLength,
                                         &kC2hEmpty,
                                         &kC2hAfterLast,
                                         &kC2hOutOfRange,
                                         &kC2hOutOfOrder,
                                         &kC2hLastEarly,
                                         &kResponseUnknownCommand,
                                         &kTooManyCommands,
                                         &kH2cTooLong,
                                         &kH2cUnknownTag,
                                         &kH2cStaleTag,
                                         &kH2cWrongCommand,
                                         &kH2cLength,
                                         &kH2cEmpty,
                                         &kH2cOutOfRange,
                                         &kH2cOutOfOrder,
                                         &kH2cLastEarly,
                                         &kH2cLastMissing};
  return kAll;
}

}  // namespace weft::tcp
