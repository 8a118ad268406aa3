#include "described.hpp"

#include <algorithm>
#include <span>

#include "weft/nvme.hpp"

namespace weft::tools {
namespace {

std::string kind(std::uint8_t cntrltype) {
  switch (cntrltype) {
    case nvme::cntrltype::kIo:
      return "I/O";
    case nvme::cntrltype::kDiscovery:
      return "discovery";
    case nvme::cntrltype::kAdministrative:
      return "administrative";
    default:
      return "not told";
  }
}

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", version >> 16, (version >> 8) & 0xff, version & 0xff);
}

std::string commands(std::uint16_t oncs) {
  std::string out = "read, write, flush";
  const auto add = [&](std::uint16_t bit, const char* name) {
    if ((oncs & bit) != 0) out += std::string(", ") + name;
  };
  add(nvme::oncs::kCompare, "compare");
  add(nvme::oncs::kWriteUncorrectable, "write uncorrectable");
  add(nvme::oncs::kDatasetManagement, "dataset management");
  add(nvme::oncs::kWriteZeroes, "write zeroes");
  add(nvme::oncs::kReservations, "reservations");
  add(nvme::oncs::kVerify, "verify");
  add(nvme::oncs::kCopy, "copy");
  return out;
}

// An identifier of zeroes is none: null.
Json or_absent(std::span<const std::uint8_t> identifier, const std::string& text) {
  const bool absent = std::all_of(identifier.begin(), identifier.end(), [](std::uint8_t byte) { return byte == 0; });
  return absent ? Json() : Json(text);
}

}  // namespace

Json describe_controller(const Host& host) {
  const nvme::IdentifyController& identity = host.identity();
  const weft_qpair_info connection = host.connection();
  Json json;
  json["subsystem"] = field_text(identity.subnqn);
  json["kind"] = kind(identity.cntrltype);
  json["model"] = field_text(identity.mn);
  json["serial"] = field_text(identity.sn);
  json["firmware"] = field_text(identity.fr);
  json["controller id"] = host.cntlid();
  json["version"] = version_text(host.version());
  json["connected to"] = unpadded(connection.peer);
  json["namespaces at most"] = std::uint32_t{identity.nn};
  json["queue entries at most"] = (host.capabilities() & 0xffff) + 1;
  json["max transfer"] = host.max_transfer() == 0 ? std::string("no limit") : human_size(host.max_transfer());
  json["in-capsule data"] = human_size(identity.ioccsz > 4 ? (std::uint64_t{identity.ioccsz} - 4) * 16 : 0);
  json["keep-alive granularity"] = fmt::format("{} ms", std::uint32_t{identity.kas} * 100);
  json["volatile write cache"] = (identity.vwc & nvme::vwc::kPresent) != 0;
  json["commands"] = identity.cntrltype == nvme::cntrltype::kDiscovery ? "none for I/O" : commands(identity.oncs);
  json["fused compare and write"] = (identity.fuses & nvme::fuses::kCompareAndWrite) != 0;
  return json;
}

Json describe_namespace(const Namespace& found) {
  Json json;
  json["nsid"] = found.nsid;
  json["size"] = human_size(found.bytes());
  json["bytes"] = found.bytes();
  json["blocks"] = found.blocks;
  json["block_size"] = found.block_size;
  json["read_only"] = found.read_only;
  json["uuid"] = or_absent(found.uuid, uuid_text(found.uuid));
  json["nguid"] = or_absent(found.nguid, hex(found.nguid));
  json["eui64"] = or_absent(found.eui64, hex(found.eui64));
  return json;
}

}  // namespace weft::tools
