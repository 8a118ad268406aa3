// fetcher.hpp - brings what is about to be sent into the caches, while other work goes on.
//
// Blocks that nobody has read for long wait for memory, a line at a time, inside the send call. Only so many lines can be on
// their way at once, and who asks for more waits for them here instead: so of a small payload a part is asked for when it is
// queued and the rest with the next two. Of a payload in many pieces only where each begins: the processor sees by itself how
// it goes on, up to the end of a page. A hint, never an access: the memory may be gone by then.
// Thread: the group's. Nothing allocates.
#ifndef WEFT_TCP_FETCHER_HPP
#define WEFT_TCP_FETCHER_HPP

#include <cstddef>

#include "data_op.hpp"

namespace weft::tcp {

class Fetcher {
 public:
  void will_send(const DataOp& op);

 private:
  static constexpr std::size_t kLine = 64, kStep = 8 * kLine;  // a step of lines is asked for at once
  static constexpr std::size_t kFirstPart = 2, kSecondPart = 5, kSmall = 8, kBeginning = 1;  // steps

  struct Payload {
    const std::byte* bytes = nullptr;
    std::size_t steps = 0;
  };
  // Always inlined: g++ takes a function that only prefetches for one without effect, and leaves out its calls.
  [[gnu::always_inline]] static inline void fetch(const Payload& payload, std::size_t from, std::size_t to);

  Payload last_, one_before_;
};

}  // namespace weft::tcp

#endif
