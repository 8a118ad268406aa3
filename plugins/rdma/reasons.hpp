// reasons.hpp - why connections fail and end, in words: what the connection manager and the device say as numbers. Pure.
#ifndef WEFT_RDMA_REASONS_HPP
#define WEFT_RDMA_REASONS_HPP

#include <cstddef>
#include <span>
#include <string>

#include <infiniband/verbs.h>

#include "link.hpp"

namespace weft::rdma {

// Reject reasons of the connection manager that mean something here.
constexpr int kRejectStaleConnection = 10;
constexpr int kRejectByConsumer = 28;

// A REJECTED event: its status, and the private data that came with it. `peer`: its address.
[[nodiscard]] Reason explain_reject(int status, std::span<const std::byte> said, const std::string& peer);

// A completion that is bad, on a connection that nobody is closing. `peer`: "controller" or "host".
[[nodiscard]] Reason explain_completion(const ibv_wc& completion, const char* peer);

// An event of a device by itself, in words: "QP_FATAL (the queue pair failed)".
[[nodiscard]] std::string explain_event(ibv_event_type type);

}  // namespace weft::rdma

#endif
