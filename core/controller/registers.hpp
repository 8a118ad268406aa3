// registers.hpp - a controller's properties and the CC/CSTS state machine, without anything that acts on it.
//
//   switch (registers.write_cc(value)) { case CcAction::kEnable: ...
//
// Pure state; thread rule: the owner's thread.
#ifndef WEFT_CORE_CONTROLLER_REGISTERS_HPP
#define WEFT_CORE_CONTROLLER_REGISTERS_HPP

#include <cstdint>
#include <optional>

#include "weft/nvme.hpp"

namespace weft::controller {

inline constexpr nvme::Vs kVersion(2, 0, 0);

// What a write of CC asks for. Reset and shutdown go on until reset_done() and shutdown_done().
enum class CcAction : std::uint8_t { kNone, kEnabled, kReset, kShutdown };

class Registers {
 public:
  Registers(std::uint32_t max_queue_size, bool discovery);

  // The value of a property; nothing: there is none at that offset, or its size is another.
  [[nodiscard]] std::optional<std::uint64_t> get(std::uint32_t offset, bool eight_bytes) const;
  [[nodiscard]] CcAction write_cc(std::uint32_t value);
  [[nodiscard]] CcAction reset_done();  // what was asked for meanwhile
  void shutdown_done(bool durable);
  void fail() { csts_ = csts_.with_fatal(true); }  // CFS

  [[nodiscard]] bool enabled() const { return cc_.enable(); }
  [[nodiscard]] bool ready() const { return csts_.ready() && !csts_.fatal(); }
  [[nodiscard]] bool accepts_io() const { return ready() && enabled() && csts_.shst() == nvme::Csts::kShutdownNone; }
  [[nodiscard]] bool shutting_down() const { return csts_.shst() != nvme::Csts::kShutdownNone; }
  [[nodiscard]] nvme::Csts csts() const { return csts_; }
  [[nodiscard]] nvme::Cap cap() const { return cap_; }

 private:
  [[nodiscard]] bool acceptable(nvme::Cc cc) const;

  const bool discovery_;
  const nvme::Cap cap_;
  nvme::Cc cc_;
  nvme::Csts csts_;
  bool resetting_ = false;
};

}  // namespace weft::controller

#endif
