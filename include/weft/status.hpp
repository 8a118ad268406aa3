// status.hpp - how calls fail: an Error for us, an NvmeStatus for the peer, never one for the other.
//
// A function returns one kind of failure. `Status` and `Result<T>` carry an Error (errno, stage, sentence) and cannot be
// ignored. The text is set where the error is found; a caller that knows more prepends a clause with `with_context`;
// it is printed once, at the top. NvmeStatus is what travels in a completion queue entry.
// Value types; any thread.
#ifndef WEFT_STATUS_HPP
#define WEFT_STATUS_HPP

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

struct Error {
  int code = 0;  // errno, positive; never 0 in an Error that is returned
  std::string
      stage;  // where in a longer operation: "resolve", "connect", "icreq", "Connect command", "enable", "identify", ""
  std::string text;  // a sentence without a full stop at the end

  Error() = default;
  Error(int errno_value, std::string sentence) : code(errno_value), text(std::move(sentence)) {}
  Error(int errno_value, std::string_view at, std::string sentence)
      : code(errno_value), stage(at), text(std::move(sentence)) {}

  // "cannot open namespace 1: " + text
  [[nodiscard]] Error with_context(std::string_view clause) && {
    text.insert(0, ": ").insert(0, clause);
    return std::move(*this);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): `return Error{...}` is the common way out
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}
};

class [[nodiscard]] Status : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Status(Error error) : std::expected<void, Error>(std::unexpect, std::move(error)) {}
};

// The status field of a completion: bits 7:0 SC, 10:8 SCT, 13 More, 14 DNR (CQE DW3 bits 31:17).
class NvmeStatus {
 public:
  static constexpr std::uint16_t kMore = 0x2000;
  static constexpr std::uint16_t kDoNotRetry = 0x4000;

  constexpr NvmeStatus() = default;
  constexpr explicit NvmeStatus(std::uint16_t value) : value_(value) {}
  constexpr NvmeStatus(std::uint8_t code_type, std::uint8_t code)
      : value_(static_cast<std::uint16_t>((code_type << 8) | code)) {}

  [[nodiscard]] constexpr bool ok() const { return (value_ & 0x7ff) == 0; }
  [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
  [[nodiscard]] constexpr std::uint16_t code() const { return value_ & 0x7ff; }  // SCT<<8|SC
  [[nodiscard]] constexpr bool do_not_retry() const { return (value_ & kDoNotRetry) != 0; }
  [[nodiscard]] constexpr NvmeStatus dnr() const {
    return NvmeStatus(static_cast<std::uint16_t>(value_ | kDoNotRetry));
  }

  // "LBA Out of Range (080h)"; `fabrics` picks the Fabrics meaning of the codes 180h..191h.
  [[nodiscard]] std::string describe(bool fabrics = false) const;

  friend constexpr bool operator==(NvmeStatus, NvmeStatus) = default;

 private:
  std::uint16_t value_ = 0;
};

}  // namespace weft

#endif
