// log_page.hpp - log page identifiers and the pages themselves; discovery's is in fabrics.hpp.
//
// Value types; any thread.
#ifndef WEFT_NVME_LOG_PAGE_HPP
#define WEFT_NVME_LOG_PAGE_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"

namespace weft::nvme {

namespace log_page {  // LID
inline constexpr std::uint8_t kSupportedLogPages = 0x00;
inline constexpr std::uint8_t kError = 0x01;
inline constexpr std::uint8_t kSmart = 0x02;
inline constexpr std::uint8_t kFirmwareSlot = 0x03;
inline constexpr std::uint8_t kChangedNamespaces = 0x04;
inline constexpr std::uint8_t kCommandEffects = 0x05;
inline constexpr std::uint8_t kAna = 0x0C;
inline constexpr std::uint8_t kFeatureEffects = 0x12;
inline constexpr std::uint8_t kDiscovery = 0x70;
inline constexpr std::uint8_t kReservationNotification = 0x80;
}  // namespace log_page

// 00h: a dword for each page.
struct SupportedLogPages {
  std::array<le32, 256> lid{};  // bit 0: supported
};
WEFT_WIRE_SIZE(SupportedLogPages, 1024);
WEFT_WIRE_FIELD(SupportedLogPages, lid, 0);

// 01h: newest first.
struct ErrorLogEntry {
  le64 error_count{};
  le16 sqid{};
  le16 cid{};
  le16 status_field{};  // as in a completion
  le16 location{};      // bits 7:0 byte, 10:8 bit of the bad field
  le64 lba{};
  le32 nsid{};
  std::uint8_t vendor_page{};
  std::uint8_t trtype{};
  WireBytes<2> reserved30{};
  le64 command_specific{};
  WireBytes<24> reserved40{};
};
WEFT_WIRE_SIZE(ErrorLogEntry, 64);
WEFT_WIRE_FIELD(ErrorLogEntry, error_count, 0);
WEFT_WIRE_FIELD(ErrorLogEntry, sqid, 8);
WEFT_WIRE_FIELD(ErrorLogEntry, cid, 10);
WEFT_WIRE_FIELD(ErrorLogEntry, status_field, 12);
WEFT_WIRE_FIELD(ErrorLogEntry, location, 14);
WEFT_WIRE_FIELD(ErrorLogEntry, lba, 16);
WEFT_WIRE_FIELD(ErrorLogEntry, nsid, 24);
WEFT_WIRE_FIELD(ErrorLogEntry, vendor_page, 28);
WEFT_WIRE_FIELD(ErrorLogEntry, trtype, 29);
WEFT_WIRE_FIELD(ErrorLogEntry, reserved30, 30);
WEFT_WIRE_FIELD(ErrorLogEntry, command_specific, 32);
WEFT_WIRE_FIELD(ErrorLogEntry, reserved40, 40);

// A 128-bit counter.
struct Counter128 {
  le64 low{};
  le64 high{};
};
WEFT_WIRE_SIZE(Counter128, 16);
WEFT_WIRE_FIELD(Counter128, low, 0);
WEFT_WIRE_FIELD(Counter128, high, 8);

// 02h.
struct SmartLog {
  std::uint8_t critical_warning{};
  le16 temperature{};              // kelvin
  std::uint8_t available_spare{};  // percent
  std::uint8_t spare_threshold{};
  std::uint8_t percentage_used{};
  WireBytes<26> reserved6{};
  Counter128 data_units_read{};  // thousands of 512 bytes, rounded up
  Counter128 data_units_written{};
  Counter128 host_reads{};
  Counter128 host_writes{};
  Counter128 busy_minutes{};
  Counter128 power_cycles{};
  Counter128 power_on_hours{};
  Counter128 unsafe_shutdowns{};
  Counter128 media_errors{};
  Counter128 error_log_entries{};
  le32 warning_temperature_minutes{};
  le32 critical_temperature_minutes{};
  std::array<le16, 8> temperature_sensors{};
  WireBytes<296> reserved216{};
};
WEFT_WIRE_SIZE(SmartLog, 512);
WEFT_WIRE_FIELD(SmartLog, critical_warning, 0);
WEFT_WIRE_FIELD(SmartLog, temperature, 1);
WEFT_WIRE_FIELD(SmartLog, available_spare, 3);
WEFT_WIRE_FIELD(SmartLog, spare_threshold, 4);
WEFT_WIRE_FIELD(SmartLog, percentage_used, 5);
WEFT_WIRE_FIELD(SmartLog, reserved6, 6);
WEFT_WIRE_FIELD(SmartLog, data_units_read, 32);
WEFT_WIRE_FIELD(SmartLog, data_units_written, 48);
WEFT_WIRE_FIELD(SmartLog, host_reads, 64);
WEFT_WIRE_FIELD(SmartLog, host_writes, 80);
WEFT_WIRE_FIELD(SmartLog, busy_minutes, 96);
WEFT_WIRE_FIELD(SmartLog, power_cycles, 112);
WEFT_WIRE_FIELD(SmartLog, power_on_hours, 128);
WEFT_WIRE_FIELD(SmartLog, unsafe_shutdowns, 144);
WEFT_WIRE_FIELD(SmartLog, media_errors, 160);
WEFT_WIRE_FIELD(SmartLog, error_log_entries, 176);
WEFT_WIRE_FIELD(SmartLog, warning_temperature_minutes, 192);
WEFT_WIRE_FIELD(SmartLog, critical_temperature_minutes, 196);
WEFT_WIRE_FIELD(SmartLog, temperature_sensors, 200);
WEFT_WIRE_FIELD(SmartLog, reserved216, 216);

// 03h.
struct FirmwareSlotLog {
  std::uint8_t afi{};  // bits 2:0 active slot, 6:4 slot of the next reset
  WireBytes<7> reserved1{};
  std::array<WireText<8>, 7> revision{};
  WireBytes<448> reserved64{};
};
WEFT_WIRE_SIZE(FirmwareSlotLog, 512);
WEFT_WIRE_FIELD(FirmwareSlotLog, afi, 0);
WEFT_WIRE_FIELD(FirmwareSlotLog, reserved1, 1);
WEFT_WIRE_FIELD(FirmwareSlotLog, revision, 8);
WEFT_WIRE_FIELD(FirmwareSlotLog, reserved64, 64);

// 04h: ended by 0 when shorter; the first is kNsidAll when the list overflowed.
struct ChangedNamespaceList {
  std::array<le32, 1024> nsid{};
};
WEFT_WIRE_SIZE(ChangedNamespaceList, 4096);
WEFT_WIRE_FIELD(ChangedNamespaceList, nsid, 0);

// 05h: a dword for each opcode.
struct CommandEffectsLog {
  std::array<le32, 256> admin{};
  std::array<le32, 256> io{};
  WireBytes<2048> reserved2048{};
};
WEFT_WIRE_SIZE(CommandEffectsLog, 4096);
WEFT_WIRE_FIELD(CommandEffectsLog, admin, 0);
WEFT_WIRE_FIELD(CommandEffectsLog, io, 1024);
WEFT_WIRE_FIELD(CommandEffectsLog, reserved2048, 2048);

namespace command_effects {
inline constexpr std::uint32_t kSupported = 1 << 0;
inline constexpr std::uint32_t kChangesLogicalBlocks = 1 << 1;
inline constexpr std::uint32_t kChangesNamespaceCapability = 1 << 2;
inline constexpr std::uint32_t kChangesNamespaceInventory = 1 << 3;
inline constexpr std::uint32_t kChangesControllerCapability = 1 << 4;
inline constexpr std::uint32_t kSubmissionExecutionMask = 7 << 16;
}  // namespace command_effects

// 12h: a dword for each feature.
struct FeatureEffectsLog {
  std::array<le32, 256> fid{};  // bit 0: supported
};
WEFT_WIRE_SIZE(FeatureEffectsLog, 1024);
WEFT_WIRE_FIELD(FeatureEffectsLog, fid, 0);

// 0Ch: this header, then groups.
struct AnaLogHeader {
  le64 change_count{};
  le16 groups{};
  WireBytes<6> reserved10{};
};
WEFT_WIRE_SIZE(AnaLogHeader, 16);
WEFT_WIRE_FIELD(AnaLogHeader, change_count, 0);
WEFT_WIRE_FIELD(AnaLogHeader, groups, 8);
WEFT_WIRE_FIELD(AnaLogHeader, reserved10, 10);

struct AnaGroupDescriptor {
  le32 group_id{};
  le32 namespaces{};  // that many le32 follow, ascending
  le64 change_count{};
  std::uint8_t state{};
  WireBytes<15> reserved17{};
};
WEFT_WIRE_SIZE(AnaGroupDescriptor, 32);
WEFT_WIRE_FIELD(AnaGroupDescriptor, group_id, 0);
WEFT_WIRE_FIELD(AnaGroupDescriptor, namespaces, 4);
WEFT_WIRE_FIELD(AnaGroupDescriptor, change_count, 8);
WEFT_WIRE_FIELD(AnaGroupDescriptor, state, 16);
WEFT_WIRE_FIELD(AnaGroupDescriptor, reserved17, 17);

namespace ana_state {
inline constexpr std::uint8_t kOptimized = 0x1;
inline constexpr std::uint8_t kNonOptimized = 0x2;
inline constexpr std::uint8_t kInaccessible = 0x3;
inline constexpr std::uint8_t kPersistentLoss = 0x4;
inline constexpr std::uint8_t kChange = 0xF;
}  // namespace ana_state

// 80h.
struct ReservationNotificationLog {
  le64 count{};
  std::uint8_t type{};
  std::uint8_t available_pages{};
  WireBytes<2> reserved10{};
  le32 nsid{};
  WireBytes<48> reserved16{};
};
WEFT_WIRE_SIZE(ReservationNotificationLog, 64);
WEFT_WIRE_FIELD(ReservationNotificationLog, count, 0);
WEFT_WIRE_FIELD(ReservationNotificationLog, type, 8);
WEFT_WIRE_FIELD(ReservationNotificationLog, available_pages, 9);
WEFT_WIRE_FIELD(ReservationNotificationLog, reserved10, 10);
WEFT_WIRE_FIELD(ReservationNotificationLog, nsid, 12);
WEFT_WIRE_FIELD(ReservationNotificationLog, reserved16, 16);

}  // namespace weft::nvme

#endif
