// Set Features and Get Features.
#include <algorithm>

#include "core/controller/admin_commands.hpp"

namespace weft::controller {
namespace {

namespace fid = nvme::feature;
using Arguments = nvme::FeaturesArguments;

constexpr std::uint32_t kChangeable = 1u << 2;       // of select 3: what a feature can
constexpr std::uint32_t kPowerStateMask = 0x1F;      // beside it a hint, and what is reserved
constexpr std::uint32_t kUnderThreshold = 1u << 20;  // temperature threshold, THSEL
constexpr std::uint32_t kThresholdMask = 0xFFFF;
constexpr std::uint32_t kSensorMask = 0xF << 16;  // TMPSEL
constexpr std::uint32_t kAllSensors = 0xF << 16;

bool volatile_cache(const AdminContext& context) { return context.subsystem().has_volatile_cache(); }

bool exists(const AdminContext& context, std::uint8_t id) {
  switch (id) {
    case fid::kAsyncEventConfiguration:
    case fid::kKeepAliveTimer:
      return true;
    case fid::kArbitration:
    case fid::kPowerManagement:
    case fid::kTemperatureThreshold:
    case fid::kErrorRecovery:
    case fid::kNumberOfQueues:
    case fid::kWriteAtomicity:
    case fid::kHostIdentifier:
      return !context.controller.discovery();
    case fid::kVolatileWriteCache:
      return !context.controller.discovery() && volatile_cache(context);
    default:
      return false;
  }
}

bool changeable(std::uint8_t id) { return id != fid::kHostIdentifier && id != fid::kVolatileWriteCache; }

std::uint32_t queue_counts(std::uint32_t pairs) {
  return pairs == 0 ? 0 : nvme::QueueCounts{.submission = pairs, .completion = pairs}.encode();
}

// ---- Set

Answer set_temperature(AdminContext& context, std::uint32_t value) {
  if (const std::uint32_t sensor = value & kSensorMask; sensor != 0 && sensor != kAllSensors) {
    return invalid_field(at::kCdw11);
  }
  FeatureValues& features = context.controller.features();
  ((value & kUnderThreshold) != 0 ? features.under_temperature : features.over_temperature) = value & kThresholdMask;
  return success();
}

// As many pairs as both counts allow, and as there are.
Answer set_queues(AdminContext& context, std::uint32_t value) {
  if (context.controller.io_queues() != 0) return {nvme::status::kCommandSequenceError, kNoLocation, 0};
  if ((value & 0xFFFF) == 0xFFFF || value >> 16 == 0xFFFF) return invalid_field(at::kCdw11);
  const auto wanted = nvme::QueueCounts::decode(value);
  FeatureValues& features = context.controller.features();
  features.io_queues = std::min({wanted.submission, wanted.completion, context.options.max_io_queues});
  return success(queue_counts(features.io_queues));
}

Answer set(AdminContext& context, std::uint8_t id, std::uint32_t value) {
  FeatureValues& features = context.controller.features();
  switch (id) {
    case fid::kArbitration:
      features.arbitration = value;
      return success();
    case fid::kPowerManagement:
      return (value & kPowerStateMask) == 0 ? success() : invalid_field(at::kCdw11);  // one state
    case fid::kTemperatureThreshold:
      return set_temperature(context, value);
    case fid::kErrorRecovery:
      features.error_recovery = value;
      return success();
    case fid::kVolatileWriteCache:  // always on
      return (value & fid::kWriteCacheEnable) != 0 ? success()
                                                   : refuse(nvme::status::kFeatureNotChangeable, at::kCdw11);
    case fid::kNumberOfQueues:
      return set_queues(context, value);
    case fid::kWriteAtomicity:
      features.write_atomicity = value;
      return success();
    case fid::kAsyncEventConfiguration:
      context.controller.events().configure(value);
      return success();
    case fid::kKeepAliveTimer:
      context.controller.keep_alive().set(value);
      return success();
    case fid::kHostIdentifier:
      return refuse(nvme::status::kCommandSequenceError);  // Connect has set it
    default:
      return invalid_field(at::kCdw10);
  }
}

// ---- Get

std::uint32_t temperature(const FeatureValues& features, std::uint32_t select) {
  return (select & kUnderThreshold) != 0 ? features.under_temperature : features.over_temperature;
}

Answer current(AdminContext& context, std::uint8_t id, std::uint32_t select) {
  Controller& c = context.controller;
  const FeatureValues& features = c.features();
  switch (id) {
    case fid::kArbitration:
      return success(features.arbitration);
    case fid::kTemperatureThreshold:
      return success(temperature(features, select));
    case fid::kErrorRecovery:
      return success(features.error_recovery);
    case fid::kVolatileWriteCache:
      return success(fid::kWriteCacheEnable);
    case fid::kNumberOfQueues:
      return success(queue_counts(features.io_queues));
    case fid::kWriteAtomicity:
      return success(features.write_atomicity);
    case fid::kAsyncEventConfiguration:
      return success(c.events().enables());
    case fid::kKeepAliveTimer:
      return success(c.keep_alive().kato());
    case fid::kHostIdentifier:
      put(context.request, std::as_bytes(std::span(c.identity().hostid)));
      return success();
    default:
      return success();
  }
}

Answer fallback(AdminContext& context, std::uint8_t id, std::uint32_t select) {
  switch (id) {
    case fid::kTemperatureThreshold:
      return success(temperature(FeatureValues{}, select));
    case fid::kVolatileWriteCache:
      return success(fid::kWriteCacheEnable);
    case fid::kNumberOfQueues:
      return success(queue_counts(context.options.max_io_queues));
    case fid::kHostIdentifier:
      return current(context, id, select);
    default:
      return success();
  }
}

}  // namespace

Answer set_features(AdminContext& context) {
  const auto arguments = context.sqe().arguments<Arguments>();
  if (!exists(context, arguments.fid())) return invalid_field(at::kCdw10);
  if (arguments.save()) return refuse(nvme::status::kFeatureNotSaveable, at::kCdw10);
  const std::uint32_t nsid = context.sqe().nsid;
  if (nsid != 0 && nsid != nvme::kNsidAll) return refuse(nvme::status::kFeatureNotNamespaceSpecific, at::kNsid);
  return set(context, arguments.fid(), arguments.cdw11);
}

Answer get_features(AdminContext& context) {
  const auto arguments = context.sqe().arguments<Arguments>();
  const std::uint8_t id = arguments.fid();
  if (!exists(context, id)) return invalid_field(at::kCdw10);
  switch (arguments.select()) {
    case fid::kSelectCurrent:
      return current(context, id, arguments.cdw11);
    case fid::kSelectDefault:
    case fid::kSelectSaved:
      return fallback(context, id, arguments.cdw11);  // nothing is saved
    case fid::kSelectSupported:
      return success(changeable(id) ? kChangeable : 0);
    default:
      return invalid_field(at::kCdw10 + 1);
  }
}

}  // namespace weft::controller
