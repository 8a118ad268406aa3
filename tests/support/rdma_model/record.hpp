// record.hpp - what one machine of the model did: faults, counts, and what is alive.
//
// A fault is what no program may do to a device, whatever its peer does: use of a key that is not good, a queue that
// overran, a buffer that was changed before its completion. It belongs to the machine whose request it was. Most faults
// are completion errors too, as on a real device; the record is there because a program may survive those.
// Thread: under the fabric's lock, or when nothing runs.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_RECORD_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_RECORD_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft::rdma::model {

enum class Kind : std::uint8_t {
  kRegion,
  kWindow,
  kCompletionChannel,
  kCompletionQueue,
  kSharedReceives,
  kQueuePair,
  kCmChannel,
  kCmId,
};
constexpr std::size_t kKinds = 8;

struct Counts {
  std::uint64_t sends = 0, writes = 0, reads = 0, binds = 0;  // that had their effect
  std::uint64_t local_invalidations = 0, remote_invalidations = 0;
  std::uint64_t bytes_written = 0, bytes_read = 0;  // by WRITE, by READ
  std::uint64_t completions = 0;                    // that a queue got
  std::uint64_t flushed = 0;
  std::uint64_t rnr = 0;              // SENDs of ours that found no receive at the peer
  std::uint64_t lost = 0;             // requests of a queue pair that was connected, and deleted before they completed
  std::uint64_t refused = 0;          // posts beyond the capacity
  std::uint64_t shared_receives = 0;  // that are posted now
  std::uint64_t half_filled = 0;      // shared receives that a queue pair had begun to fill when it failed
  std::uint64_t registered = 0;       // bytes that are registered now
  std::uint64_t most_registered = 0;
  std::uint32_t most_reads = 0;                // READs of one queue pair under way at a time
  std::uint32_t fewest_receives = UINT32_MAX;  // that a SEND of the peer found here, itself included
};

class Record {
 public:
  Counts counts;

  void fault(std::string what) { faults_.push_back(std::move(what)); }
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  void forgive() { faults_.clear(); }  // those so far were what the test was about

  void born(Kind kind) { ++made_[index(kind)], ++alive_[index(kind)]; }
  void gone(Kind kind) { --alive_[index(kind)]; }
  [[nodiscard]] std::uint64_t made(Kind kind) const { return made_[index(kind)]; }
  [[nodiscard]] std::uint64_t alive(Kind kind) const { return alive_[index(kind)]; }
  // What is alive, in words; empty: nothing.
  [[nodiscard]] std::string left() const {
    static constexpr std::array<const char*, kKinds> kNames = {"regions",
                                                               "windows",
                                                               "completion channels",
                                                               "completion queues",
                                                               "shared receive queues",
                                                               "queue pairs",
                                                               "connection channels",
                                                               "ids"};
    std::string words;
    for (std::size_t i = 0; i < kKinds; ++i) {
      if (alive_[i] != 0) words += (words.empty() ? "" : ", ") + std::to_string(alive_[i].load()) + " " + kNames[i];
    }
    return words;
  }

 private:
  static constexpr std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  std::vector<std::string> faults_;
  std::array<std::atomic<std::uint64_t>, kKinds> made_{}, alive_{};  // objects die outside the lock
};

// As long as it lives, one more of its kind is alive.
class Birth {
 public:
  Birth(Record& record, Kind kind) : record_(record), kind_(kind) { record_.born(kind_); }
  ~Birth() { record_.gone(kind_); }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

 private:
  Record& record_;
  const Kind kind_;
};

}  // namespace weft::rdma::model

#endif
