// namespace.hpp - a namespace as the control thread knows it: its backend, names, size and gate.
//
// Thread rule: the control thread; workers use its address as a key, and its faults().
#ifndef WEFT_CORE_CONTROLLER_NAMESPACE_HPP
#define WEFT_CORE_CONTROLLER_NAMESPACE_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/controller/gate.hpp"
#include "core/controller/storage_faults.hpp"
#include "core/wire/uuid.hpp"
#include "weft/backend.hpp"

namespace weft::controller {

// What Identify tells of a namespace. A value.
struct NamespaceFacts {
  std::uint32_t nsid = 0;
  BackendInfo info;
  wire::Uuid uuid{}, nguid{};
};

class Namespace {
 public:
  // title: for people.
  Namespace(NamespaceFacts facts, std::unique_ptr<Backend> backend, std::span<Worker* const> workers, Reactor& control,
            std::string title)
      : facts_(std::move(facts)),
        backend_(std::move(backend)),
        gate_(*this, workers, control),
        faults_(std::make_shared<StorageFaults>(std::move(title))) {}

  [[nodiscard]] std::uint32_t nsid() const { return facts_.nsid; }
  [[nodiscard]] const NamespaceFacts& facts() const { return facts_; }
  [[nodiscard]] std::uint64_t blocks() const { return facts_.info.blocks; }
  void set_blocks(std::uint64_t blocks) { facts_.info.blocks = blocks; }
  [[nodiscard]] Backend& backend() { return *backend_; }
  [[nodiscard]] Gate& gate() { return gate_; }
  // Also used by the workers that have a way into it; it may outlive this.
  [[nodiscard]] const std::shared_ptr<StorageFaults>& faults() const { return faults_; }

 private:
  NamespaceFacts facts_;
  const std::unique_ptr<Backend> backend_;
  Gate gate_;
  const std::shared_ptr<StorageFaults> faults_;
};

}  // namespace weft::controller

#endif
