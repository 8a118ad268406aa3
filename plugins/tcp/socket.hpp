// socket.hpp - the non-blocking calls on one connected stream socket: the seam that tests replace.
//
// Owns the descriptor. Nothing blocks, nothing raises SIGPIPE, EINTR is retried inside. Thread: the group's.
#ifndef WEFT_TCP_SOCKET_HPP
#define WEFT_TCP_SOCKET_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <sys/uio.h>

#include "../common/unique_fd.hpp"

namespace weft::tcp {

struct IoResult {
  std::int64_t count = 0;  // bytes; receive: 0 is the end of the stream
  int error = 0;           // errno when count < 0
};

class Socket {
 public:
  virtual ~Socket() = default;
  virtual IoResult receive(std::span<iovec> into) = 0;
  virtual IoResult send(std::span<iovec> from) = 0;
  virtual void shutdown_write() = 0;
  // What epoll watches: readable or writable when the stream is.
  [[nodiscard]] virtual int fd() const = 0;
};

class KernelSocket final : public Socket {
 public:
  explicit KernelSocket(plugin::UniqueFd fd) : fd_(std::move(fd)) {}
  IoResult receive(std::span<iovec> into) override;
  IoResult send(std::span<iovec> from) override;
  void shutdown_write() override;
  [[nodiscard]] int fd() const override { return fd_.get(); }

 private:
  plugin::UniqueFd fd_;
};

}  // namespace weft::tcp

#endif
