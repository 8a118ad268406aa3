#include "private_data.hpp"

#include <fmt/format.h>

#include <cstring>

#include "weft/endian.hpp"

namespace weft::rdma {

namespace {

constexpr std::uint16_t kFormat = 0;  // RECFMT of NVMe/RDMA 1.0 and 1.1

struct RequestLayout {
  le16 format, qid, host_receives, host_sends, cntlid;
  WireBytes<22> reserved;
};
WEFT_WIRE_SIZE(RequestLayout, sizeof(RequestBytes));
WEFT_WIRE_FIELD(RequestLayout, cntlid, 8);

struct ReplyLayout {
  le16 format, controller_receives;
  WireBytes<28> reserved;
};
WEFT_WIRE_SIZE(ReplyLayout, sizeof(ReplyBytes));

struct RejectLayout {
  le16 format, status;
};
WEFT_WIRE_SIZE(RejectLayout, sizeof(RejectBytes));

template <class Bytes, class Layout>
Bytes bytes_of(const Layout& layout) {
  Bytes bytes;
  std::memcpy(bytes.data(), &layout, sizeof layout);
  return bytes;
}

}  // namespace

RequestBytes write_request(const Request& request) {
  RequestLayout layout{};
  layout.format = kFormat;
  layout.qid = request.qid;
  layout.host_receives = static_cast<std::uint16_t>(request.host_receives);
  layout.host_sends = static_cast<std::uint16_t>(request.host_sends - 1);
  layout.cntlid = request.cntlid;
  return bytes_of<RequestBytes>(layout);
}

ReplyBytes write_reply(std::uint16_t controller_receives) {
  ReplyLayout layout{};
  layout.format = kFormat;
  layout.controller_receives = controller_receives;
  return bytes_of<ReplyBytes>(layout);
}

RejectBytes write_reject(RejectStatus status) {
  RejectLayout layout{};
  layout.format = kFormat;
  layout.status = static_cast<std::uint16_t>(status);
  return bytes_of<RejectBytes>(layout);
}

std::expected<Request, RejectStatus> read_request(std::span<const std::byte> said) {
  if (said.size() < sizeof(RequestLayout)) return std::unexpected(RejectStatus::kInvalidLength);
  const auto layout = load<RequestLayout>(said.data());
  if (layout.format != kFormat) return std::unexpected(RejectStatus::kInvalidFormat);
  // A queue without room for a response, or of one entry, which can never hold a command.
  if (layout.host_receives == 0) return std::unexpected(RejectStatus::kInvalidHostReceiveSize);
  if (layout.host_sends == 0) return std::unexpected(RejectStatus::kInvalidHostSendSize);
  return Request{.qid = layout.qid,
                 .host_receives = layout.host_receives,
                 .host_sends = layout.host_sends + 1U,
                 .cntlid = layout.cntlid};
}

std::expected<std::uint16_t, std::string> read_reply(std::span<const std::byte> said) {
  if (said.size() < sizeof(ReplyLayout))
    return std::unexpected(fmt::format("the controller accepted with {} bytes of private data, {} are needed",
                                       said.size(), sizeof(ReplyLayout)));
  const auto layout = load<ReplyLayout>(said.data());
  if (layout.format != kFormat)
    return std::unexpected(
        fmt::format("the controller accepted in private data of format {}, only 0 is known", layout.format.value()));
  if (layout.controller_receives == 0) return std::unexpected("the controller receives no commands (CRQSIZE 0)");
  return layout.controller_receives;
}

std::uint16_t read_reject(std::span<const std::byte> said) {
  if (said.size() < sizeof(RejectLayout)) return 0;
  const auto layout = load<RejectLayout>(said.data());
  return layout.format == kFormat ? layout.status.value() : std::uint16_t{0};
}

std::string explain(std::uint16_t reject_status) {
  const auto words = [&]() -> const char* {
    switch (static_cast<RejectStatus>(reject_status)) {
      case RejectStatus::kInvalidLength:
        return "it wants private data of another length";
      case RejectStatus::kInvalidFormat:
        return "it does not know our format of private data";
      case RejectStatus::kInvalidQid:
        return "it has no such queue";
      case RejectStatus::kInvalidHostSendSize:
        return "it takes no submission queue of this size";
      case RejectStatus::kInvalidHostReceiveSize:
        return "it takes no completion queue of this size";
      case RejectStatus::kNoResources:
        return "it has no resources left";
      case RejectStatus::kInvalidReadsIn:
        return "it wants to read from this host more often at a time than our device allows";
      case RejectStatus::kInvalidReadsOut:
        return "it does not let this host read from it";
      case RejectStatus::kInvalidCntlid:
        return "it has no controller of this ID";
    }
    return "it gave no reason that is known";
  }();
  return fmt::format("{} (status {})", words, reject_status);
}

}  // namespace weft::rdma
