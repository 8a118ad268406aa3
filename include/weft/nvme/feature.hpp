// feature.hpp - feature identifiers, asynchronous events and their enables.
//
// Values; any thread.
#ifndef WEFT_NVME_FEATURE_HPP
#define WEFT_NVME_FEATURE_HPP

#include <cstdint>

namespace weft::nvme {

namespace feature {  // FID
inline constexpr std::uint8_t kArbitration = 0x01;
inline constexpr std::uint8_t kPowerManagement = 0x02;
inline constexpr std::uint8_t kLbaRangeType = 0x03;
inline constexpr std::uint8_t kTemperatureThreshold = 0x04;
inline constexpr std::uint8_t kErrorRecovery = 0x05;
inline constexpr std::uint8_t kVolatileWriteCache = 0x06;
inline constexpr std::uint8_t kNumberOfQueues = 0x07;
inline constexpr std::uint8_t kWriteAtomicity = 0x0A;
inline constexpr std::uint8_t kAsyncEventConfiguration = 0x0B;
inline constexpr std::uint8_t kAutonomousPowerState = 0x0C;
inline constexpr std::uint8_t kTimestamp = 0x0E;
inline constexpr std::uint8_t kKeepAliveTimer = 0x0F;
inline constexpr std::uint8_t kHostBehaviorSupport = 0x16;
inline constexpr std::uint8_t kIoCommandSetProfile = 0x19;
inline constexpr std::uint8_t kHostIdentifier = 0x81;
inline constexpr std::uint8_t kReservationNotificationMask = 0x82;
inline constexpr std::uint8_t kReservationPersistence = 0x83;
inline constexpr std::uint8_t kNamespaceWriteProtect = 0x84;

// Select of Get Features.
inline constexpr std::uint8_t kSelectCurrent = 0;
inline constexpr std::uint8_t kSelectDefault = 1;
inline constexpr std::uint8_t kSelectSaved = 2;
inline constexpr std::uint8_t kSelectSupported = 3;

inline constexpr std::uint32_t kWriteCacheEnable = 1 << 0;         // kVolatileWriteCache, cdw11
inline constexpr std::uint32_t kExtendedHostId = 1 << 0;           // kHostIdentifier, cdw11: 16 bytes, not 8
inline constexpr std::uint32_t kPersistThroughPowerLoss = 1 << 0;  // kReservationPersistence, cdw11
}  // namespace feature

// Number of Queues: cdw11 of the command and dw0 of the answer. Counts are 0's based on the wire, plain here.
struct QueueCounts {
  std::uint32_t submission = 0;  // 1..65536
  std::uint32_t completion = 0;

  // The counts are at least 1.
  [[nodiscard]] constexpr std::uint32_t encode() const {
    return ((submission - 1) & 0xFFFF) | (((completion - 1) & 0xFFFF) << 16);
  }
  static constexpr QueueCounts decode(std::uint32_t dword) {
    return {.submission = (dword & 0xFFFF) + 1, .completion = (dword >> 16) + 1};
  }
  friend constexpr bool operator==(const QueueCounts&, const QueueCounts&) = default;
};

namespace async_event {
inline constexpr std::uint8_t kTypeError = 0;
inline constexpr std::uint8_t kTypeHealth = 1;
inline constexpr std::uint8_t kTypeNotice = 2;
inline constexpr std::uint8_t kTypeIoCommandSet = 6;
inline constexpr std::uint8_t kTypeVendor = 7;

inline constexpr std::uint8_t kNoticeNamespaceAttribute = 0x00;
inline constexpr std::uint8_t kNoticeFirmwareActivation = 0x01;
inline constexpr std::uint8_t kNoticeTelemetry = 0x02;
inline constexpr std::uint8_t kNoticeAnaChange = 0x03;
inline constexpr std::uint8_t kNoticeDiscovery = 0xF0;
inline constexpr std::uint8_t kIoReservationLog = 0x00;

// Enables: Set Features 0Bh cdw11, and the same bits of OAES in Identify Controller.
inline constexpr std::uint32_t kEnableHealthMask = 0x1F;  // the critical warnings of the SMART log
inline constexpr std::uint32_t kEnableNamespaceAttribute = 1U << 8;
inline constexpr std::uint32_t kEnableFirmwareActivation = 1U << 9;
inline constexpr std::uint32_t kEnableTelemetry = 1U << 10;
inline constexpr std::uint32_t kEnableAnaChange = 1U << 11;
inline constexpr std::uint32_t kEnableDiscovery = 1U << 31;
}  // namespace async_event

// dw0 of the completion of an Asynchronous Event Request.
struct AsyncEvent {
  std::uint8_t type = 0;
  std::uint8_t info = 0;
  std::uint8_t log_page = 0;  // to be read with RAE = 0 before the next event of this type comes

  [[nodiscard]] constexpr std::uint32_t encode() const {
    return (type & 7U) | (static_cast<std::uint32_t>(info) << 8) | (static_cast<std::uint32_t>(log_page) << 16);
  }
  static constexpr AsyncEvent decode(std::uint32_t dword) {
    return {.type = static_cast<std::uint8_t>(dword & 7),
            .info = static_cast<std::uint8_t>(dword >> 8),
            .log_page = static_cast<std::uint8_t>(dword >> 16)};
  }
  friend constexpr bool operator==(const AsyncEvent&, const AsyncEvent&) = default;
};

}  // namespace weft::nvme

#endif
