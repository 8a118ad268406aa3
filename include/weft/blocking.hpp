// blocking.hpp - the host's calls for programs that would rather wait: each blocks until it is done or its deadline passed.
//
//   auto host = weft::BlockingHost::connect(registry, "tcp://127.0.0.1:4420/nqn.2026-01.org.example:disk");
//   auto ns = (*host)->identify_namespace(1);
//   std::vector<std::byte> block(ns->block_size);
//   Status read = (*host)->read(*ns, 0, block);
//
// A BlockingHost has a thread of its own that keeps the association alive between calls. Its calls may come from several
// threads at once. Buffers are borrowed for the call. Every call ends: by the answer, by its time-out, or with the association.
// From inside a callback of host() they would wait for themselves: they fail with EDEADLK there, and destroying the
// BlockingHost there, which cannot fail, aborts.
#ifndef WEFT_BLOCKING_HPP
#define WEFT_BLOCKING_HPP

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "weft/host.hpp"

namespace weft {

class BlockingHost {
 public:
  // `address` may carry the core's and the transport's options. Without a subsystem NQN it connects to the discovery
  // service when that is what answers.
  [[nodiscard]] static Result<std::unique_ptr<BlockingHost>> connect(TransportRegistry& registry,
                                                                     std::string_view address);
  [[nodiscard]] static Result<std::unique_ptr<BlockingHost>> connect(TransportRegistry& registry,
                                                                     const Address& address,
                                                                     const HostOptions& options);
  ~BlockingHost();
  BlockingHost(const BlockingHost&) = delete;
  BlockingHost& operator=(const BlockingHost&) = delete;

  [[nodiscard]] Result<std::vector<std::uint32_t>> list_namespaces();
  [[nodiscard]] Result<Namespace> identify_namespace(std::uint32_t nsid);
  // Sizes must be multiples of the block size. The error of a status from the controller is EIO with its words.
  [[nodiscard]] Status read(const Namespace& ns, std::uint64_t lba, std::span<std::byte> into);
  [[nodiscard]] Status write(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> from,
                             bool force_unit_access = false);
  // The same with memory of the transport (memory.hpp), which it need not copy.
  [[nodiscard]] Status read(const Namespace& ns, std::uint64_t lba, const weft_iov& into);
  [[nodiscard]] Status write(const Namespace& ns, std::uint64_t lba, const weft_iov& from,
                             bool force_unit_access = false);
  [[nodiscard]] Status compare(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> with);
  [[nodiscard]] Status compare_and_write(const Namespace& ns, std::uint64_t lba, std::span<const std::byte> with,
                                         std::span<const std::byte> from);
  [[nodiscard]] Status flush(const Namespace& ns);
  [[nodiscard]] Status write_zeroes(const Namespace& ns, std::uint64_t lba, std::uint64_t blocks,
                                    bool deallocate = false);
  [[nodiscard]] Status deallocate(const Namespace& ns, std::uint64_t lba, std::uint64_t blocks);
  [[nodiscard]] Completion submit(IoRequest& request);                // done and ctx are ignored
  [[nodiscard]] Completion passthrough(PassthroughRequest& request);  // done and ctx are ignored
  [[nodiscard]] Result<std::vector<std::byte>> get_log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset,
                                                            std::uint32_t length);
  [[nodiscard]] Result<std::uint64_t> get_property(std::uint32_t offset, bool eight_bytes);
  [[nodiscard]] Result<std::vector<fabrics::DiscoveryLogEntry>> discover();
  Status close();  // EDEADLK on reactor()'s thread, else success; idempotent

  [[nodiscard]] Host& host();  // to be used on reactor()'s thread only, and not after close()
  [[nodiscard]] Reactor& reactor();
  [[nodiscard]] Transport& transport();  // for allocate_memory() and register_memory()

 private:
  struct Impl;
  explicit BlockingHost(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft

#endif
