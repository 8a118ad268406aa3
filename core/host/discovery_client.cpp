// The discovery log, whole: its header before and after must tell of the same generation.

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/host/impl.hpp"

namespace weft {
namespace {

constexpr int kTries = 10;
constexpr std::uint64_t kMostEntries = 1024;

fabrics::DiscoveryLogHeader header_of(const std::vector<std::byte>& log) {
  fabrics::DiscoveryLogHeader header;
  std::memcpy(&header, log.data(), sizeof header);
  return header;
}

std::vector<fabrics::DiscoveryLogEntry> entries_of(const std::vector<std::byte>& log, std::uint64_t count) {
  std::vector<fabrics::DiscoveryLogEntry> entries(count);
  if (count > 0) std::memcpy(entries.data(), log.data(), count * sizeof(fabrics::DiscoveryLogEntry));
  return entries;
}

}  // namespace

Task<Result<std::vector<std::byte>>> Host::Impl::discovery_part(std::uint64_t offset, std::uint32_t length) {
  auto part = co_await log_page(nvme::log_page::kDiscovery, 0, offset, length);
  if (part && part->size() < length)
    co_return Error(EPROTO,
                    fmt::format("the discovery log ends after {} bytes of {}", offset + part->size(), offset + length));
  co_return part;
}

Task<Result<std::vector<fabrics::DiscoveryLogEntry>>> Host::Impl::discovery_log() {
  constexpr std::uint32_t kHeader = sizeof(fabrics::DiscoveryLogHeader);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    auto first = co_await discovery_part(0, kHeader);
    if (!first) co_return first.error();
    const fabrics::DiscoveryLogHeader before = header_of(*first);
    if (before.recfmt != 0)
      co_return Error(EPROTO, fmt::format("the discovery log has record format {}, which is not known",
                                          std::uint16_t{before.recfmt}));
    const std::uint64_t count = before.numrec;
    if (count > kMostEntries)
      co_return Error(EFBIG,
                      fmt::format("the discovery log claims {} entries; {} at most are read", count, kMostEntries));
    std::vector<std::byte> records;
    if (count > 0) {
      auto body =
          co_await discovery_part(kHeader, static_cast<std::uint32_t>(count * sizeof(fabrics::DiscoveryLogEntry)));
      // The log may have become shorter, or the controller says that it changed: either shows in a new header.
      if (!body && attempt + 1 < kTries && alive()) continue;
      if (!body) co_return body.error();
      records = std::move(*body);
    }
    auto last = co_await discovery_part(0, kHeader);
    if (!last) co_return last.error();
    if (header_of(*last).genctr == before.genctr) co_return entries_of(records, count);
  }
  co_return Error(EAGAIN, fmt::format("the discovery log kept changing while it was read, {} times", kTries));
}

}  // namespace weft
