#include "block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint64_t kPage = 4096;

bool may_lock_anything() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

}  // namespace

std::uint64_t lockable_bytes() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return may_lock_anything() ? UINT64_MAX : limit.rlim_cur;
}

Failure explain_registration(const Failure& said, std::uint64_t bytes, std::string_view what, std::uint64_t lockable) {
  const std::uint64_t kib = (bytes + 1023) / 1024;
  const bool for_want_of_it = said.code == ENOMEM || said.code == EAGAIN || said.code == EPERM;
  if (!for_want_of_it || lockable == UINT64_MAX)
    return Failure{.code = said.code,
                   .text = fmt::format("cannot register {} KiB for {}: {}", kib, what, said.text),
                   .stage = "memory"};
  return Failure{.code = ENOMEM,
                 .text = fmt::format("cannot register {} KiB for {}: this process may lock {} KiB of memory in all; "
                                     "raise that (ulimit -l, LimitMEMLOCK=) or use fewer or shorter queues",
                                     kib, what, lockable / 1024),
                 .stage = "memory"};
}

Made<std::unique_ptr<Block>> Block::make(verbs::Device& device, std::uint64_t bytes, int access,
                                         std::string_view what) {
  const std::uint64_t size = (std::max<std::uint64_t>(bytes, 1) + kPage - 1) / kPage * kPage;
  std::unique_ptr<Block> block(new Block);
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return std::unexpected(
        Failure{.code = ENOMEM, .text = fmt::format("no memory: {} KiB for {}", size / 1024, what), .stage = "memory"});
  block->base_ = static_cast<std::byte*>(base);
  block->size_ = size;
  verbs::Made<std::unique_ptr<verbs::Region>> region = device.register_memory(base, size, access);
  if (!region) return std::unexpected(explain_registration(region.error(), size, what));
  block->region_ = std::move(*region);
  block->lkey_ = block->region_->lkey();
  return block;
}

Block::~Block() {
  region_.reset();
  if (base_ != nullptr) ::munmap(base_, size_);
}

}  // namespace weft::rdma
