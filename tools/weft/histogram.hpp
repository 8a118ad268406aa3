// histogram.hpp - counts of durations in buckets whose width grows with the value: 128 to a power of two, so that a quantile
// is right within 1 %. add() is a few instructions and allocates nothing.
//
//   Histogram latency;  latency.add(ns);  latency.quantile(0.99);
// One thread.
#ifndef WEFT_TOOLS_HISTOGRAM_HPP
#define WEFT_TOOLS_HISTOGRAM_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace weft::tools {

class Histogram {
 public:
  void add(std::uint64_t value) {
    ++counts_[index_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }
  // The value that this part of all values does not exceed; 0 when there are none.
  [[nodiscard]] std::uint64_t quantile(double part) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return std::min(last_of(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 7;  // of a value's leading digits that choose the bucket
  static constexpr std::uint64_t kLinear = 1ull << kBits;

  // Values below 2 * kLinear have a bucket each; above, every power of two has kLinear.
  static std::size_t index_of(std::uint64_t value) {
    if (value < 2 * kLinear) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (static_cast<std::size_t>(shift) << kBits) + (value >> shift);
  }
  static std::uint64_t last_of(std::size_t index) {
    if (index < 2 * kLinear) return index;
    const std::size_t shift = (index >> kBits) - 1;
    const std::uint64_t leading = kLinear + (index & (kLinear - 1));
    return (leading << shift) + ((1ull << shift) - 1);
  }

  std::array<std::uint64_t, (64 - kBits + 1) << kBits> counts_{};
  std::uint64_t count_ = 0, max_ = 0;
  double sum_ = 0;
};

}  // namespace weft::tools

#endif
