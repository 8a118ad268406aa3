// copy.hpp - blocks of a namespace to a file and back, through one buffer.
//
// What is asked for lies within the namespace. One thread.
#ifndef WEFT_TOOLS_COPY_HPP
#define WEFT_TOOLS_COPY_HPP

#include <cstdint>

#include "data_file.hpp"
#include "program.hpp"
#include "weft/blocking.hpp"

namespace weft::tools {

// `total` bytes from the block `lba` on; the last block may be left in part.
[[nodiscard]] Outcome<void> copy_out(const Program& program, BlockingHost& host, const Namespace& from,
                                     std::uint64_t lba, std::uint64_t total, DataFile& output);

// Returns the bytes that were written; what is missing of the last block becomes zeroes.
[[nodiscard]] Outcome<std::uint64_t> copy_in(const Program& program, BlockingHost& host, const Namespace& to,
                                             std::uint64_t lba, DataFile& input);

}  // namespace weft::tools

#endif
