// The fuzzer's seeds are valid to their end, so that it starts beyond the first check.
#include "fuzz/tcp/pdu_stream.hpp"

#include <gtest/gtest.h>

namespace weft::tcp::fuzz {
namespace {

std::uint32_t accepted(const StreamResult& result, PduType type) {
  return result.accepted[static_cast<std::uint8_t>(type)];
}

TEST(PduStream, AcceptsEverySeedToItsEnd) {
  const auto all = seeds();
  ASSERT_EQ(all.size(), 96u);
  for (const auto& seed : all) {
    SCOPED_TRACE(testing::Message() << "setup " << int{seed[0]} << " pda " << int{seed[1]});
    const StreamResult result = run_stream(seed);
    ASSERT_FALSE(result.violation) << explain(result.violation, Role::kHost);
    const std::uint32_t handshakes = (seed[0] & kSetupHandshake) != 0 ? 1 : 0;
    if ((seed[0] & kSetupController) != 0) {
      EXPECT_EQ(accepted(result, PduType::kIcReq), handshakes);
      EXPECT_EQ(accepted(result, PduType::kCapsuleCmd), 5u);
      EXPECT_EQ(accepted(result, PduType::kH2cData), 3u);
      EXPECT_EQ(accepted(result, PduType::kH2cTermReq), 1u);
      EXPECT_EQ(result.commands_with_data, 2u);
      EXPECT_EQ(result.finished_windows, 2u);
    } else {
      EXPECT_EQ(accepted(result, PduType::kIcResp), handshakes);
      EXPECT_EQ(accepted(result, PduType::kC2hData), 2u);
      EXPECT_EQ(accepted(result, PduType::kR2t), 2u);
      EXPECT_EQ(accepted(result, PduType::kCapsuleResp), 2u);
      EXPECT_EQ(accepted(result, PduType::kC2hTermReq), 1u);
    }
  }
}

// Seeds with a flipped bit, or cut off: nothing that is promised breaks.
TEST(PduStream, KeepsItsPromisesUnderDamage) {
  std::uint32_t violations = 0;
  for (const auto& seed : seeds()) {
    for (std::size_t i = 0; i < seed.size(); i += i < 400 ? 3 : 67) {  // headers come early
      auto damaged = seed;
      damaged[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
      violations += run_stream(damaged).violation ? 1u : 0u;
      run_stream(std::span(seed).first(i));
    }
  }
  EXPECT_GT(violations, 500u);
}

}  // namespace
}  // namespace weft::tcp::fuzz
