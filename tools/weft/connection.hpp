// connection.hpp - from the address on the command line to a connected host.
//
// The command line beats the address: --option KEY=VALUE and a command's own options replace what the address says.
// What is wrong with the address is a usage failure; what goes wrong on the way to the controller is "could not connect",
// with the stage, to whom, and why. One thread.
#ifndef WEFT_TOOLS_CONNECTION_HPP
#define WEFT_TOOLS_CONNECTION_HPP

#include <memory>
#include <string>
#include <vector>

#include "program.hpp"
#include "weft/address.hpp"
#include "weft/blocking.hpp"

namespace weft::tools {

struct AddressArguments {
  std::string url;
  std::vector<std::string> options;  // KEY=VALUE
  void declare(CLI::App& command);
};

// An address that has been taken apart and found good.
struct Remote {
  Address address;
  HostOptions options;
  bool qsize_given = false;  // the address says how deep its queues are to be
};

enum class Need {
  kIo,         // a subsystem, and queues to read and write through
  kSubsystem,  // a subsystem; only questions are asked
  kDiscovery,  // the discovery service unless another NQN is written
  kAny,        // a subsystem, or the discovery service when none is written; only questions are asked
};

[[nodiscard]] Outcome<Remote> read_address(Program& program, const AddressArguments& arguments, Need need);
[[nodiscard]] Outcome<std::unique_ptr<BlockingHost>> connect(Program& program, const Remote& remote);
// One line: the stage, to whom (where the error does not say so itself), and why.
[[nodiscard]] std::unexpected<Failure> unreachable(const Address& address, const Error& error);
[[nodiscard]] Outcome<Namespace> find_namespace(BlockingHost& host, std::uint32_t nsid, const Address& address);

}  // namespace weft::tools

#endif
