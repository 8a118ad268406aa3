// hostile_fixture.hpp - a target that serves a host which means well, while peers that mean harm come and go.
//
// After each test (and, in tables, after each row) still_well() asks: does the other host still read what it wrote, and are
// descriptors, threads, queue pairs, commands and borrowed buffers what they were?
#ifndef WEFT_TESTS_PEER_HOSTILE_HOSTILE_FIXTURE_HPP
#define WEFT_TESTS_PEER_HOSTILE_HOSTILE_FIXTURE_HPP

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "tests/peer/hostile/raw_host.hpp"
#include "tests/peer/hostile/rows.hpp"
#include "tests/peer/session/served_target.hpp"

namespace weft::hostile {

class HostileTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kQuietBlocks = 1024;  // from here on only the other host writes

  // Called by SetUp(); a test that wants other options calls it itself, first.
  void serve(const TargetOptions& options = {}, const std::string& listen_options = "");
  void SetUp() override;
  void TearDown() override;
  void still_well();

  [[nodiscard]] ConnectPlan plan() const { return {.port = served->port}; }
  [[nodiscard]] RawAssociation associate(const ConnectPlan& how);
  [[nodiscard]] RawAssociation associate() { return associate(plan()); }
  // Waits for what the target holds to become `expected`.
  [[nodiscard]] bool comes_to(const TargetCounts& expected);

  std::unique_ptr<ServedTarget> served;
  std::unique_ptr<BlockingHost> other;
  Namespace ns;

 private:
  TargetCounts counts_before_;
  ProcessCounts process_before_;
  unsigned seed_ = 1;
};

// Runs `run` on each row of these states, up to the first that fails for good; how many they were.
template <typename Run>
std::size_t run_rows(std::span<const Row> rows, std::initializer_list<std::string_view> states, Run run) {
  std::size_t count = 0;
  for (const Row& row : rows) {
    if (std::ranges::find(states, row.state) == states.end()) continue;
    SCOPED_TRACE(fmt::format("{}: PDU type {}, {} {}", row.state, int{row.type}, row.field, row.kind));
    run(row);
    ++count;
    if (testing::Test::HasFatalFailure()) break;
  }
  return count;
}

// TermReq that says so, with the header that offended; then the connection ends when the peer closes.
void expect_term_req(const std::optional<ReceivedPdu>& pdu, Type type, std::uint16_t fes, std::uint32_t fei,
                     const Bytes& offender);

// Read and Write of `blocks` blocks of 512 bytes in namespace 1, data through the transport.
Sqe read_command(std::uint16_t cid, std::uint64_t lba, std::uint32_t blocks);
Sqe write_command(std::uint16_t cid, std::uint64_t lba, std::uint32_t blocks);
Bytes pattern(std::size_t bytes, unsigned seed);

}  // namespace weft::hostile

#endif
