#include "pdu.hpp"

namespace weft::tcp {

const char* pdu_name(std::uint8_t type) {
  switch (static_cast<PduType>(type)) {
    case PduType::kIcReq:
      return "an ICReq";
    case PduType::kIcResp:
      return "an ICResp";
    case PduType::kH2cTermReq:
      return "an H2CTermReq";
    case PduType::kC2hTermReq:
      return "a C2HTermReq";
    case PduType::kCapsuleCmd:
      return "a command capsule";
    case PduType::kCapsuleResp:
      return "a response capsule";
    case PduType::kH2cData:
      return "an H2CData PDU";
    case PduType::kC2hData:
      return "a C2HData PDU";
    case PduType::kR2t:
      return "an R2T";
  }
  return "a PDU of an unknown type";
}

}  // namespace weft::tcp
