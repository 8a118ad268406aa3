// violation.hpp - every way in which a peer can break NVMe/TCP, as a table of named rules with the fatal error status
// (FES), the field offset (FEI) and a sentence.
//
//   Violation bad = violates(rules::kR2tOutOfRange, PduType::kR2t, 8192, 12288, 4096);
//   explain(bad, Role::kHost) == "the controller sent an R2T for bytes 8192..12288 of a 4096-byte command"
//
// A Violation is small, holds no text and is made without allocation; explain() is for the end of the connection.
// Value types; any thread.
#ifndef WEFT_TCP_VIOLATION_HPP
#define WEFT_TCP_VIOLATION_HPP

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "pdu.hpp"

namespace weft::tcp {

// Fatal error status of a TermReq.
enum class Fes : std::uint16_t {
  kInvalidHeaderField = 0x01,  // FEI: byte offset of the lowest bad field
  kSequenceError = 0x02,
  kHeaderDigest = 0x03,  // FEI: the digest that was received
  kOutOfRange = 0x04,
  kLimitExceeded = 0x05,         // too many R2Ts (found by a host), too much data (found by a controller)
  kUnsupportedParameter = 0x06,  // FEI: byte offset of the field
};

struct Rule {
  Fes fes;
  std::uint32_t fei;
  bool term_req;         // false: the connection is dropped and no TermReq is sent
  const char* name;      // "r2t_out_of_range": for tests and logs
  const char* sentence;  // {peer}, {pdu} (with article), {a}, {b}, {c}: the numbers of the violation
};

struct Violation {
  const Rule* rule = nullptr;
  std::uint32_t fei = 0;  // the rule's, or the received digest
  std::uint8_t type = 0;  // of the offending PDU, as received
  std::uint8_t echo = 0;  // a TermReq carries at most so many bytes of the PDU, of those that have arrived
  std::array<std::uint64_t, 3> numbers{};

  explicit operator bool() const { return rule != nullptr; }
  friend bool operator==(const Violation&, const Violation&) = default;
  [[nodiscard]] std::uint16_t fes() const { return static_cast<std::uint16_t>(rule->fes); }
  // FES<<16 | FEI (cut to 16 bits): weft_error.detail.
  [[nodiscard]] std::uint32_t detail() const { return std::uint32_t{fes()} << 16 | (fei & 0xffffu); }
};

// A violation of `rule` by a PDU of `type`; echoes the type's whole header.
Violation violates(const Rule& rule, PduType type, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);

// The sentence for a person; `reader` is us, so the peer is the other role. Allocates: not for the data path.
std::string explain(const Violation& violation, Role reader);

// What a received TermReq says, in words: "the controller ended the connection: header digest error (FES 3, FEI
// 0x1234)".
std::string explain_term_req(std::uint16_t fes, std::uint32_t fei, Role reader);

namespace rules {
// The common header; C6-C15.
extern const Rule kUnknownType, kWrongDirection, kIcPduTooLate, kIcPduExpected, kTermReqLength,
    kHeaderDigestFlagMissing, kHeaderDigestFlagExtra, kDataDigestFlagMissing, kDataDigestFlagExtra, kSuccessWithoutLast,
    kHeaderLength, kDataOffsetMissing, kDataOffsetInHeader, kDataOffsetBeyondPdu, kDataOffsetMisaligned, kPduLength,
    kPduLengthBelowHeader, kPduLengthNoRoomForDigest, kInCapsuleTooLong, kHeaderDigestWrong;
// ICReq and ICResp; C1-C5.
extern const Rule kPfvUnsupported, kPdaTooLarge, kDigestNotRequested, kMaxH2cDataInvalid;
// R2T, C2HData and CapsuleResp, found by a host; C18-C21.
extern const Rule kR2tUnknownCommand, kR2tEmpty, kR2tOutOfRange, kR2tOutOfOrder, kR2tTooMany, kC2hUnknownCommand,
    kC2hLength, kC2hEmpty, kC2hAfterLast, kC2hOutOfRange, kC2hOutOfOrder, kC2hLastEarly, kResponseUnknownCommand;
// CapsuleCmd and H2CData, found by a controller; C17-C20.
extern const Rule kTooManyCommands, kH2cTooLong, kH2cUnknownTag, kH2cStaleTag, kH2cWrongCommand, kH2cLength, kH2cEmpty,
    kH2cOutOfRange, kH2cOutOfOrder, kH2cLastEarly, kH2cLastMissing;
}  // namespace rules

// All of them, for tests that want every rule to be reached and every sentence to be distinct.
std::span<const Rule* const> all_rules();

}  // namespace weft::tcp

#endif
