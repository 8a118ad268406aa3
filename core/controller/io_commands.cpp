#include "core/controller/io_commands.hpp"

#include <algorithm>
#include <array>

#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr IoCommand kUnknown{};

// What backends promise memory by: pages of 4 KiB that the range touches.
std::uint32_t pages(const IoSlot& s) {
  const std::uint64_t bytes = s.ns->block_size();
  return static_cast<std::uint32_t>(((s.lba + s.blocks) * bytes - 1) / kChunkSize - s.lba * bytes / kChunkSize + 1);
}

constexpr std::array<const IoCommand*, 256> kCommands = [] {
  std::array<const IoCommand*, 256> table{};
  table.fill(&kUnknown);
  table[nvme::io::kFlush] = &commands::kFlush;
  table[nvme::io::kWrite] = &commands::kWrite;
  table[nvme::io::kRead] = &commands::kRead;
  table[nvme::io::kWriteUncorrectable] = &commands::kWriteUncorrectable;
  table[nvme::io::kCompare] = &commands::kCompare;
  table[nvme::io::kWriteZeroes] = &commands::kWriteZeroes;
  table[nvme::io::kDatasetManagement] = &commands::kDatasetManagement;
  table[nvme::io::kVerify] = &commands::kVerify;
  return table;
}();

}  // namespace

const IoCommand& io_command(std::uint8_t opcode) { return *kCommands[opcode]; }

StorageFaults::Step storage_step(const IoSlot& s) {
  if (s.partner != UINT32_MAX && pair_writes(s)) return StorageFaults::Step::kWrite;
  switch (s.opcode) {
    case nvme::io::kWrite:
      return StorageFaults::Step::kWrite;
    case nvme::io::kFlush:
      return StorageFaults::Step::kFlush;
    case nvme::io::kWriteZeroes:
    case nvme::io::kDatasetManagement:
      return StorageFaults::Step::kZero;
    default:
      return StorageFaults::Step::kRead;
  }
}

Answer check_namespace(IoSlot& s) {
  s.ns = s.queue().namespaces().find(s.sqe->nsid);
  if (s.ns == nullptr) [[unlikely]]
    return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid);
  s.ns->add_user();
  return success();
}

Answer check_range(IoSlot& s) {
  if (const Answer answer = check_namespace(s); !answer.ok()) [[unlikely]]
    return answer;
  const std::uint64_t lba = s.sqe->argument_at<le64>(kSlbaAt);
  const std::uint32_t blocks = s.sqe->argument_at<le16>(kNlbAt) + std::uint32_t{1};
  if (!s.ns->holds(lba, blocks)) [[unlikely]] {
    return refuse(nvme::status::kLbaOutOfRange, at::kCdw10);
  }
  s.lba = lba;
  s.blocks = blocks;
  return success();
}

Answer check_range_and_data(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) [[unlikely]]
    return answer;
  const std::uint64_t bytes = std::uint64_t{s.blocks} * s.ns->block_size();
  if (bytes > s.queue().queue().max_transfer()) [[unlikely]]
    return invalid_field(kNlbAt);
  if (bytes != data_length) [[unlikely]]
    return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  s.length = static_cast<std::uint32_t>(bytes);
  return success();
}

Answer check_writable(const IoSlot& s) {
  if (s.ns->read_only()) [[unlikely]]
    return refuse(nvme::status::kNamespaceWriteProtected, at::kNsid);
  return success();
}

Answer check_no_data(std::uint64_t data_length) {
  if (data_length != 0) [[unlikely]]
    return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  return success();
}

Answer check_size_limit(const IoSlot& s) {
  const std::uint64_t bytes = std::uint64_t{s.blocks} * s.ns->block_size();
  return bytes <= s.queue().namespaces().size_limit() ? success()
                                                      : refuse(nvme::status::kCommandSizeLimitExceeded, kNlbAt);
}

void set_piece(IoSlot& s, std::uint64_t bytes) {
  const auto arguments = s.sqe->arguments<nvme::ReadWriteArguments>();
  const std::uint64_t most = std::max<std::uint64_t>(1, bytes / s.ns->block_size());
  s.lba = arguments.slba + s.progress;
  s.blocks = static_cast<std::uint32_t>(std::min<std::uint64_t>(arguments.blocks() - s.progress, most));
}

Answer claim_segments(IoSlot& s, std::uint32_t more) {
  const std::uint32_t entries = s.ns->context().segments(s.lba, s.blocks) + more;
  if (entries > s.queue().worker().resources().max_entries()) [[unlikely]]
    return refuse(nvme::status::kInternalError);
  s.iov_entries = static_cast<std::uint16_t>(entries);
  s.budget = (pages(s) + more) * kChunkSize;
  return success();
}

bool may_write_marked(IoSlot& s) {
  if (!s.ns->unreadable(s.range())) [[likely]]
    return true;
  if (!s.exclusive) {
    s.queue().want_exclusive(s);
    return false;
  }
  if (s.ns->may_clear(s.range())) return true;
  s.queue().give_up(s, refuse(nvme::status::kCapacityExceeded));
  return false;
}

void claim_chunks(IoSlot& s) {
  s.chained = true;
  s.chunks = static_cast<std::uint16_t>((s.length + kChunkSize - 1) / kChunkSize);
}

}  // namespace weft::controller
