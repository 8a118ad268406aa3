#include "socket.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace weft::tcp {

namespace {

msghdr message(std::span<iovec> pieces) {
  msghdr header{};
  header.msg_iov = pieces.data();
  header.msg_iovlen = pieces.size();
  return header;
}

}  // namespace

// One piece goes without a header: the kernel has less to copy in.
IoResult KernelSocket::receive(std::span<iovec> into) {
  msghdr header = message(into);
  ssize_t count = 0;
  do {
    count = into.size() == 1 ? ::recv(fd_.get(), into[0].iov_base, into[0].iov_len, MSG_DONTWAIT)
                             : ::recvmsg(fd_.get(), &header, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  return {count, count < 0 ? errno : 0};
}

IoResult KernelSocket::send(std::span<iovec> from) {
  const msghdr header = message(from);
  ssize_t count = 0;
  do {
    count = from.size() == 1 ? ::send(fd_.get(), from[0].iov_base, from[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
                             : ::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return {count, count < 0 ? errno : 0};
}

void KernelSocket::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

}  // namespace weft::tcp
