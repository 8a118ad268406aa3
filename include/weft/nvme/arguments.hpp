// arguments.hpp - dwords 10 to 15 of each command as a 24-byte struct, for Sqe::arguments and Sqe::set_arguments.
//
// Offsets asserted here count from dword 10, byte 40 of the submission queue entry. Value types; any thread.
#ifndef WEFT_NVME_ARGUMENTS_HPP
#define WEFT_NVME_ARGUMENTS_HPP

#include <cstdint>

#include "weft/endian.hpp"

namespace weft::nvme {

struct IdentifyArguments {
  std::uint8_t cns{};
  std::uint8_t reserved41{};
  le16 cntid{};
  le16 cnssid{};
  std::uint8_t reserved46{};
  std::uint8_t csi{};
  WireBytes<8> reserved48{};
  le32 cdw14{};  // bits 6:0 UUID index
  WireBytes<4> reserved60{};
};
WEFT_WIRE_SIZE(IdentifyArguments, 24);
WEFT_WIRE_FIELD(IdentifyArguments, cns, 0);
WEFT_WIRE_FIELD(IdentifyArguments, reserved41, 1);
WEFT_WIRE_FIELD(IdentifyArguments, cntid, 2);
WEFT_WIRE_FIELD(IdentifyArguments, cnssid, 4);
WEFT_WIRE_FIELD(IdentifyArguments, reserved46, 6);
WEFT_WIRE_FIELD(IdentifyArguments, csi, 7);
WEFT_WIRE_FIELD(IdentifyArguments, reserved48, 8);
WEFT_WIRE_FIELD(IdentifyArguments, cdw14, 16);
WEFT_WIRE_FIELD(IdentifyArguments, reserved60, 20);

struct GetLogPageArguments {
  static constexpr std::uint8_t kRetainAsyncEvent = 0x80;  // in lsp_rae
  static constexpr std::uint8_t kLspMask = 0x7F;

  std::uint8_t lid{};
  std::uint8_t lsp_rae{};
  le16 numdl{};
  le16 numdu{};
  le16 lsi{};
  le64 offset{};  // bytes, a multiple of 4
  std::uint8_t uuid_index{};
  std::uint8_t reserved57{};
  std::uint8_t offset_type{};  // bit 7
  std::uint8_t csi{};
  WireBytes<4> reserved60{};

  [[nodiscard]] constexpr std::uint8_t lsp() const { return lsp_rae & kLspMask; }
  [[nodiscard]] constexpr bool retain_async_event() const { return (lsp_rae & kRetainAsyncEvent) != 0; }
  // In 64 bits: the field can ask for 16 GiB.
  [[nodiscard]] constexpr std::uint64_t length() const {
    return ((numdl | (static_cast<std::uint64_t>(numdu) << 16)) + 1) * 4;
  }
};
WEFT_WIRE_SIZE(GetLogPageArguments, 24);
WEFT_WIRE_FIELD(GetLogPageArguments, lid, 0);
WEFT_WIRE_FIELD(GetLogPageArguments, lsp_rae, 1);
WEFT_WIRE_FIELD(GetLogPageArguments, numdl, 2);
WEFT_WIRE_FIELD(GetLogPageArguments, numdu, 4);
WEFT_WIRE_FIELD(GetLogPageArguments, lsi, 6);
WEFT_WIRE_FIELD(GetLogPageArguments, offset, 8);
WEFT_WIRE_FIELD(GetLogPageArguments, uuid_index, 16);
WEFT_WIRE_FIELD(GetLogPageArguments, reserved57, 17);
WEFT_WIRE_FIELD(GetLogPageArguments, offset_type, 18);
WEFT_WIRE_FIELD(GetLogPageArguments, csi, 19);
WEFT_WIRE_FIELD(GetLogPageArguments, reserved60, 20);

struct FeaturesArguments {
  static constexpr std::uint32_t kSave = 0x80000000;  // Set Features, cdw10

  le32 cdw10{};
  le32 cdw11{};
  le32 cdw12{};
  le32 cdw13{};
  le32 cdw14{};
  le32 cdw15{};

