#include "core/controller/identify.hpp"
#include "core/controller/told_sizes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/controller/async_events.hpp"
#include "core/controller/error_log.hpp"
#include "core/controller/feature_values.hpp"
#include "core/controller/keep_alive.hpp"
#include "core/controller/registers.hpp"
#include "core/controller/subsystem.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"
#include "weft/fabrics.hpp"
#include "weft/version.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kResume = 1'000'000;  // RTD3R, microseconds
constexpr std::uint32_t kEntry = 5'000'000;   // RTD3E: how long a host waits for a shutdown

std::uint32_t sgls(const weft_limits& limits) {
  std::uint32_t value = nvme::sgls::kAnyAlignment;
  if ((limits.caps & WEFT_CAP_SGL_KEYED) != 0) value |= nvme::sgls::kKeyed;
  if ((limits.caps & WEFT_CAP_SGL_IN_CAPSULE) != 0) value |= nvme::sgls::kOffsetAddressing;
  if ((limits.caps & WEFT_CAP_SGL_TRANSPORT) != 0) value |= nvme::sgls::kTransport;
  return value;
}

void put_common(nvme::IdentifyController& id, const ControllerFacts& facts) {
  wire::write_text(id.sn, facts.serial);
  wire::write_text(id.mn, facts.model);
  wire::write_text(id.fr, version());
  id.mdts =
      static_cast<std::uint8_t>(std::countr_zero(max_transfer_size(*facts.options, facts.limits) / kTransferUnit));
  id.cntlid = facts.cntlid;
  id.ver = kVersion.value();
  id.rtd3r = kResume;
  id.rtd3e = kEntry;
  id.aerl = kMaxAsyncEventRequests - 1;
  id.lpa = nvme::lpa::kExtendedGetLogPage;
  id.elpe = kErrorLogEntries - 1;
  id.kas = kKeepAliveGranularity;
  id.sqes = 0x66;
  id.cqes = 0x44;
  id.maxcmd = static_cast<std::uint16_t>(std::min(max_queue_size(*facts.options, facts.limits), 65535U));
  id.sgls = sgls(facts.limits);
  static_cast<void>(wire::write_nqn(id.subnqn, facts.subnqn));  // it came from a field of that size
  id.iorcsz = 1;
  id.msdbd = static_cast<std::uint8_t>(std::min(facts.limits.max_descriptors, 255U));
}

void put_io(nvme::IdentifyController& id, const ControllerFacts& facts) {
  id.cmic = nvme::cmic::kMultiPort | nvme::cmic::kMultiController;
  id.oaes = nvme::async_event::kEnableNamespaceAttribute;
  id.ctratt = nvme::ctratt::kHostId128 | nvme::ctratt::kTrafficBasedKeepAlive;
  id.cntrltype = nvme::cntrltype::kIo;
  id.acl = kMaxAborts - 1;
  id.frmw = nvme::frmw::kSlot1ReadOnly | nvme::frmw::kOneSlot;
  id.lpa = id.lpa | nvme::lpa::kCommandEffects;
  id.wctemp = kWarningTemperature;
  id.cctemp = kCriticalTemperature;
  id.nn = kMaxNamespaces;
  id.mnan = kMaxNamespaces;
  id.oncs = nvme::oncs::kCompare | nvme::oncs::kWriteUncorrectable | nvme::oncs::kDatasetManagement |
            nvme::oncs::kWriteZeroes | nvme::oncs::kSaveSelect | nvme::oncs::kVerify;
  id.fuses = nvme::fuses::kCompareAndWrite;
  id.vwc = nvme::vwc::kFlushAllSupported | (facts.volatile_cache ? nvme::vwc::kPresent : std::uint8_t{0});
  id.ioccsz =
      static_cast<std::uint32_t>(sizeof(nvme::Sqe) + in_capsule_size(*facts.options, facts.limits)) / kCapsuleUnit;
  id.ofcs = nvme::ofcs::kDisconnect;
}

void put_discovery(nvme::IdentifyController& id) {
  id.oaes = nvme::async_event::kEnableDiscovery;
  id.ctratt = nvme::ctratt::kTrafficBasedKeepAlive;  // no host identifier: that feature is not there
  id.cntrltype = nvme::cntrltype::kDiscovery;
  id.ioccsz = sizeof(nvme::Sqe) / kCapsuleUnit;
}

