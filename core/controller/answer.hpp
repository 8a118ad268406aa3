// answer.hpp - what a command is answered with: status, result, and where the bad field lies.
//
// Value types; any thread.
#ifndef WEFT_CORE_CONTROLLER_ANSWER_HPP
#define WEFT_CORE_CONTROLLER_ANSWER_HPP

#include <cstdint>

#include "weft/nvme.hpp"
#include "weft/status.hpp"

namespace weft::controller {

// Of the error log: no field of the submission queue entry is to blame.
inline constexpr std::uint16_t kNoLocation = 0xFFFF;

struct Answer {
  NvmeStatus status;
  std::uint16_t location = kNoLocation;  // byte of the submission queue entry
  std::uint64_t result = 0;
  bool logged = true;  // a failure belongs in the error log, where its status does

  [[nodiscard]] bool ok() const { return status.ok(); }
};

[[nodiscard]] inline Answer success(std::uint64_t result = 0) { return {NvmeStatus(), kNoLocation, result}; }

// A failure that the same command would meet again.
[[nodiscard]] inline Answer refuse(NvmeStatus status, std::uint16_t location = kNoLocation) {
  return {status.dnr(), location, 0};
}
[[nodiscard]] inline Answer invalid_field(std::uint16_t location) {
  return refuse(nvme::status::kInvalidField, location);
}

// What hosts ask only to learn whether it is there: the error log is not filled with it.
[[nodiscard]] inline Answer not_there(std::uint16_t location) {
  Answer answer = invalid_field(location);
  answer.logged = false;
  return answer;
}

// Bytes of the submission queue entry, for locations.
namespace at {
inline constexpr std::uint16_t kOpcode = 0;
inline constexpr std::uint16_t kFlags = 1;
inline constexpr std::uint16_t kNsid = 4;
inline constexpr std::uint16_t kSgl = 24;
inline constexpr std::uint16_t kSglLength = 32;
inline constexpr std::uint16_t kCdw10 = 40;
inline constexpr std::uint16_t kCdw11 = 44;
inline constexpr std::uint16_t kCdw12 = 48;
inline constexpr std::uint16_t kCdw13 = 52;
inline constexpr std::uint16_t kCdw14 = 56;
}  // namespace at

}  // namespace weft::controller

#endif
