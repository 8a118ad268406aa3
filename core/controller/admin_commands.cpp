#include "core/controller/admin_commands.hpp"

#include <algorithm>

#include "core/controller/identify.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr std::uint16_t kOffsetAt = at::kCdw12;
constexpr std::uint64_t kNotAborted = nvme::AbortArguments::kNotAborted;

}  // namespace

void put(AdminRequest& request, std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min<std::size_t>(bytes.size(), request.length));
  request.content = static_cast<std::uint32_t>(bytes.size());
  if (request.piece >= bytes.size()) return;
  bytes = bytes.subspan(request.piece);
  const std::size_t room = std::size_t{request.chunks} * kChunkSize;
  request.queue->worker().admin_memory().write(request, 0, bytes.first(std::min(bytes.size(), room)));
}

Answer put_window(AdminRequest& request, std::span<const std::byte> page, std::uint64_t offset,
                  std::uint64_t generation) {
  const bool changed = request.piece != 0 && request.generation != generation;
  if (changed) return {nvme::status::kCommandInterrupted, kNoLocation, 0};  // the host reads it again
  request.generation = generation;
  if (offset % 4 != 0 || offset > page.size()) return invalid_field(kOffsetAt);
  put(request, page.subspan(offset));
  return success();
}

MaybeAnswer async_event_request(AdminContext& context) {
  if (context.controller.events().hold(context.request)) return std::nullopt;
  return refuse(nvme::status::kAsyncEventLimitExceeded);
}

Answer keep_alive(AdminContext&) { return success(); }  // every command restarts the timer

MaybeAnswer abort_command(AdminContext& context) {
  const auto arguments = context.sqe().arguments<nvme::AbortArguments>();
  const std::uint16_t cid = arguments.cid;
  const bool admin = arguments.sqid == 0;
  if (admin && context.controller.events().abort(cid)) return success(0);
  Queue* const queue = admin ? context.request.queue : context.controller.queue(arguments.sqid);
  if (queue == nullptr) return success(kNotAborted);
  const auto aborts = context.controller.aborts;
  if (aborts->load() >= kMaxAborts) return refuse(nvme::status::kAbortCommandLimitExceeded);
  ++*aborts;
  // The queue lives until the control thread has told its worker to forget it, which would be a later message.
  AdminRequest* const request = &context.request;
  queue->worker().post([queue, request, admin, cid, aborts](Worker&) {
    const bool io = !admin && queue->io() != nullptr && !queue->io()->closed();
    const bool aborted = admin ? queue->admin().abort(cid) : io && queue->io()->abort(cid);
    request->answer = success(aborted ? 0 : kNotAborted);
    --*aborts;
    request->queue->worker().post([request](Worker&) { request->queue->admin().answered(*request); });
  });
  return std::nullopt;
}

}  // namespace weft::controller
