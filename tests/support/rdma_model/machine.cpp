#include "machine.hpp"

#include <algorithm>

#include "cm.hpp"

namespace weft::rdma::model {
namespace {

class Library final : public verbs::Library {
 public:
  explicit Library(Machine& machine) : machine_(machine) {}

  verbs::Made<std::unique_ptr<verbs::CmChannel>> make_cm_channel() override {
    const auto guard = machine_.fabric().lock();
    if (const auto allowed = machine_.script.allow(Call::kMakeCmChannel); !allowed)
      return std::unexpected(allowed.error());
    return std::make_unique<CmChannel>(machine_);
  }
  std::vector<verbs::Device*> devices() override {
    std::vector<verbs::Device*> all;
    for (const auto& device : machine_.devices()) {
      if (!device->forgotten) all.push_back(device.get());
    }
    return all;
  }
  void forget(verbs::Device& device) override {
    const auto guard = machine_.fabric().lock();
    auto& gone = dynamic_cast<Device&>(device);
    if (gone.has_made()) machine_.record.fault("a device is let go while something on it is left");
    gone.forgotten = true;
  }
  std::vector<verbs::DeviceAddress> addresses() override {
    std::vector<verbs::DeviceAddress> all;
    for (const auto& device : machine_.devices()) {
      if (!device->forgotten) all.push_back({device->attributes().name, device->addresses()});
    }
    return all;
  }

 private:
  Machine& machine_;
};

}  // namespace

Device& Machine::add_device(const Traits& traits, std::vector<std::string> addresses) {
  const auto guard = fabric_.lock();
  Traits named = traits;
  if (named.attributes.name.empty()) named.attributes.name = "model" + std::to_string(devices_.size());
  devices_.push_back(std::make_unique<Device>(*this, named, std::move(addresses)));
  return *devices_.back();
}

std::unique_ptr<verbs::Library> Machine::make_library() { return std::make_unique<Library>(*this); }

Device* Machine::device_at(const std::string& address) const {
  for (const auto& device : devices_) {
    if (!device->removed() && std::ranges::find(device->addresses(), address) != device->addresses().end())
      return device.get();
  }
  return nullptr;
}

}  // namespace weft::rdma::model
