// status_codes.hpp - the status codes of a completion by name: status::kLbaOutOfRange.dnr().
//
// Each is SCT and SC as NvmeStatus(SCT, SC). Codes 180h and above of the command specific type mean something else on a
// Fabrics command: see fabrics::status. Values; any thread.
#ifndef WEFT_NVME_STATUS_CODES_HPP
#define WEFT_NVME_STATUS_CODES_HPP

#include <cstdint>

#include "weft/status.hpp"

namespace weft::nvme::status {

// Status code types.
inline constexpr std::uint8_t kGeneric = 0;
inline constexpr std::uint8_t kCommandSpecific = 1;
inline constexpr std::uint8_t kMedia = 2;
inline constexpr std::uint8_t kPath = 3;
inline constexpr std::uint8_t kVendor = 7;

inline constexpr NvmeStatus kSuccess{0, 0x00};
inline constexpr NvmeStatus kInvalidOpcode{0, 0x01};
inline constexpr NvmeStatus kInvalidField{0, 0x02};
inline constexpr NvmeStatus kCommandIdConflict{0, 0x03};
inline constexpr NvmeStatus kDataTransferError{0, 0x04};
inline constexpr NvmeStatus kAbortedPowerLoss{0, 0x05};
inline constexpr NvmeStatus kInternalError{0, 0x06};
inline constexpr NvmeStatus kAbortRequested{0, 0x07};
inline constexpr NvmeStatus kAbortedSqDeletion{0, 0x08};
inline constexpr NvmeStatus kAbortedFailedFused{0, 0x09};
inline constexpr NvmeStatus kAbortedMissingFused{0, 0x0A};
inline constexpr NvmeStatus kInvalidNamespaceOrFormat{0, 0x0B};
inline constexpr NvmeStatus kCommandSequenceError{0, 0x0C};
inline constexpr NvmeStatus kInvalidSglSegmentDescriptor{0, 0x0D};
inline constexpr NvmeStatus kInvalidNumberOfSglDescriptors{0, 0x0E};
inline constexpr NvmeStatus kDataSglLengthInvalid{0, 0x0F};
inline constexpr NvmeStatus kMetadataSglLengthInvalid{0, 0x10};
inline constexpr NvmeStatus kSglDescriptorTypeInvalid{0, 0x11};
inline constexpr NvmeStatus kInvalidUseOfCmb{0, 0x12};
inline constexpr NvmeStatus kPrpOffsetInvalid{0, 0x13};
inline constexpr NvmeStatus kAtomicWriteUnitExceeded{0, 0x14};
inline constexpr NvmeStatus kOperationDenied{0, 0x15};
inline constexpr NvmeStatus kSglOffsetInvalid{0, 0x16};
inline constexpr NvmeStatus kHostIdInconsistentFormat{0, 0x18};
inline constexpr NvmeStatus kKeepAliveTimerExpired{0, 0x19};
inline constexpr NvmeStatus kKeepAliveTimeoutInvalid{0, 0x1A};
inline constexpr NvmeStatus kAbortedPreempt{0, 0x1B};
inline constexpr NvmeStatus kSanitizeFailed{0, 0x1C};
inline constexpr NvmeStatus kSanitizeInProgress{0, 0x1D};
inline constexpr NvmeStatus kSglDataBlockGranularityInvalid{0, 0x1E};
inline constexpr NvmeStatus kCommandNotSupportedForQueueInCmb{0, 0x1F};
inline constexpr NvmeStatus kNamespaceWriteProtected{0, 0x20};
inline constexpr NvmeStatus kCommandInterrupted{0, 0x21};
inline constexpr NvmeStatus kTransientTransportError{0, 0x22};
inline constexpr NvmeStatus kProhibitedByLockdown{0, 0x23};
inline constexpr NvmeStatus kAdminMediaNotReady{0, 0x24};
inline constexpr NvmeStatus kFdpDisabled{0, 0x29};
inline constexpr NvmeStatus kInvalidPlacementHandleList{0, 0x2A};
inline constexpr NvmeStatus kLbaOutOfRange{0, 0x80};
inline constexpr NvmeStatus kCapacityExceeded{0, 0x81};
inline constexpr NvmeStatus kNamespaceNotReady{0, 0x82};
inline constexpr NvmeStatus kReservationConflict{0, 0x83};
inline constexpr NvmeStatus kFormatInProgress{0, 0x84};

inline constexpr NvmeStatus kCompletionQueueInvalid{1, 0x00};
inline constexpr NvmeStatus kInvalidQueueId{1, 0x01};
inline constexpr NvmeStatus kInvalidQueueSize{1, 0x02};
inline constexpr NvmeStatus kAbortLimitExceeded{1, 0x03};
inline constexpr NvmeStatus kAbortCommandLimitExceeded{1, 0x03};
inline constexpr NvmeStatus kAsyncEventLimitExceeded{1, 0x05};
inline constexpr NvmeStatus kInvalidFirmwareSlot{1, 0x06};
inline constexpr NvmeStatus kInvalidFirmwareImage{1, 0x07};
inline constexpr NvmeStatus kInvalidInterruptVector{1, 0x08};
inline constexpr NvmeStatus kInvalidLogPage{1, 0x09};
inline constexpr NvmeStatus kInvalidFormat{1, 0x0A};
inline constexpr NvmeStatus kFirmwareNeedsConventionalReset{1, 0x0B};
inline constexpr NvmeStatus kInvalidQueueDeletion{1, 0x0C};
inline constexpr NvmeStatus kFeatureNotSaveable{1, 0x0D};
inline constexpr NvmeStatus kFeatureNotChangeable{1, 0x0E};
inline constexpr NvmeStatus kFeatureNotNamespaceSpecific{1, 0x0F};
inline constexpr NvmeStatus kFirmwareNeedsSubsystemReset{1, 0x10};
inline constexpr NvmeStatus kFirmwareNeedsControllerReset{1, 0x11};
inline constexpr NvmeStatus kFirmwareNeedsMaximumTime{1, 0x12};
inline constexpr NvmeStatus kFirmwareActivationProhibited{1, 0x13};
inline constexpr NvmeStatus kOverlappingRange{1, 0x14};
inline constexpr NvmeStatus kNamespaceInsufficientCapacity{1, 0x15};
inline constexpr NvmeStatus kNamespaceIdUnavailable{1, 0x16};
inline constexpr NvmeStatus kNamespaceAlreadyAttached{1, 0x18};
inline constexpr NvmeStatus kNamespaceIsPrivate{1, 0x19};
inline constexpr NvmeStatus kNamespaceNotAttached{1, 0x1A};
inline constexpr NvmeStatus kThinProvisioningUnsupported{1, 0x1B};
inline constexpr NvmeStatus kControllerListInvalid{1, 0x1C};
inline constexpr NvmeStatus kSelfTestInProgress{1, 0x1D};
inline constexpr NvmeStatus kBootPartitionWriteProhibited{1, 0x1E};
inline constexpr NvmeStatus kInvalidControllerId{1, 0x1F};
inline constexpr NvmeStatus kInvalidSecondaryControllerState{1, 0x20};
inline constexpr NvmeStatus kInvalidNumberOfControllerResources{1, 0x21};
inline constexpr NvmeStatus kInvalidResourceId{1, 0x22};
inline constexpr NvmeStatus kSanitizeProhibited{1, 0x23};
inline constexpr NvmeStatus kAnaGroupIdInvalid{1, 0x24};
inline constexpr NvmeStatus kAnaAttachFailed{1, 0x25};
inline constexpr NvmeStatus kIoCommandSetNotSupported{1, 0x29};
inline constexpr NvmeStatus kIoCommandSetNotEnabled{1, 0x2A};
inline constexpr NvmeStatus kIoCommandSetCombinationRejected{1, 0x2B};
inline constexpr NvmeStatus kInvalidIoCommandSet{1, 0x2C};
inline constexpr NvmeStatus kConflictingAttributes{1, 0x80};
inline constexpr NvmeStatus kInvalidProtectionInformation{1, 0x81};
inline constexpr NvmeStatus kWriteToReadOnlyRange{1, 0x82};
inline constexpr NvmeStatus kCommandSizeLimitExceeded{1, 0x83};

inline constexpr NvmeStatus kWriteFault{2, 0x80};
inline constexpr NvmeStatus kUnrecoveredReadError{2, 0x81};
inline constexpr NvmeStatus kGuardCheckError{2, 0x82};
inline constexpr NvmeStatus kApplicationTagCheckError{2, 0x83};
inline constexpr NvmeStatus kReferenceTagCheckError{2, 0x84};
inline constexpr NvmeStatus kCompareFailure{2, 0x85};
inline constexpr NvmeStatus kAccessDenied{2, 0x86};
inline constexpr NvmeStatus kDeallocatedOrUnwritten{2, 0x87};
inline constexpr NvmeStatus kStorageTagCheckError{2, 0x88};

inline constexpr NvmeStatus kInternalPathError{3, 0x00};
inline constexpr NvmeStatus kAnaPersistentLoss{3, 0x01};
inline constexpr NvmeStatus kAnaInaccessible{3, 0x02};
inline constexpr NvmeStatus kAnaTransition{3, 0x03};
inline constexpr NvmeStatus kControllerPathingError{3, 0x60};
inline constexpr NvmeStatus kHostPathingError{3, 0x70};
inline constexpr NvmeStatus kAbortedByHost{3, 0x71};

}  // namespace weft::nvme::status

#endif
