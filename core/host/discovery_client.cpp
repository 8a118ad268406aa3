// The discovery log, whole: its header before and after must tell of the same generation. A controller's count of entries is
// bounded, and memory is taken as entries come.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/host/impl.hpp"
#include "core/wire/text_field.hpp"

namespace weft {
namespace {

constexpr int kTries = 10;
constexpr std::uint64_t kEntrySize = sizeof(fabrics::DiscoveryLogEntry);
constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kEntriesAtOnce = 256;

fabrics::DiscoveryLogHeader header_of(const std::vector<std::byte>& log) {
  fabrics::DiscoveryLogHeader header;
  std::memcpy(&header, log.data(), sizeof header);
  return header;
}

bool is_link_local(const std::string& address) {
  in6_addr binary{};
  return inet_pton(AF_INET6, address.c_str(), &binary) == 1 && IN6_IS_ADDR_LINKLOCAL(&binary);
}

}  // namespace

Task<Result<std::vector<std::byte>>> Host::Impl::discovery_part(std::uint64_t offset, std::uint32_t length) {
  auto part = co_await log_page(nvme::log_page::kDiscovery, 0, offset, length);
  if (part && part->size() < length)
    co_return Error(EPROTO,
                    fmt::format("the discovery log ends after {} bytes of {}", offset + part->size(), offset + length));
  co_return part;
}

Task<Result<std::vector<fabrics::DiscoveryLogEntry>>> Host::Impl::discovery_entries(std::uint64_t count) {
  std::vector<fabrics::DiscoveryLogEntry> entries;
  while (entries.size() < count) {
    const std::uint64_t wanted = std::min(count - entries.size(), kEntriesAtOnce);
    const std::uint64_t offset = sizeof(fabrics::DiscoveryLogHeader) + entries.size() * kEntrySize;
    auto part = co_await discovery_part(offset, static_cast<std::uint32_t>(wanted * kEntrySize));
    if (!part) co_return part.error();
    const std::size_t before = entries.size();
    entries.resize(before + wanted);
    std::memcpy(entries.data() + before, part->data(), wanted * kEntrySize);
  }
  co_return entries;
}

// A link-local address says nothing without the interface, whose name is ours and not the target's: the one over which
// the log came.
void Host::Impl::add_scopes(std::vector<fabrics::DiscoveryLogEntry>& entries) const {
  const weft_qpair_info info = admin_->info();
  const std::string_view local = wire::read_text(info.local);
  const std::size_t percent = local.find('%');
  if (percent == std::string_view::npos) return;
  for (fabrics::DiscoveryLogEntry& entry : entries) {
    if (entry.adrfam != fabrics::adrfam::kIpv6) continue;
    const std::string_view written = wire::read_text(entry.traddr);
    const std::string address(written.substr(0, written.find('%')));
    if (is_link_local(address)) wire::write_text(entry.traddr, address + std::string(local.substr(percent)), '\0');
  }
}

Task<Result<std::vector<fabrics::DiscoveryLogEntry>>> Host::Impl::discovery_log() {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    auto first = co_await discovery_part(0, sizeof(fabrics::DiscoveryLogHeader));
    if (!first) co_return first.error();
    const fabrics::DiscoveryLogHeader before = header_of(*first);
    if (before.recfmt != 0)
      co_return Error(EPROTO, fmt::format("the discovery log has record format {}, which is not known",
                                          std::uint16_t{before.recfmt}));
    const std::uint64_t count = before.numrec;
    if (count > kMostBytes / kEntrySize)
      co_return Error(EFBIG, fmt::format("the discovery log claims {} entries; {} MiB of them are read at most, which "
                                         "are {}",
                                         count, kMostBytes >> 20, kMostBytes / kEntrySize));
    auto entries = co_await discovery_entries(count);
    // The log may have become shorter, or the controller says that it changed: either shows in a new header.
    if (!entries && attempt + 1 < kTries && alive()) continue;
    if (!entries) co_return entries.error();
    auto last = co_await discovery_part(0, sizeof(fabrics::DiscoveryLogHeader));
    if (!last) co_return last.error();
    if (header_of(*last).genctr != before.genctr) continue;
    add_scopes(*entries);
    co_return std::move(*entries);
  }
  co_return Error(EAGAIN, fmt::format("the discovery log kept changing while it was read, {} times", kTries));
}

}  // namespace weft
