#include "core/controller/io_commands.hpp"

#include <array>

#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr std::uint16_t kNlbAt = at::kCdw12;

const IoCommand* const* table() {
  static const std::array<const IoCommand*, 256> commands = [] {
    static constexpr IoCommand kUnknown{};
    std::array<const IoCommand*, 256> t{};
    t.fill(&kUnknown);
    t[nvme::io::kFlush] = &commands::kFlush;
    t[nvme::io::kWrite] = &commands::kWrite;
    t[nvme::io::kRead] = &commands::kRead;
    t[nvme::io::kWriteUncorrectable] = &commands::kWriteUncorrectable;
    t[nvme::io::kCompare] = &commands::kCompare;
    t[nvme::io::kWriteZeroes] = &commands::kWriteZeroes;
    t[nvme::io::kDatasetManagement] = &commands::kDatasetManagement;
    t[nvme::io::kVerify] = &commands::kVerify;
    return t;
  }();
  return commands.data();
}

}  // namespace

const IoCommand& io_command(std::uint8_t opcode) {
  static const IoCommand* const* const commands = table();
  return *commands[opcode];
}

Answer check_namespace(IoSlot& s) {
  s.ns = s.queue().namespaces().find(s.sqe->nsid);
  if (s.ns == nullptr) [[unlikely]] return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid);
  s.ns->add_user();
  return success();
}

Answer check_range(IoSlot& s) {
  if (const Answer answer = check_namespace(s); !answer.ok()) [[unlikely]] return answer;
  const auto arguments = s.sqe->arguments<nvme::ReadWriteArguments>();
  if (!s.ns->holds(arguments.slba, arguments.blocks())) [[unlikely]] {
    return refuse(nvme::status::kLbaOutOfRange, at::kCdw10);
  }
  s.lba = arguments.slba;
  s.blocks = arguments.blocks();
  return success();
}

Answer check_range_and_data(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) [[unlikely]] return answer;
  const std::uint64_t bytes = std::uint64_t{s.blocks} * s.ns->block_size();
  if (bytes > s.queue().worker().options().max_transfer) [[unlikely]] return invalid_field(kNlbAt);
  if (bytes != data_length) [[unlikely]] return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  s.length = static_cast<std::uint32_t>(bytes);
  return success();
}

Answer check_writable(const IoSlot& s) {
  if (s.ns->read_only()) [[unlikely]] return refuse(nvme::status::kWriteToReadOnlyRange, at::kNsid);
  return success();
}

Answer check_no_data(std::uint64_t data_length) {
  if (data_length != 0) [[unlikely]] return refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength);
  return success();
}

void claim_segments(IoSlot& s) {
  s.iov_entries = static_cast<std::uint16_t>(s.ns->context().segments(s.lba, s.blocks));
  s.budget = s.blocks * s.ns->block_size();
}

void claim_chunks(IoSlot& s) {
  s.chained = true;
  s.chunks = static_cast<std::uint16_t>((s.length + kChunkSize - 1) / kChunkSize);
}

}  // namespace weft::controller
