// feature_values.hpp - the current values of features that are values and nothing more. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_FEATURE_VALUES_HPP
#define WEFT_CORE_CONTROLLER_FEATURE_VALUES_HPP

#include <cstdint>

namespace weft::controller {

inline constexpr std::uint32_t kWarningTemperature = 0x157;   // kelvin: WCTEMP, and the default threshold
inline constexpr std::uint32_t kCriticalTemperature = 0x175;  // CCTEMP

struct FeatureValues {
  std::uint32_t arbitration = 0;
  std::uint32_t over_temperature = kWarningTemperature;
  std::uint32_t under_temperature = 0;
  std::uint32_t error_recovery = 0;
  std::uint32_t write_atomicity = 0;
  std::uint32_t io_queues = 0;  // granted; pairs
};

}  // namespace weft::controller

#endif
