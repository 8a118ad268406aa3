// stream.hpp - bytes out and in over one non-blocking socket, with as few calls as can be. Nothing is allocated after the
// constructor. One thread.
#ifndef WEFT_BENCH_CEILING_STREAM_HPP
#define WEFT_BENCH_CEILING_STREAM_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace weft::bench {

// Pages, touched. Huge ones where the machine gives them.
class Pages {
 public:
  explicit Pages(std::size_t bytes);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_;
  std::size_t size_;
};

// What is copied into it, and what is lent to it, goes out in that order.
class Output {
 public:
  // The most that is copied and not yet sent, and the most pieces of it.
  Output(std::size_t bytes, std::size_t pieces) : staging_(2 * bytes), pieces_(2 * pieces) {}
  std::byte* copy(std::size_t bytes);  // room for so many, to be filled by the caller
  void lend(const std::byte* data, std::size_t bytes);
  void flush(int fd);  // as much as the socket takes
  [[nodiscard]] bool empty() const { return first_ == end_; }

 private:
  void add(std::byte* data, std::size_t bytes);
  void sent(std::size_t bytes);
  Pages staging_;
  std::size_t used_ = 0;
  std::vector<iovec> pieces_;
  std::size_t first_ = 0, end_ = 0;
};

// What came: one buffer, read in one call; or into `direct` first and what is more into the buffer.
class Input {
 public:
  explicit Input(std::size_t room) : buffer_(room) {}
  // False: the peer closed. `took`: how many bytes went into `direct`.
  bool fill(int fd, std::span<std::byte> direct, std::size_t& took);
  [[nodiscard]] std::span<const std::byte> bytes() const { return {buffer_.data() + first_, end_ - first_}; }
  void consume(std::size_t bytes) { first_ += bytes; }

 private:
  Pages buffer_;
  std::size_t first_ = 0, end_ = 0;
};

}  // namespace weft::bench

#endif
