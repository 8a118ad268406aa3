#include "reasons.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "private_data.hpp"

namespace weft::rdma {

namespace {

struct RejectWords {
  int status;
  int code;
  const char* words;
};

constexpr RejectWords kRejectWords[] = {
    {1, ENOBUFS, "it has no queue pair left"},
    {3, ENOBUFS, "it has no resources left"},
    {4, ETIMEDOUT, "it waited too long for this side"},
    {5, EPROTONOSUPPORT, "it does not support the request"},
    {8, ECONNREFUSED, "nothing listens there"},
    {9, EPROTONOSUPPORT, "it offers no such service"},
    {kRejectStaleConnection, EADDRINUSE, "it still holds an old connection of this queue pair"},
    {11, ENETUNREACH, "it has no RDMA device of that address"},
    {24, ENETUNREACH, "the port of its device was redirected"},
    {kRejectByConsumer, ECONNREFUSED, "it gave no reason"},
};

}  // namespace

Reason explain_reject(int status, std::span<const std::byte> said, const std::string& peer) {
  // iWARP has no reasons: there, and where nothing listens on some devices, the status is a negative errno.
  const int reason = status < 0 ? kRejectByConsumer : status;
  if (const std::uint16_t nvme = reason == kRejectByConsumer ? read_reject(said) : std::uint16_t{0}; nvme != 0)
    return {.code = ECONNREFUSED,
            .origin = WEFT_ORIGIN_PEER,
            .detail = nvme,
            .stage = "connect",
            .text = fmt::format("{} refused the connection: {}", peer, explain(nvme))};
  for (const RejectWords& known : kRejectWords)
    if (known.status == reason)
      return {.code = known.code,
              .origin = WEFT_ORIGIN_PEER,
              .stage = "connect",
              .text = fmt::format("{} refused the connection: {}", peer, known.words)};
  return {.code = ECONNREFUSED,
          .origin = WEFT_ORIGIN_PEER,
          .stage = "connect",
          .text = fmt::format("{} refused the connection (reason {} of the connection manager)", peer, reason)};
}

namespace {

Reason words_for(ibv_wc_status status, const char* peer) {
  switch (status) {
    case IBV_WC_WR_FLUSH_ERR:
      return {.code = ECONNRESET,
              .origin = WEFT_ORIGIN_NETWORK,
              .text = fmt::format("the connection to the {} broke", peer)};
    case IBV_WC_RETRY_EXC_ERR:
      return {.code = ETIMEDOUT,
              .origin = WEFT_ORIGIN_NETWORK,
              .text = fmt::format("the {} does not acknowledge what is sent to it", peer)};
    case IBV_WC_RNR_RETRY_EXC_ERR:
      return {.code = ENOBUFS,
              .origin = WEFT_ORIGIN_PEER,
              .text = fmt::format("the {} has no receive for what is sent to it", peer)};
    case IBV_WC_REM_ACCESS_ERR:
      return {.code = EACCES,
              .origin = WEFT_ORIGIN_PROTOCOL,
              .text = fmt::format("the {} gave a key that is not good for its memory", peer)};
    case IBV_WC_LOC_LEN_ERR:
    case IBV_WC_REM_INV_REQ_ERR:
      return {.code = EPROTO,
              .origin = WEFT_ORIGIN_PROTOCOL,
              .text = fmt::format("a capsule is larger than the {} and this side agreed", peer)};
    default:
      return {.code = EIO, .origin = WEFT_ORIGIN_NETWORK, .text = fmt::format("the device gave up on the {}", peer)};
  }
}

struct EventWords {
  ibv_event_type type;
  const char* name;
  const char* words;
};

constexpr EventWords kEventWords[] = {
    {IBV_EVENT_CQ_ERR, "CQ_ERR", "a completion queue failed"},
    {IBV_EVENT_QP_FATAL, "QP_FATAL", "the queue pair failed"},
    {IBV_EVENT_QP_REQ_ERR, "QP_REQ_ERR", "the peer sent a request that is not allowed"},
    {IBV_EVENT_QP_ACCESS_ERR, "QP_ACCESS_ERR", "the peer reached for memory that it may not use"},
    {IBV_EVENT_QP_LAST_WQE_REACHED, "QP_LAST_WQE_REACHED", "the queue pair stopped"},
    {IBV_EVENT_SRQ_ERR, "SRQ_ERR", "a shared receive queue failed"},
    {IBV_EVENT_DEVICE_FATAL, "DEVICE_FATAL", "the device failed"},
    {IBV_EVENT_PORT_ACTIVE, "PORT_ACTIVE", "the port is up"},
    {IBV_EVENT_PORT_ERR, "PORT_ERR", "the port is down"},
    {IBV_EVENT_GID_CHANGE, "GID_CHANGE", "the addresses of the port changed"},
    {IBV_EVENT_LID_CHANGE, "LID_CHANGE", "the LID of the port changed"},
    {IBV_EVENT_PKEY_CHANGE, "PKEY_CHANGE", "the partitions of the port changed"},
};

}  // namespace

// The status in its own words, and what the vendor of the device adds: people who know the device ask for both.
Reason explain_completion(const ibv_wc& completion, const char* peer) {
  Reason reason = words_for(completion.status, peer);
  reason.text += fmt::format(" ({}", ibv_wc_status_str(completion.status));
  if (completion.vendor_err != 0) reason.text += fmt::format(", vendor error {:#x}", completion.vendor_err);
  reason.text += ")";
  return reason;
}

std::string explain_event(ibv_event_type type) {
  for (const EventWords& known : kEventWords)
    if (known.type == type) return fmt::format("{} ({})", known.name, known.words);
  return fmt::format("event {} ({})", static_cast<int>(type), ibv_event_type_str(type));
}

}  // namespace weft::rdma
