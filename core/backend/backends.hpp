// The built-in backends, and what their config strings share.
#ifndef WEFT_CORE_BACKEND_BACKENDS_HPP
#define WEFT_CORE_BACKEND_BACKENDS_HPP

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/backend/file_ring.hpp"
#include "core/backend/null_memory.hpp"
#include "weft/backend.hpp"

namespace weft {

[[nodiscard]] Result<std::unique_ptr<Backend>> open_ram_backend(const BackendAddress& address);
[[nodiscard]] Result<std::unique_ptr<Backend>> open_null_backend(const BackendAddress& address,
                                                                 std::shared_ptr<NullMemory> memory);
[[nodiscard]] Result<std::unique_ptr<Backend>> open_file_backend(const BackendAddress& address,
                                                                 std::shared_ptr<FileRings> rings);

enum class SizeNeeded : std::uint8_t { kYes, kNo };

// size= and block= into info.blocks and info.block_size; blocks stays 0 when no size is written and none is needed. Any key
// other than these and `also` is an error that names the nearest known one.
[[nodiscard]] Status read_size_options(const BackendAddress& address, BackendInfo& info, SizeNeeded needed,
                                       std::initializer_list<std::string_view> also = {});

[[nodiscard]] std::string bytes_in_words(std::uint64_t bytes);  // "64 MiB"

}  // namespace weft

#endif
