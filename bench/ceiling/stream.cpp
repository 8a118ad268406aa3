#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/mman.h>
#include <sys/socket.h>

namespace weft::bench {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kPiecesInOneCall = 256;

}  // namespace

Pages::Pages(std::size_t bytes) : data_(nullptr), size_((bytes + kHuge - 1) / kHuge * kHuge) {
  void* const at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  data_ = static_cast<std::byte*>(at);
  madvise(at, size_, MADV_HUGEPAGE);  // advice: without huge pages it is slower, not wrong
  std::memset(at, 1, size_);
}

Pages::~Pages() { munmap(data_, size_); }

// A ring: what is under way is at most half of it, so what is overwritten has gone.
std::byte* Output::copy(std::size_t bytes) {
  if (used_ + bytes > staging_.size()) used_ = 0;
  std::byte* const at = staging_.data() + used_;
  used_ += bytes;
  if (first_ != end_) {
    iovec& last = pieces_[end_ - 1];
    if (static_cast<std::byte*>(last.iov_base) + last.iov_len == at) {
      last.iov_len += bytes;
      return at;
    }
  }
  add(at, bytes);
  return at;
}

void Output::lend(const std::byte* data, std::size_t bytes) { add(const_cast<std::byte*>(data), bytes); }

void Output::add(std::byte* data, std::size_t bytes) {
  if (end_ == pieces_.size()) {
    std::copy(pieces_.begin() + static_cast<std::ptrdiff_t>(first_), pieces_.end(), pieces_.begin());
    end_ -= first_;
    first_ = 0;
  }
  pieces_[end_++] = {data, bytes};
}

void Output::flush(int fd) {
  while (!empty()) {
    const std::size_t count = std::min(end_ - first_, kPiecesInOneCall);
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) offered += pieces_[first_ + i].iov_len;
    msghdr message{};
    message.msg_iov = &pieces_[first_];
    message.msg_iovlen = count;
    const ssize_t done = count == 1 ? send(fd, pieces_[first_].iov_base, pieces_[first_].iov_len, MSG_NOSIGNAL)
                                    : sendmsg(fd, &message, MSG_NOSIGNAL);
    if (done < 0) return;
    sent(static_cast<std::size_t>(done));
    if (static_cast<std::size_t>(done) < offered) return;
  }
}

void Output::sent(std::size_t bytes) {
  while (bytes != 0) {
    iovec& piece = pieces_[first_];
    const std::size_t part = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
    piece.iov_len -= part;
    bytes -= part;
    if (piece.iov_len == 0) ++first_;
  }
  if (empty()) {
    first_ = end_ = 0;
    used_ = 0;
  }
}

bool Input::fill(int fd, std::span<std::byte> direct, std::size_t& took) {
  took = 0;
  if (first_ == end_) {
    first_ = end_ = 0;
  } else if (first_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + first_, end_ - first_);
    end_ -= first_;
    first_ = 0;
  }
  iovec into[2] = {{direct.data(), direct.size()}, {buffer_.data() + end_, buffer_.size() - end_}};
  const ssize_t got = direct.empty() ? recv(fd, into[1].iov_base, into[1].iov_len, 0) : readv(fd, into, 2);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  took = std::min(static_cast<std::size_t>(got), direct.size());
  end_ += static_cast<std::size_t>(got) - took;
  return true;
}

}  // namespace weft::bench
