// fuzz_pdu_reader.cpp - what a hostile peer may send: see pdu_stream.hpp for the input and for what is promised.
//
// Without a corpus the mutator begins with valid streams, and now and then goes back to one; the repair bit of the
// setup lets damaged headers past their digest.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/support/outcomes.hpp"
#include "fuzz/tcp/pdu_stream.hpp"

namespace {

enum Outcome : std::size_t { kInCapsule = 10, kWindow, kFirstFes };
weft::fuzz::Outcomes outcomes({"ICReq", "ICResp", "H2CTermReq", "C2HTermReq", "CapsuleCmd", "CapsuleResp", "H2CData",
                               "C2HData", "an input", "R2T", "data in a capsule", "all data of an R2T",
                               "FES 1, invalid header field", "FES 2, sequence", "FES 3, header digest",
                               "FES 4, out of range", "FES 5, limit exceeded"});

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) { return outcomes.judge_at_exit(argc, argv); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kInput = 8;  // there is no PDU of type 08h
  const auto result = weft::tcp::fuzz::run_stream({data, size});
  outcomes.reached(kInput);
  for (const std::size_t type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 9u}) {
    if (result.accepted[type] != 0) outcomes.reached(type);
  }
  if (result.commands_with_data != 0) outcomes.reached(kInCapsule);
  if (result.finished_windows != 0) outcomes.reached(kWindow);
  const unsigned fes = result.violation ? result.violation.fes() : 0;
  if (fes >= 1 && fes <= 5) outcomes.reached(kFirstFes + fes - 1);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  static const auto kSeeds = weft::tcp::fuzz::seeds();
  if (size < weft::tcp::fuzz::kSetupSize || seed % 64 == 0) {
    const auto& chosen = kSeeds[seed / 64 % kSeeds.size()];
    size = std::min(chosen.size(), max_size);
    std::copy_n(chosen.begin(), size, data);
    return size;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
