// A defect that is found at once, to see what a finding of the fuzzers says.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

[[gnu::noinline]] int planted_finding(const std::vector<std::uint8_t>& input) {
  const volatile std::uint8_t* const bytes = input.data();
  return bytes[input.size()];  // one byte too far
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> input(data, data + size);
  return size < 4 || planted_finding(input) >= 0 ? 0 : -1;
}
