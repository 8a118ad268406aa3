// raw_socket.hpp - a blocking TCP socket whose every wait has a deadline, and PDUs as they come from it.
//
// Thread rule: one thread. Owns its descriptor. Failures are values: the test says what they mean.
#ifndef WEFT_TESTS_PEER_HOSTILE_RAW_SOCKET_HPP
#define WEFT_TESTS_PEER_HOSTILE_RAW_SOCKET_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/util/unique_fd.hpp"
#include "tests/peer/hostile/raw_pdu.hpp"

namespace weft::hostile {

inline constexpr std::chrono::milliseconds kPatience{20'000};  // for what is to come: only a failing test waits so long

struct ReceivedPdu {
  Bytes bytes;

  [[nodiscard]] std::uint8_t type() const { return bytes[0]; }
  [[nodiscard]] std::uint8_t flags() const { return bytes[1]; }
  [[nodiscard]] bool is_term_req() const { return type() == kH2cTermReq || type() == kC2hTermReq; }
  [[nodiscard]] std::uint16_t u16(std::size_t at) const { return hostile::u16(bytes, at); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return hostile::u32(bytes, at); }
  [[nodiscard]] std::uint16_t fes() const { return u16(8); }
  [[nodiscard]] std::uint32_t fei() const { return u32(10); }
  [[nodiscard]] Bytes echo() const { return {bytes.begin() + 24, bytes.end()}; }
  [[nodiscard]] Bytes data() const;  // without its digest
};

class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  // `from`: the address to come from; an IPv6 address connects to ::1, else to 127.0.0.1. receive_buffer 0: the kernel's choice.
  [[nodiscard]] static RawSocket connect(const std::string& port, const char* from = nullptr, int receive_buffer = 0);

  [[nodiscard]] bool open() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  bool send(std::span<const std::uint8_t> bytes);  // false: the other side is gone, or takes nothing for too long
  bool send(const RawPdu& pdu) { return send(pdu.bytes()); }
  bool send_part(const RawPdu& pdu, std::size_t count);  // its first bytes
  [[nodiscard]] std::optional<ReceivedPdu> receive(std::chrono::milliseconds limit = kPatience);
  // Reads and drops until the other side closes; true when it does.
  [[nodiscard]] bool closed_by_peer(std::chrono::milliseconds limit = kPatience);
  [[nodiscard]] bool quiet(std::chrono::milliseconds during);  // nothing to read, and not closed, all the time
  void close() { fd_.reset(); }

 private:
  [[nodiscard]] static RawSocket connect_over_ipv6(const std::string& port, const char* from, int receive_buffer);
  bool read(std::span<std::uint8_t> into, std::chrono::steady_clock::time_point deadline);
  UniqueFd fd_;
};

class RawListener {
 public:
  RawListener();
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] RawSocket accept();

 private:
  UniqueFd fd_;
  std::string port_;
};

}  // namespace weft::hostile

#endif
