// verbs_library.hpp - verbs.hpp over rdma-core: the classes behind open_library(). verbs_library.cpp: devices and the
// library; verbs_objects.cpp: what is made of a device; verbs_cm.cpp: the connection manager.
//
// The connection manager opens each device once for the process and works only with that context, so that is what
// everything here is made of. Threads and errors: as verbs.hpp says.
#ifndef WEFT_RDMA_VERBS_LIBRARY_HPP
#define WEFT_RDMA_VERBS_LIBRARY_HPP

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace weft::rdma::verbs {

// errno with words: "cannot make a protection domain on rxe0: Cannot allocate memory".
std::unexpected<plugin::Failure> failed(int error, std::string what, std::string_view stage = {});

class RealDevice final : public Device {
 public:
  // `context`: of the connection manager; one reference on it goes with this object.
  RealDevice(ibv_context* context, ibv_pd* domain, DeviceAttributes attributes)
      : context_(context), domain_(domain), attributes_(std::move(attributes)) {}
  ~RealDevice() override;
  RealDevice(const RealDevice&) = delete;
  RealDevice& operator=(const RealDevice&) = delete;
  static Made<std::unique_ptr<RealDevice>> open(ibv_context* context, WindowUse windows);

  [[nodiscard]] const DeviceAttributes& attributes() const override { return attributes_; }
  Made<std::unique_ptr<CompletionChannel>> make_completion_channel() override;
  Made<std::unique_ptr<CompletionQueue>> make_completion_queue(std::uint32_t entries, CompletionChannel& told,
                                                               std::uint32_t vector) override;
  Made<std::unique_ptr<SharedReceives>> make_shared_receives(std::uint32_t entries, std::uint32_t sge) override;
  Made<std::unique_ptr<Region>> register_memory(void* base, std::uint64_t length, int access) override;
  Made<std::unique_ptr<Window>> make_window() override;
  [[nodiscard]] int event_fd() const override { return context_ != nullptr ? context_->async_fd : -1; }
  [[nodiscard]] bool next_event(AsyncEvent& out) override;

  [[nodiscard]] ibv_context* context() const { return context_; }  // nullptr: let go
  [[nodiscard]] ibv_pd* domain() const { return domain_; }
  void let_go();

 private:
  ibv_context* context_;
  ibv_pd* domain_;
  const DeviceAttributes attributes_;
};

class RealLibrary final : public Library {
 public:
  explicit RealLibrary(WindowUse windows) : windows_(windows) {}
  ~RealLibrary() override = default;
  Made<std::unique_ptr<CmChannel>> make_cm_channel() override;
  [[nodiscard]] std::vector<Device*> devices() override;
  [[nodiscard]] std::vector<DeviceAddress> addresses() override;
  void forget(Device& device) override;

  // Opens what is there and not yet open. Fails when nothing is.
  Made<void> look_for_devices();
  // nullptr: it went away.
  [[nodiscard]] RealDevice* device_of(ibv_context* context);

 private:
  [[nodiscard]] RealDevice* known(ibv_context* context);

  std::mutex mutex_;  // of devices_
  std::vector<std::unique_ptr<RealDevice>> devices_;
  const WindowUse windows_;
};

}  // namespace weft::rdma::verbs

#endif
