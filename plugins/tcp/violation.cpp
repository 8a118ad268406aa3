#include "violation.hpp"

#include <fmt/format.h>

namespace weft::tcp {

Violation violates(const Rule& rule, PduType type, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  const std::uint8_t header = header_size(type);
  return Violation{.rule = &rule,
                   .fei = rule.fei,
                   .type = static_cast<std::uint8_t>(type),
                   .echo = header != 0 ? header : static_cast<std::uint8_t>(kCommonHeaderSize),
                   .numbers = {a, b, c}};
}

namespace {
const char* peer_of(Role reader) { return reader == Role::kHost ? "the controller" : "the host"; }

const char* fes_words(std::uint16_t fes, Role sender) {
  switch (static_cast<Fes>(fes)) {
    case Fes::kInvalidHeaderField:
      return "invalid PDU header field";
    case Fes::kSequenceError:
      return "PDU sequence error";
    case Fes::kHeaderDigest:
      return "header digest error";
    case Fes::kOutOfRange:
      return "data transfer out of range";
    case Fes::kLimitExceeded:
      return sender == Role::kHost ? "R2T limit exceeded" : "data transfer limit exceeded";
    case Fes::kUnsupportedParameter:
      return "unsupported parameter";
  }
  return "unknown reason";
}
}  // namespace

std::string explain(const Violation& violation, Role reader) {
  if (!violation) {
    return "no violation";
  }
  return fmt::format(fmt::runtime(violation.rule->sentence), fmt::arg("peer", peer_of(reader)),
                     fmt::arg("pdu", pdu_name(violation.type)), fmt::arg("a", violation.numbers[0]),
                     fmt::arg("b", violation.numbers[1]), fmt::arg("c", violation.numbers[2]));
}

std::string explain_term_req(std::uint16_t fes, std::uint32_t fei, Role reader) {
  const Role sender = reader == Role::kHost ? Role::kController : Role::kHost;
  return fmt::format("{} ended the connection: {} (FES {}, FEI {:#x})", peer_of(reader), fes_words(fes, sender), fes,
                     fei);
}

}  // namespace weft::tcp
