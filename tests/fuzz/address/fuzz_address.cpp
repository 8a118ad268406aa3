// Any bytes as a config string: no crash, errors that can be printed, and a round trip for whatever is accepted. Starts from
// corpus/, which has every spelling; a run that accepted nothing has tested nothing and fails.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "weft/address.hpp"

namespace {

unsigned long accepted = 0;

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "fuzz_address: %s\n", what);
  std::abort();
}

void check_error(const weft::Error& error) {
  require(error.code > 0, "an error without a code");
  require(!error.text.empty(), "an error without a sentence");
  for (const char c : error.text) require(static_cast<unsigned char>(c) >= 0x20, "a control character in a sentence");
}

void fuzz_address(std::string_view text) {
  weft::Result<weft::Address> address = weft::Address::parse(text);
  if (!address) return check_error(address.error());
  ++accepted;
  const weft::Result<weft::Address> again = weft::Address::parse(address->to_string());
  if (!address->split) require(again && *again == *address, "what was printed is read differently");
  if (const weft::Status split = address->split_service("4420"); !split) return check_error(split.error());
  weft::Result<weft::Address> third = weft::Address::parse(address->to_string());
  require(third.has_value(), "a split address prints as something malformed");
  require(third->split_service("4420") && *third == *address, "a split address is read differently");
  if (const auto options = weft::take_host_options(*address); !options) return check_error(options.error());
  if (const weft::Status good = weft::check_transport_options(*address, {}, weft::host_option_keys()); !good) {
    check_error(good.error());
  }
}

void fuzz_backend(std::string_view text) {
  const weft::Result<weft::BackendAddress> backend = weft::BackendAddress::parse(text);
  if (!backend) return check_error(backend.error());
  const weft::Result<weft::BackendAddress> again = weft::BackendAddress::parse(backend->to_string());
  require(again && *again == *backend, "a backend is read differently once printed");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  return std::atexit([] {
    if (accepted == 0) {
      std::fputs("fuzz_address: nothing was accepted\n", stderr);
      std::_Exit(1);
    }
  });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz_address(text);
  fuzz_backend(text);
  return 0;
}
