#include "discovered.hpp"

#include <fmt/format.h>

#include "output.hpp"
#include "weft/address.hpp"

namespace weft::tools {
namespace {

std::string type_name(std::uint8_t subtype) {
  switch (subtype) {
    case fabrics::subtype::kReferral:
      return "referral";
    case fabrics::subtype::kNvm:
      return "subsystem";
    case fabrics::subtype::kCurrentDiscovery:
      return "this service";
    default:
      return fmt::format("type {}", subtype);
  }
}

std::string family_name(std::uint8_t family) {
  switch (family) {
    case fabrics::adrfam::kIpv4:
      return "ipv4";
    case fabrics::adrfam::kIpv6:
      return "ipv6";
    case fabrics::adrfam::kInfiniband:
      return "ib";
    case fabrics::adrfam::kFibreChannel:
      return "fc";
    case fabrics::adrfam::kLoop:
      return "loop";
    default:
      return fmt::format("family {}", family);
  }
}

const Transport* find_transport(TransportRegistry& registry, std::uint8_t trtype) {
  registry.load_all();
  for (const Transport* transport : registry.transports()) {
    if (transport->table().trtype == trtype) return transport;
  }
  return nullptr;
}

std::string requirements(std::uint8_t treq) {
  const std::uint8_t secure = treq & fabrics::treq::kSecureMask;
  std::string out = secure == fabrics::treq::kSecureRequired      ? "secure channel required"
                    : secure == fabrics::treq::kSecureNotRequired ? "secure channel not required"
                                                                  : "not specified";
  if ((treq & fabrics::treq::kDisableSqFlowControl) != 0) out += ", SQ flow control can be off";
  return out;
}

// Whether the URL means the entry's address and nothing else: what a service says is no part of our grammar.
bool leads_to(const std::string& url, const Address& address) {
  Result<Address> read = Address::parse(url);
  if (!read || (address.split && !read->split_service({}))) return false;
  return *read == address;
}

}  // namespace

Discovered read_entry(TransportRegistry& registry, const fabrics::DiscoveryLogEntry& entry) {
  Discovered out;
  out.type = type_name(entry.subtype);
  out.family = family_name(entry.adrfam);
  out.traddr = field_text(entry.traddr);
  out.trsvcid = field_text(entry.trsvcid);
  out.subnqn = field_text(entry.subnqn);
  out.requirements = requirements(entry.treq);
  out.portid = entry.portid;
  out.admin_queue = entry.asqsz;
  const Transport* const transport = find_transport(registry, entry.trtype);
  out.transport = transport != nullptr ? std::string(transport->name()) : fmt::format("trtype{}", entry.trtype);
  Address address;
  address.scheme = out.transport;
  address.traddr = out.traddr;
  address.split = transport != nullptr && transport->splits_service();
  if (address.split) address.trsvcid = out.trsvcid;
  address.subnqn = out.subnqn;
  out.url = address.to_string();
  if (leads_to(out.url, address)) return out;
  out.bad =
      fmt::format("a record of the discovery log has an address that cannot be one: TRADDR '{}', TRSVCID '{}', for {}",
                  out.traddr, out.trsvcid, out.subnqn);
  return out;
}

}  // namespace weft::tools
