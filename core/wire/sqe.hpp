// sqe.hpp - commands as submission queue entries: one function for each.
//
//   nvme::Sqe sqe = wire::read(nsid, lba, blocks);
//   sqe.cid = 7;
//
// CID, PSDT and SGL1 stay zero: queue pair and transport fill them in. Counts are plain numbers here and 0's based on
// the wire; a count outside the range that is named is the caller's mistake (asserted), for it has no encoding. Pure;
// any thread.
#ifndef WEFT_CORE_WIRE_SQE_HPP
#define WEFT_CORE_WIRE_SQE_HPP

#include <cstdint>

#include "weft/fabrics.hpp"
#include "weft/nvme.hpp"

namespace weft::wire {

inline constexpr std::uint32_t kMaxBlocksPerCommand = 65536;
inline constexpr std::uint32_t kMaxQueueEntries = 65536;

// ---- Fabrics commands

struct ConnectFields {
  std::uint16_t qid = 0;       // 0: admin
  std::uint32_t entries = 32;  // 1..kMaxQueueEntries
  bool disable_sq_flow_control = false;
  std::uint32_t kato_ms = 0;  // admin queue; sent as 0 on an I/O queue, where the field is reserved
};
[[nodiscard]] nvme::Sqe connect(const ConnectFields& fields);
[[nodiscard]] nvme::Sqe property_get(std::uint32_t offset, bool eight_bytes);
[[nodiscard]] nvme::Sqe property_set(std::uint32_t offset, std::uint64_t value, bool eight_bytes);
[[nodiscard]] nvme::Sqe disconnect();

// ---- Admin commands

struct IdentifyFields {
  std::uint8_t cns = nvme::cns::kController;
  std::uint32_t nsid = 0;
  std::uint16_t cntid = 0;
  std::uint8_t csi = nvme::csi::kNvm;
};
[[nodiscard]] nvme::Sqe identify(const IdentifyFields& fields);

struct GetLogPageFields {
  std::uint8_t lid = 0;
  std::uint32_t nsid = 0;
  std::uint64_t offset = 0;  // a multiple of 4
  std::uint64_t length = 4;  // bytes: 4..2^34, a multiple of 4
  std::uint8_t lsp = 0;
  std::uint16_t lsi = 0;
  bool retain_async_event = false;
};
[[nodiscard]] nvme::Sqe get_log_page(const GetLogPageFields& fields);

[[nodiscard]] nvme::Sqe get_features(std::uint8_t fid, std::uint32_t cdw11 = 0, std::uint32_t nsid = 0,
                                     std::uint8_t select = nvme::feature::kSelectCurrent);
[[nodiscard]] nvme::Sqe set_features(std::uint8_t fid, std::uint32_t cdw11, std::uint32_t nsid = 0, bool save = false);
[[nodiscard]] nvme::Sqe keep_alive();
[[nodiscard]] nvme::Sqe async_event_request();
[[nodiscard]] nvme::Sqe abort(std::uint16_t sqid, std::uint16_t cid);

// ---- I/O commands; blocks: 1..kMaxBlocksPerCommand, control: bits of ReadWriteArguments

[[nodiscard]] nvme::Sqe read(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control = 0);
[[nodiscard]] nvme::Sqe write(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control = 0);
[[nodiscard]] nvme::Sqe compare(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control = 0);
[[nodiscard]] nvme::Sqe verify(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control = 0);
[[nodiscard]] nvme::Sqe write_zeroes(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks,
                                     std::uint16_t control = 0);
[[nodiscard]] nvme::Sqe write_uncorrectable(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks);
[[nodiscard]] nvme::Sqe flush(std::uint32_t nsid);
// ranges: 1..DatasetManagementArguments::kMaxRanges; the data is that many nvme::DsmRange.
[[nodiscard]] nvme::Sqe dataset_management(std::uint32_t nsid, std::uint32_t ranges, std::uint32_t attributes);

// The command as half of a fused pair: nvme::flags::kFuseFirst or kFuseSecond.
[[nodiscard]] nvme::Sqe fused(nvme::Sqe sqe, std::uint8_t fuse);

}  // namespace weft::wire

#endif
