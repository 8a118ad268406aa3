// fuzz_pdu_reader.cpp - what a hostile peer may send: see pdu_stream.hpp for the input and for what is promised.
//
// Without a corpus the mutator begins with valid streams, and now and then goes back to one; the repair bit of the
// setup lets damaged headers past their digest. A run in which some type of PDU was never accepted fails.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/tcp/pdu_stream.hpp"

namespace {
std::array<unsigned long, 16> accepted{};  // by PDU type
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  static const char* const kProgram = (*argv)[0];
  static const bool kOneInput = *argc > 1 && (*argv)[1][0] != '-';  // a file to reproduce, not a run
  return std::atexit([] {
    for (const unsigned type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 9u}) {
      if (accepted[type] == 0 && !kOneInput) {
        std::fprintf(stderr, "%s: no PDU of type %02xh was accepted\n", kProgram, type);
        std::_Exit(1);
      }
    }
  });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto result = weft::tcp::fuzz::run_stream({data, size});
  for (std::size_t type = 0; type < accepted.size(); ++type) {
    accepted[type] += result.accepted[type];
  }
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
