// Any bytes as a config string, a backend and a scalar: errors that can be printed, and a round trip for whatever is accepted.
#include "weft/address.hpp"
#include "fuzz/values/parsers.hpp"

namespace weft::fuzz {
namespace {

void check_error(const Error& error) {
  require(error.code > 0, "an error without a code");
  require(!error.text.empty(), "an error without a sentence");
  for (const char c : error.text) require(c >= ' ' && c <= '~', "a sentence with a byte that is not printable ASCII");
}

void check_options(Address& address) {
  if (const auto options = take_host_options(address)) {
    outcomes.reached(kHostOptions);
  } else {
    return check_error(options.error());
  }
  const Status good = check_transport_options(address, {}, host_option_keys());
  if (!good) check_error(good.error());
}

void fuzz_location(std::string_view text) {
  Result<Address> address = Address::parse(text);
  outcomes.reached(address ? kAddress : kAddressRefused);
  if (!address) return check_error(address.error());
  const Result<Address> again = Address::parse(address->to_string());
  if (!address->split) require(again && *again == *address, "what was printed is read differently");
  if (const Status split = address->split_service("4420"); !split) return check_error(split.error());
  Result<Address> third = Address::parse(address->to_string());
  require(third.has_value(), "a split address prints as something malformed");
  require(third->split_service("4420") && *third == *address, "a split address is read differently");
  check_options(*address);
}

void fuzz_backend(std::string_view text) {
  const Result<BackendAddress> backend = BackendAddress::parse(text);
  outcomes.reached(backend ? kBackend : kBackendRefused);
  if (!backend) return check_error(backend.error());
  const Result<BackendAddress> again = BackendAddress::parse(backend->to_string());
  require(again && *again == *backend, "a backend is read differently once printed");
}

void fuzz_scalars(std::string_view text) {
  if (const auto size = parse_size(text)) {
    outcomes.reached(kScalar);
  } else {
    check_error(size.error());
  }
  if (const auto time = parse_duration(text); !time) check_error(time.error());
  if (const auto uuid = parse_uuid(text); !uuid) check_error(uuid.error());
  if (const auto wait = parse_wait(text); !wait) check_error(wait.error());
  const auto count = parse_count(text, 3, 300);
  if (!count) return check_error(count.error());
  require(*count >= 3 && *count <= 300, "a count outside of its bounds");
}

}  // namespace

void fuzz_address(std::string_view text) {
  fuzz_location(text);
  fuzz_backend(text);
  fuzz_scalars(text);
}

}  // namespace weft::fuzz
