#include "core/plugin/transport_address.hpp"

#include "core/address/location.hpp"

namespace weft {

Status TransportAddress::set(const Address& address, const Transport& transport) {
  address_ = address;
  if (transport.splits_service() && !address_.fd) {
    if (Status split = address_.split_service(transport.table().default_trsvcid); !split) return split;
  } else if (Status fits = address::check_length(address_.traddr); !fits) {
    return fits;
  } else if (Status plain = address::check_own_path(address_.traddr); !plain) {
    return plain;
  }
  if (Status canonical = canonicalize_options(address_, transport.options()); !canonical) return canonical;
  options_.clear();
  for (const Option& option : address_.options) options_.push_back({option.key.c_str(), option.value.c_str()});
  abi_ = {};
  abi_.size = sizeof abi_;
  abi_.fd = address_.fd.value_or(-1);
  abi_.traddr = address_.fd ? nullptr : address_.traddr.c_str();
  abi_.trsvcid = address_.trsvcid.empty() ? nullptr : address_.trsvcid.c_str();
  abi_.options = options_.data();
  abi_.option_count = static_cast<std::uint32_t>(options_.size());
  return {};
}

void TransportAddress::set_source(const std::string& traddr, const std::string& interface) {
  abi_.source_traddr = traddr.empty() ? nullptr : traddr.c_str();
  abi_.source_interface = interface.empty() ? nullptr : interface.c_str();
}

}  // namespace weft
