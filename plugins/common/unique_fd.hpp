// unique_fd.hpp - a descriptor that is closed when its owner dies. Movable; -1 is none. Any thread.
#ifndef WEFT_PLUGIN_UNIQUE_FD_HPP
#define WEFT_PLUGIN_UNIQUE_FD_HPP

#include <utility>

#include <unistd.h>

namespace weft::plugin {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace weft::plugin

#endif
