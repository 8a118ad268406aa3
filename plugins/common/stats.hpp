// stats.hpp - sums of weft_stats. Pure; any thread.
#ifndef WEFT_PLUGIN_STATS_HPP
#define WEFT_PLUGIN_STATS_HPP

#include "weft/transport_abi.h"

namespace weft::plugin {

// Adds each counter of `more` to `sum`.
inline void add_up(weft_stats& sum, const weft_stats& more) {
  sum.commands += more.commands;
  sum.responses += more.responses;
  sum.bytes_in += more.bytes_in;
  sum.bytes_out += more.bytes_out;
  sum.syscalls_in += more.syscalls_in;
  sum.syscalls_out += more.syscalls_out;
  sum.copies += more.copies;
  sum.copied_bytes += more.copied_bytes;
  sum.digest_errors += more.digest_errors;
  sum.polls += more.polls;
  sum.empty_polls += more.empty_polls;
  sum.arms += more.arms;
  sum.region_hits += more.region_hits;
  sum.region_misses += more.region_misses;
}

}  // namespace weft::plugin

#endif
