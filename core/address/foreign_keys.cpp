#include "core/address/foreign_keys.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace weft::address {
namespace {

struct Pair {
  std::string_view theirs, value;
};

constexpr std::array<Pair, 7> kOwn{{{"nr_io_queues", "queues"},
                                    {"queue_size", "qsize"},
                                    {"keep_alive_tmo", "kato"},
                                    {"host_traddr", "host_traddr"},
                                    {"host_iface", "host_iface"},
                                    {"disable_sqflow", "disable_sqflow"},
                                    {"duplicate_connect", "duplicate_connect"}}};

constexpr std::string_view kNoReconnect =
    "this host does not connect again by itself yet; an association that is lost has ended";
constexpr std::string_view kOneKind = "all I/O queues are of one kind here: 'queues' says how many";
constexpr std::string_view kNoTls = "there is no TLS yet";
constexpr std::string_view kNoAuthentication = "there is no in-band authentication yet";

constexpr std::array<Pair, 14> kAbsent{{{"ctrl_loss_tmo", kNoReconnect},
                                        {"reconnect_delay", kNoReconnect},
                                        {"fast_io_fail_tmo", kNoReconnect},
                                        {"nr_write_queues", kOneKind},
                                        {"nr_poll_queues", kOneKind},
                                        {"tls", kNoTls},
                                        {"tls_key", kNoTls},
                                        {"tls_key_identity", kNoTls},
                                        {"keyring", kNoTls},
                                        {"concat", kNoTls},
                                        {"dhchap_secret", kNoAuthentication},
                                        {"dhchap_ctrl_secret", kNoAuthentication},
                                        {"hostkey", kNoAuthentication},
                                        {"ctrlkey", kNoAuthentication}}};

// nvme-cli's command line has dashes where the kernel has underscores.
template <std::size_t N>
std::string_view find(const std::array<Pair, N>& pairs, std::string_view key) {
  std::string theirs(key);
  std::replace(theirs.begin(), theirs.end(), '-', '_');
  const auto pair = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& p) { return p.theirs == theirs; });
  return pair == pairs.end() ? std::string_view() : pair->value;
}

}  // namespace

std::string_view own_key(std::string_view key) {
  const std::string_view own = find(kOwn, key);
  return own.empty() ? key : own;
}

std::string_view why_absent(std::string_view key) { return find(kAbsent, key); }

bool is_foreign_key(std::string_view key) { return !find(kOwn, key).empty() || !why_absent(key).empty(); }

}  // namespace weft::address
