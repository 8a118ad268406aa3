#include "copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "progress.hpp"
#include "weft/memory.hpp"

namespace weft::tools {
namespace {

// Bytes moved by one call: several commands, so that they overlap.
constexpr std::size_t kChunk = std::size_t{4} << 20;

// Whole blocks, one at least. Block sizes are powers of two.
Result<Memory> make_buffer(BlockingHost& host, const Namespace& ns) {
  return allocate_memory(host.transport(), std::max<std::size_t>(kChunk, ns.block_size));
}

std::size_t whole_blocks(std::size_t bytes, const Namespace& ns) {
  return (bytes + ns.block_size - 1) / ns.block_size * ns.block_size;
}

}  // namespace

Outcome<void> copy_out(const Program& program, BlockingHost& host, const Namespace& from, std::uint64_t lba,
                       std::uint64_t total, DataFile& output) {
  const Result<Memory> buffer = make_buffer(host, from);
  if (!buffer) return failed(buffer.error());
  Progress progress(program, "reading", total);
  for (std::uint64_t done = 0; done < total;) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer->bytes().size(), total - done);
    const std::span<std::byte> chunk = buffer->bytes().first(whole_blocks(wanted, from));
    const std::uint64_t at = lba + done / from.block_size;
    if (Status read = host.read(from, at, buffer->iov(0, chunk.size())); !read)
      return failed(read.error(), fmt::format("reading at LBA {}", at));
    if (Status written = output.write(chunk.first(wanted)); !written) return failed(written.error());
    done += wanted;
    progress.update(done);
  }
  return {};
}

Outcome<std::uint64_t> copy_in(const Program& program, BlockingHost& host, const Namespace& to, std::uint64_t lba,
                               DataFile& input) {
  const Result<Memory> buffer = make_buffer(host, to);
  if (!buffer) return failed(buffer.error());
  Progress progress(program, "writing", input.size().value_or(0));
  std::uint64_t done = 0;
  while (true) {
    const Result<std::size_t> count = input.read(buffer->bytes());
    if (!count) return failed(count.error());
    if (*count == 0) return done;
    const std::span<std::byte> chunk = buffer->bytes().first(whole_blocks(*count, to));
    std::memset(chunk.data() + *count, 0, chunk.size() - *count);
    const std::uint64_t at = lba + done / to.block_size;
    if (chunk.size() / to.block_size > to.blocks - at) {
      return failed(
          Error(ENOSPC, fmt::format("{} is longer than the namespace: {} bytes were written", input.path(), done)));
    }
    if (Status written = host.write(to, at, buffer->iov(0, chunk.size())); !written) {
      return failed(written.error(), fmt::format("writing at LBA {}", at));
    }
    done += *count;
    progress.update(done);
    if (*count < buffer->bytes().size()) return done;
  }
}

}  // namespace weft::tools
