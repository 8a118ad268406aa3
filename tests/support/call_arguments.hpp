// call_arguments.hpp - what a test gives to a transport's table, kept alive as long as it is borrowed. Thread: the test's.
#ifndef WEFT_TESTS_SUPPORT_CALL_ARGUMENTS_HPP
#define WEFT_TESTS_SUPPORT_CALL_ARGUMENTS_HPP

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weft/transport_abi.h"

namespace weft::test {

// An address, or an open descriptor in its place.
class Where {
 public:
  using Options = std::vector<std::pair<std::string, std::string>>;
  explicit Where(int fd, Options options = {}) : Where(fd, {}, {}, std::move(options)) {}
  Where(std::string host, std::string service, Options options = {})
      : Where(-1, std::move(host), std::move(service), std::move(options)) {}
  Where(const Where&) = delete;
  Where& operator=(const Where&) = delete;
  Where& from(std::string source);
  [[nodiscard]] const weft_address* get() const { return &address_; }

 private:
  Where(int fd, std::string host, std::string service, Options options);
  const std::string host_, service_;
  std::string source_;
  const Options options_;
  std::vector<weft_option> raw_;
  weft_address address_{};
};

weft_qpair_params params(std::uint32_t depth, bool admin, std::uint32_t in_capsule = 0, std::uint16_t descriptors = 1);

}  // namespace weft::test

#endif
