// connection.hpp - from the address on the command line to a connected host.
//
// The command line beats the address: --option KEY=VALUE and a command's own options replace what the address says.
// What is wrong with the address is a usage failure; what goes wrong on the way to the controller is "could not connect",
// with the stage, to whom, and why. One thread.
#ifndef WEFT_TOOLS_CONNECTION_HPP
#define WEFT_TOOLS_CONNECTION_HPP

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "program.hpp"
#include "weft/address.hpp"
#include "weft/blocking.hpp"

namespace weft::tools {

struct AddressArguments {
  std::string url;
  std::vector<std::string> options;              // KEY=VALUE
  std::vector<std::string> transport_options{};  // KEY=VALUE, of all that the transport does and not of one address
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
// One line: the stage, to whom (where the error does not say so itself), and why; who we said we are, where that was
// refused. A usage failure where it is the address that the transport does not take.
[[nodiscard]] std::unexpected<Failure> unreachable(const Remote& remote, const Error& error);
// Why the association ended, for the failure that came of it: made as soon as the host is connected, which outlives it.
class Loss {
 public:
  explicit Loss(BlockingHost& host);
  // Closes the host: nothing more is asked of it. The failure, with whom was lost and why where that is the cause.
  [[nodiscard]] std::unexpected<Failure> explain(Failure failure);

 private:
  struct State {
    std::mutex mutex;
    Error why;  // code 0: not lost
  };
  BlockingHost& host_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

[[nodiscard]] Outcome<Namespace> find_namespace(BlockingHost& host, std::uint32_t nsid, const Address& address);

}  // namespace weft::tools

#endif
