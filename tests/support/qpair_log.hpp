// qpair_log.hpp - for tests that call a transport's table themselves: one side of a queue pair that writes down its events
// as words, and small makers of SQEs, CQEs and data.
#ifndef WEFT_TESTS_SUPPORT_QPAIR_LOG_HPP
#define WEFT_TESTS_SUPPORT_QPAIR_LOG_HPP

#include <array>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "weft/transport_abi.h"

namespace weft::test {

using Bytes = std::vector<unsigned char>;

inline Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(3));
  return bytes;
}

inline std::array<unsigned char, 64> sqe(std::uint16_t cid, unsigned char opcode = 0x01) {
  std::array<unsigned char, 64> entry{};
  entry[0] = opcode;
  entry[2] = static_cast<unsigned char>(cid);
  entry[3] = static_cast<unsigned char>(cid >> 8);
  return entry;
}

inline std::array<unsigned char, 16> cqe(std::uint16_t cid) {
  std::array<unsigned char, 16> entry{};
  entry[12] = static_cast<unsigned char>(cid);
  entry[13] = static_cast<unsigned char>(cid >> 8);
  return entry;
}

inline weft_iov iov_of(Bytes& bytes) { return {bytes.data(), bytes.size(), nullptr}; }

// One side of a connection: what its events said, as words.
struct QpairLog {
  std::vector<std::string> log;
  weft_limits limits{};
  weft_command command{};
  std::uint64_t moved = 0;
  weft_error closed{};
  std::function<void()> on_closed;

  static QpairLog& of(void* ctx) { return *static_cast<QpairLog*>(ctx); }
  static const weft_qpair_events* events() {
    static const weft_qpair_events table = {
        sizeof table,
        0,
        [](void* ctx, const weft_limits* limits) {
          of(ctx).limits = *limits;
          of(ctx).log.emplace_back("ready");
        },
        [](void* ctx, const weft_command* command) {
          of(ctx).command = *command;
          of(ctx).log.push_back("command " + std::to_string(command->data_len));
        },
        [](void* ctx, const weft_response* response) {
          of(ctx).moved = response->moved;
          of(ctx).log.push_back("response " + std::to_string(response->cid) + " " + std::to_string(response->error) +
                                ((response->flags & WEFT_SQHD_VALID) != 0 ? " sqhd" : "") +
                                (response->cqe == nullptr ? " none" : ""));
        },
        [](void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error, std::uint16_t,
           std::uint32_t flags) {
          of(ctx).log.push_back("data " + std::to_string(cookie) + " " + std::to_string(moved) + " " +
                                std::to_string(error) + " " + std::to_string(flags));
        },
        [](void* ctx, const weft_error* error) {
          of(ctx).closed = *error;
          of(ctx).log.emplace_back("closed");
          if (of(ctx).on_closed) of(ctx).on_closed();
        }};
    return &table;
  }
};

}  // namespace weft::test

#endif