std::uint8_t block_shift(const BackendInfo& info) {
  return static_cast<std::uint8_t>(std::countr_zero(info.block_size));
}

void put_capacity(WireBytes<16>& field, std::uint64_t bytes) {
  for (std::size_t i = 0; i < sizeof bytes; ++i) field[i] = static_cast<std::uint8_t>(bytes >> (8 * i));
}

}  // namespace

nvme::IdentifyController identify_controller(const ControllerFacts& facts) {
  nvme::IdentifyController id;
  put_common(id, facts);
  if (facts.discovery) {
    put_discovery(id);
  } else {
    put_io(id, facts);
  }
  return id;
}

std::uint8_t size_limit_exponent(bool small_blocks) { return small_blocks ? 13 : 16; }

nvme::IdentifyControllerNvm identify_controller_nvm(std::uint8_t size_limit) {
  nvme::IdentifyControllerNvm id;
  id.vsl = id.wzsl = id.wusl = size_limit;
  id.dmrl = kMaxDsmRanges;
  id.dmrsl = UINT32_MAX;
  id.dmsl = std::uint64_t{kMaxDsmRanges} * UINT32_MAX;
  return id;
}

nvme::IdentifyNamespace identify_namespace(const NamespaceFacts& facts, const TargetOptions& options) {
  const BackendInfo& info = facts.info;
  nvme::IdentifyNamespace id;
  id.nsze = id.ncap = id.nuse = info.blocks;
  id.nsfeat = info.thin ? nvme::nsfeat::kThinProvisioning : std::uint8_t{0};
  id.nmic = nvme::nmic::kShared;
  id.dlfeat = nvme::dlfeat::kReadZeroes | nvme::dlfeat::kWriteZeroesDeallocates;
  put_capacity(id.nvmcap, info.blocks * info.block_size);
  if (info.optimal_blocks > 1) {
    id.nsfeat = id.nsfeat | nvme::nsfeat::kOptimalIo;
    const auto optimal = static_cast<std::uint16_t>(std::min(info.optimal_blocks, 65536U) - 1);
    id.npwg = id.npwa = id.npdg = id.npda = optimal;
    id.nows = static_cast<std::uint16_t>(options.max_transfer / info.block_size - 1);
  }
  id.nsattr = info.read_only ? nvme::nsattr::kWriteProtected : std::uint8_t{0};
  std::copy(facts.nguid.begin(), facts.nguid.end(), id.nguid.begin());
  id.lbaf[0].lbads = block_shift(info);
  return id;
}

nvme::IdentifyNamespaceIndependent identify_namespace_independent(const NamespaceFacts& facts) {
  nvme::IdentifyNamespaceIndependent id;
  id.nsfeat = facts.info.volatile_cache ? std::uint8_t{0} : nvme::nsfeat_independent::kNoVolatileWriteCache;
  id.nmic = nvme::nmic::kShared;
  id.nsattr = facts.info.read_only ? nvme::nsattr::kWriteProtected : std::uint8_t{0};
  id.nstat = nvme::nstat::kReady;
  return id;
}

std::array<std::byte, nvme::kIdentifySize> namespace_descriptors(const NamespaceFacts& facts) {
  std::array<std::byte, nvme::kIdentifySize> page{};
  std::size_t at = 0;
  const auto put = [&](std::uint8_t type, std::span<const std::uint8_t> bytes) {
    store(page.data() + at, nvme::NsIdDescriptor{.nidt = type, .nidl = static_cast<std::uint8_t>(bytes.size())});
    at += sizeof(nvme::NsIdDescriptor);
    std::memcpy(page.data() + at, bytes.data(), bytes.size());
    at += bytes.size();
  };
  put(nvme::nidt::kNguid, facts.nguid);
  put(nvme::nidt::kUuid, facts.uuid);
  put(nvme::nidt::kCsi, std::array<std::uint8_t, 1>{nvme::csi::kNvm});
  return page;
}

}  // namespace weft::controller