  [[nodiscard]] constexpr std::uint8_t fid() const { return static_cast<std::uint8_t>(cdw10 & 0xFF); }
  [[nodiscard]] constexpr bool save() const { return (cdw10 & kSave) != 0; }
  [[nodiscard]] constexpr std::uint8_t select() const { return (cdw10 >> 8) & 7; }  // Get Features
};
WEFT_WIRE_SIZE(FeaturesArguments, 24);
WEFT_WIRE_FIELD(FeaturesArguments, cdw10, 0);
WEFT_WIRE_FIELD(FeaturesArguments, cdw11, 4);
WEFT_WIRE_FIELD(FeaturesArguments, cdw12, 8);
WEFT_WIRE_FIELD(FeaturesArguments, cdw13, 12);
WEFT_WIRE_FIELD(FeaturesArguments, cdw14, 16);
WEFT_WIRE_FIELD(FeaturesArguments, cdw15, 20);

struct AbortArguments {
  static constexpr std::uint32_t kNotAborted = 1;  // bit 0 of the completion's dw0

  le16 sqid{};
  le16 cid{};
  WireBytes<20> reserved44{};
};
WEFT_WIRE_SIZE(AbortArguments, 24);
WEFT_WIRE_FIELD(AbortArguments, sqid, 0);
WEFT_WIRE_FIELD(AbortArguments, cid, 2);
WEFT_WIRE_FIELD(AbortArguments, reserved44, 4);

// Read, Write, Compare, Write Zeroes, Write Uncorrectable and Verify.
struct ReadWriteArguments {
  static constexpr std::uint16_t kDeallocate = 1 << 9;  // control, Write Zeroes
  static constexpr std::uint16_t kCheckReferenceTag = 1 << 10;
  static constexpr std::uint16_t kCheckApplicationTag = 1 << 11;
  static constexpr std::uint16_t kCheckGuard = 1 << 12;
  static constexpr std::uint16_t kProtectionAction = 1 << 13;
  static constexpr std::uint16_t kForceUnitAccess = 1 << 14;
  static constexpr std::uint16_t kLimitedRetry = 1 << 15;

  le64 slba{};
  le16 nlb{};  // 0's based
  le16 control{};
  le32 dsmgmt{};
  le32 reference_tag{};
  le16 application_tag{};
  le16 application_tag_mask{};

  [[nodiscard]] constexpr std::uint32_t blocks() const { return static_cast<std::uint32_t>(nlb) + 1; }
};
WEFT_WIRE_SIZE(ReadWriteArguments, 24);
WEFT_WIRE_FIELD(ReadWriteArguments, slba, 0);
WEFT_WIRE_FIELD(ReadWriteArguments, nlb, 8);
WEFT_WIRE_FIELD(ReadWriteArguments, control, 10);
WEFT_WIRE_FIELD(ReadWriteArguments, dsmgmt, 12);
WEFT_WIRE_FIELD(ReadWriteArguments, reference_tag, 16);
WEFT_WIRE_FIELD(ReadWriteArguments, application_tag, 20);
WEFT_WIRE_FIELD(ReadWriteArguments, application_tag_mask, 22);

struct DatasetManagementArguments {
  static constexpr std::uint32_t kMaxRanges = 256;
  static constexpr std::uint32_t kIntegralRead = 1 << 0;  // attributes
  static constexpr std::uint32_t kIntegralWrite = 1 << 1;
  static constexpr std::uint32_t kDeallocate = 1 << 2;

  std::uint8_t nr{};  // 0's based
  WireBytes<3> reserved41{};
  le32 attributes{};
  WireBytes<16> reserved48{};

  [[nodiscard]] constexpr std::uint32_t ranges() const { return nr + 1U; }
};
WEFT_WIRE_SIZE(DatasetManagementArguments, 24);
WEFT_WIRE_FIELD(DatasetManagementArguments, nr, 0);
WEFT_WIRE_FIELD(DatasetManagementArguments, reserved41, 1);
WEFT_WIRE_FIELD(DatasetManagementArguments, attributes, 4);
WEFT_WIRE_FIELD(DatasetManagementArguments, reserved48, 8);

// One range of Dataset Management's data.
struct DsmRange {
  le32 attributes{};
  le32 blocks{};  // 1's based
  le64 slba{};
};
WEFT_WIRE_SIZE(DsmRange, 16);
WEFT_WIRE_FIELD(DsmRange, attributes, 0);
WEFT_WIRE_FIELD(DsmRange, blocks, 4);
WEFT_WIRE_FIELD(DsmRange, slba, 8);

}  // namespace weft::nvme

#endif
