// machine.hpp - one computer on the fabric: its devices, its ports, what goes wrong on it, and what it did.
// Thread: under the fabric's lock, or when nothing runs.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_MACHINE_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_MACHINE_HPP

#include <memory>
#include <string>
#include <vector>

#include "device.hpp"
#include "fabric.hpp"
#include "plugins/rdma/verbs.hpp"
#include "record.hpp"
#include "script.hpp"

namespace weft::rdma::model {

class CmChannel;

class Machine {
 public:
  Machine(Fabric& fabric, std::string name) : fabric_(fabric), name_(std::move(name)) {}

  Device& add_device(const Traits& traits, std::vector<std::string> addresses);
  // What the transport under test gets for the machine's RDMA library; it must go before the fabric does.
  [[nodiscard]] std::unique_ptr<verbs::Library> make_library();
  // Nothing of this machine does anything any more, and nobody is told.
  void die() { dead = true; }

  Script script;
  Record record;
  bool dead = false;
  std::vector<verbs::ConnectionTuning> tunings;  // that ids were given

  // For the model.
  [[nodiscard]] Fabric& fabric() const { return fabric_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Device>>& devices() const { return devices_; }
  // The device that has this address; nullptr: none.
  [[nodiscard]] Device* device_at(const std::string& address) const;
  std::vector<CmId*> bound;  // who has a port
  std::vector<CmChannel*> channels;
  std::uint16_t next_port = 40000;

 private:
  Fabric& fabric_;
  const std::string name_;
  std::vector<std::unique_ptr<Device>> devices_;
};

}  // namespace weft::rdma::model

#endif
