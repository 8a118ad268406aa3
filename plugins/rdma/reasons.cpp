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

Reason explain_completion(ibv_wc_status status, const char* peer) {
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
              .text = fmt::format("a capsule is larger than the {} and this side agreed ({})", peer,
                                  ibv_wc_status_str(status))};
    default:
      return {.code = EIO,
              .origin = WEFT_ORIGIN_NETWORK,
              .text = fmt::format("the device gave up on the {}: {}", peer, ibv_wc_status_str(status))};
  }
}

}  // namespace weft::rdma
