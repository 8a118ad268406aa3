#include "disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace weft::rdma {

std::vector<std::byte> pattern(std::uint64_t length, std::uint8_t seed) {
  std::vector<std::byte> bytes(length);
  for (std::uint64_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>((i * 7 + i / 251 + seed * 31U) & 0xff);
  return bytes;
}

Buffer::Buffer(End& end, std::uint64_t length, bool registered, std::uint32_t pieces) : length_(length) {
  constexpr std::uint64_t kGap = 64;
  const std::uint64_t each = (length + pieces - 1) / pieces;
  memory_.resize((each + kGap) * pieces);
  Region* region = registered ? &end.own(memory_.data(), memory_.size()) : nullptr;
  for (std::uint64_t done = 0, at = 0; done < length; at += each + kGap) {
    const std::uint64_t part = std::min(each, length - done);
    iov_.push_back({memory_.data() + at, part, reinterpret_cast<weft_region*>(region)});
    done += part;
  }
}

void Buffer::fill(std::uint8_t seed) {
  const std::vector<std::byte> bytes = pattern(length_, seed);
  std::uint64_t at = 0;
  for (const weft_iov& piece : iov_) {
    std::memcpy(piece.base, bytes.data() + at, piece.len);
    at += piece.len;
  }
}

std::vector<std::byte> Buffer::bytes() const {
  std::vector<std::byte> all;
  for (const weft_iov& piece : iov_) {
    const auto* base = static_cast<const std::byte*>(piece.base);
    all.insert(all.end(), base, base + piece.len);
  }
  return all;
}

Disk::Disk(SideBench& bench, const Shape& shape) : bench_(bench), shape_(shape) {
  bench.controller.on_command = [this](const weft_command& given) { command(given); };
  bench.controller.on_data = [this](const End::Data& end) { data(end); };
}

void Disk::command(const weft_command& given) {
  const auto sqe = load<nvme::Sqe>(given.sqe);
  order.push_back(sqe.cid);
  if (given.status != 0 || given.data_len == 0) {
    const nvme::Cqe cqe = make_cqe(sqe.cid, given.status);
    EXPECT_EQ(bench_.controller_side().send_response(given.token, &cqe, 0), 0);
    EXPECT_EQ(bench_.controller_side().release_command(given.token), 0);
    return;
  }
  Job& job = jobs_[given.token];
  job = {.token = given.token,
         .cid = sqe.cid,
         .out = sqe.direction() == nvme::Direction::kControllerToHost,
         .length = given.data_len,
         .buffer = nullptr};
  job.buffer = std::make_unique<Buffer>(bench_.controller, given.data_len, shape_.registered, shape_.pieces);
  if (job.out) {
    const std::vector<std::byte>& bytes = contents[job.cid];
    std::uint64_t at = 0;
    for (const weft_iov& piece : job.buffer->iov()) {
      std::memcpy(piece.base, bytes.data() + at, piece.len);
      at += piece.len;
    }
  }
  go_on(job);
}

// The next data call: as much as one call may be, in the pieces that it covers.
void Disk::go_on(Job& job) {
  const std::uint64_t most = shape_.call == 0 ? job.length : std::min(shape_.call, job.length - job.moved);
  std::vector<weft_iov> iov;
  std::uint64_t skip = job.moved, bytes = 0;
  for (const weft_iov& piece : job.buffer->iov()) {
    if (skip >= piece.len) {
      skip -= piece.len;
      continue;
    }
    if (bytes == most || iov.size() == kMaxIov) break;
    const std::uint64_t part = std::min(piece.len - skip, most - bytes);
    iov.push_back({static_cast<std::byte*>(piece.base) + skip, part, piece.region});
    bytes += part;
    skip = 0;
  }
  const std::uint64_t offset = job.moved;
  job.moved += bytes;
  ++calls;
  most_of_a_call = std::max(most_of_a_call, bytes);
  const auto count = iov.size();
  if (!job.out) {
    EXPECT_EQ(bench_.controller_side().receive_data(job.token, offset, {iov.data(), count}, job.token, 0), 0);
    return;
  }
  const nvme::Cqe cqe = make_cqe(job.cid);
  EXPECT_EQ(bench_.controller_side().send_data(job.token, offset, {iov.data(), count},
                                               job.moved == job.length ? &cqe : nullptr, job.token, 0),
            0);
}

void Disk::data(const End::Data& end) {
  Job& job = jobs_.at(end.cookie);
  ++ends;
  if (end.error != 0) {
    EXPECT_EQ(bench_.controller_side().release_command(job.token), 0);
    return;
  }
  if (job.moved < job.length) return go_on(job);
  if (job.out) {
    EXPECT_EQ(end.flags, WEFT_RESPONSE_SENT);
  } else {
    written[job.cid] = job.buffer->bytes();
    const nvme::Cqe cqe = make_cqe(job.cid);
    EXPECT_EQ(bench_.controller_side().send_response(job.token, &cqe, 0), 0);
  }
  EXPECT_EQ(bench_.controller_side().release_command(job.token), 0);
}

}  // namespace weft::rdma
