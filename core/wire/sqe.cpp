#include "core/wire/sqe.hpp"

#include <cassert>

namespace weft::wire {
namespace {

nvme::Sqe command(std::uint8_t opcode, std::uint32_t nsid = 0) {
  nvme::Sqe sqe;
  sqe.opcode = opcode;
  sqe.nsid = nsid;
  return sqe;
}

std::uint16_t zero_based(std::uint32_t count) {
  assert(count >= 1 && count <= 65536);
  return static_cast<std::uint16_t>(count - 1);
}

nvme::Sqe block_command(std::uint8_t opcode, std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks,
                        std::uint16_t control) {
  nvme::Sqe sqe = command(opcode, nsid);
  // ReadWriteArguments, dword by dword and in place: the data path makes one for each I/O.
  sqe.cdw10 = static_cast<std::uint32_t>(lba);
  sqe.cdw11 = static_cast<std::uint32_t>(lba >> 32);
  sqe.cdw12 = zero_based(blocks) | std::uint32_t{control} << 16;
  return sqe;
}

std::uint8_t property_size(bool eight_bytes) { return eight_bytes ? fabrics::kPropertySize8 : fabrics::kPropertySize4; }

}  // namespace

nvme::Sqe connect(const ConnectFields& fields) {
  fabrics::ConnectCommand command;
  command.opcode = nvme::kFabricsOpcode;
  command.fctype = fabrics::fctype::kConnect;
  command.qid = fields.qid;
  command.sqsize = zero_based(fields.entries);
  command.cattr = fields.disable_sq_flow_control ? fabrics::cattr::kDisableSqFlowControl : std::uint8_t{0};
  command.kato = fields.qid == 0 ? fields.kato_ms : 0;
  return fabrics::to_sqe(command);
}

nvme::Sqe property_get(std::uint32_t offset, bool eight_bytes) {
  fabrics::PropertyGetCommand command;
  command.opcode = nvme::kFabricsOpcode;
  command.fctype = fabrics::fctype::kPropertyGet;
  command.attrib = property_size(eight_bytes);
  command.offset = offset;
  return fabrics::to_sqe(command);
}

nvme::Sqe property_set(std::uint32_t offset, std::uint64_t value, bool eight_bytes) {
  assert(eight_bytes || value <= 0xFFFFFFFF);
  fabrics::PropertySetCommand command;
  command.opcode = nvme::kFabricsOpcode;
  command.fctype = fabrics::fctype::kPropertySet;
  command.attrib = property_size(eight_bytes);
  command.offset = offset;
  command.value = value;
  return fabrics::to_sqe(command);
}

nvme::Sqe disconnect() {
  fabrics::DisconnectCommand command;
  command.opcode = nvme::kFabricsOpcode;
  command.fctype = fabrics::fctype::kDisconnect;
  return fabrics::to_sqe(command);
}

nvme::Sqe identify(const IdentifyFields& fields) {
  nvme::Sqe sqe = command(nvme::admin::kIdentify, fields.nsid);
  nvme::IdentifyArguments arguments;
  arguments.cns = fields.cns;
  arguments.cntid = fields.cntid;
  arguments.csi = fields.csi;
  sqe.set_arguments(arguments);
  return sqe;
}

nvme::Sqe get_log_page(const GetLogPageFields& fields) {
  assert(fields.length >= 4 && fields.length % 4 == 0 && fields.length <= std::uint64_t{1} << 34);
  const std::uint64_t numd = fields.length / 4 - 1;
  nvme::Sqe sqe = command(nvme::admin::kGetLogPage, fields.nsid);
  nvme::GetLogPageArguments arguments;
  arguments.lid = fields.lid;
  arguments.lsp_rae =
      static_cast<std::uint8_t>((fields.lsp & nvme::GetLogPageArguments::kLspMask) |
                                (fields.retain_async_event ? nvme::GetLogPageArguments::kRetainAsyncEvent : 0));
  arguments.numdl = static_cast<std::uint16_t>(numd);
  arguments.numdu = static_cast<std::uint16_t>(numd >> 16);
  arguments.lsi = fields.lsi;
  arguments.offset = fields.offset;
  sqe.set_arguments(arguments);
  return sqe;
}

nvme::Sqe get_features(std::uint8_t fid, std::uint32_t cdw11, std::uint32_t nsid, std::uint8_t select) {
  nvme::Sqe sqe = command(nvme::admin::kGetFeatures, nsid);
  sqe.cdw10 = fid | ((select & 7U) << 8);
  sqe.cdw11 = cdw11;
  return sqe;
}

nvme::Sqe set_features(std::uint8_t fid, std::uint32_t cdw11, std::uint32_t nsid, bool save) {
  nvme::Sqe sqe = command(nvme::admin::kSetFeatures, nsid);
  sqe.cdw10 = fid | (save ? nvme::FeaturesArguments::kSave : 0U);
  sqe.cdw11 = cdw11;
  return sqe;
}

nvme::Sqe keep_alive() { return command(nvme::admin::kKeepAlive); }

nvme::Sqe async_event_request() { return command(nvme::admin::kAsyncEventRequest); }

nvme::Sqe abort(std::uint16_t sqid, std::uint16_t cid) {
  nvme::Sqe sqe = command(nvme::admin::kAbort);
  nvme::AbortArguments arguments;
  arguments.sqid = sqid;
  arguments.cid = cid;
  sqe.set_arguments(arguments);
  return sqe;
}

nvme::Sqe read(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control) {
  return block_command(nvme::io::kRead, nsid, lba, blocks, control);
}

nvme::Sqe write(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control) {
  return block_command(nvme::io::kWrite, nsid, lba, blocks, control);
}

nvme::Sqe compare(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control) {
  return block_command(nvme::io::kCompare, nsid, lba, blocks, control);
}

nvme::Sqe verify(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control) {
  return block_command(nvme::io::kVerify, nsid, lba, blocks, control);
}

nvme::Sqe write_zeroes(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks, std::uint16_t control) {
  return block_command(nvme::io::kWriteZeroes, nsid, lba, blocks, control);
}

nvme::Sqe write_uncorrectable(std::uint32_t nsid, std::uint64_t lba, std::uint32_t blocks) {
  return block_command(nvme::io::kWriteUncorrectable, nsid, lba, blocks, 0);
}

nvme::Sqe flush(std::uint32_t nsid) { return command(nvme::io::kFlush, nsid); }

nvme::Sqe dataset_management(std::uint32_t nsid, std::uint32_t ranges, std::uint32_t attributes) {
  assert(ranges >= 1 && ranges <= nvme::DatasetManagementArguments::kMaxRanges);
  nvme::Sqe sqe = command(nvme::io::kDatasetManagement, nsid);
  nvme::DatasetManagementArguments arguments;
  arguments.nr = static_cast<std::uint8_t>(ranges - 1);
  arguments.attributes = attributes;
  sqe.set_arguments(arguments);
  return sqe;
}

nvme::Sqe fused(nvme::Sqe sqe, std::uint8_t fuse) {
  sqe.flags = static_cast<std::uint8_t>((sqe.flags & ~nvme::flags::kFuseMask) | (fuse & nvme::flags::kFuseMask));
  return sqe;
}

}  // namespace weft::wire
