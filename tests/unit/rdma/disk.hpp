// disk.hpp - a core on either end of a SideBench: a "disk" behind the controller that takes what a host writes and
// gives what it reads, in memory that is registered or not, in pieces or not; and a host's data with it.
// Thread: the test's.
#ifndef WEFT_TESTS_UNIT_RDMA_DISK_HPP
#define WEFT_TESTS_UNIT_RDMA_DISK_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "side_bench.hpp"

namespace weft::rdma {

// Memory as the core passes it: `pieces` stretches, apart from each other.
class Buffer {
 public:
  Buffer(End& end, std::uint64_t length, bool registered, std::uint32_t pieces = 1);
  void fill(std::uint8_t seed);
  [[nodiscard]] std::vector<std::byte> bytes() const;
  [[nodiscard]] const std::vector<weft_iov>& iov() const { return iov_; }
  [[nodiscard]] std::uint64_t length() const { return length_; }

 private:
  const std::uint64_t length_;
  std::vector<std::byte> memory_;
  std::vector<weft_iov> iov_;
};

// The controller's core: answers each command when its data has been moved.
class Disk {
 public:
  struct Shape {
    bool registered = true;
    std::uint32_t pieces = 1;
    std::uint64_t call = 0;  // bytes of one data call; 0: all
  };
  Disk(SideBench& bench, const Shape& shape);

  std::map<std::uint16_t, std::vector<std::byte>> written;   // by CID
  std::map<std::uint16_t, std::vector<std::byte>> contents;  // what reads find
  std::uint32_t calls = 0, ends = 0;                         // data calls
  std::uint64_t most_of_a_call = 0;
  std::vector<std::uint16_t> order;  // of commands as they came

 private:
  struct Job {
    std::uint64_t token = 0;
    std::uint16_t cid = 0;
    bool out = false;  // to the host
    std::uint64_t moved = 0, length = 0;
    std::unique_ptr<Buffer> buffer;
  };
  void command(const weft_command& command);
  void go_on(Job& job);
  void data(const End::Data& end);

  SideBench& bench_;
  const Shape shape_;
  std::map<std::uint64_t, Job> jobs_;  // by token
};

std::vector<std::byte> pattern(std::uint64_t length, std::uint8_t seed);

}  // namespace weft::rdma

#endif
