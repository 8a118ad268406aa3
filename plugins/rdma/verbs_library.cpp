#include "verbs_library.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <ifaddrs.h>

#include "../common/net_address.hpp"

namespace weft::rdma::verbs {

using plugin::Failure;

std::unexpected<Failure> failed(int error, std::string what, std::string_view stage) {
  return std::unexpected(Failure{.code = error,
                                 .text = fmt::format("cannot {}: {}", what, std::strerror(error)),
                                 .stage = stage,
                                 .origin = WEFT_ORIGIN_NETWORK});
}

// ---- devices -------------------------------------------------------------------------------------------------------

namespace {

// The connection manager counts who uses its contexts, by lists of them.
void drop_reference(ibv_context* context) {
  auto** list = static_cast<ibv_context**>(std::calloc(2, sizeof(ibv_context*)));
  if (list == nullptr) return;  // the reference stays until the process ends
  list[0] = context;
  rdma_free_devices(list);
}

bool windows_of(const ibv_device_attr& device, WindowUse use) {
  const bool wanted = use == WindowUse::kAuto ? device.vendor_id != kVendorSoftRoce : use == WindowUse::kOn;
  return wanted && (device.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B) != 0;
}

// Several drivers of other fabrics leave it 0; on iWARP one element is what every device has.
std::uint32_t max_sge_read(const ibv_device_attr& device, bool iwarp) {
  if (device.max_sge_rd > 0) return static_cast<std::uint32_t>(device.max_sge_rd);
  return iwarp ? 1 : 0;
}

DeviceAttributes attributes_of(ibv_context* context, const ibv_device_attr& device, WindowUse windows) {
  ibv_port_attr port{};
  const bool iwarp = context->device->transport_type == IBV_TRANSPORT_IWARP;
  const bool has_port = ibv_query_port(context, 1, &port) == 0;
  return {.name = ibv_get_device_name(context->device),
          .vendor_id = device.vendor_id,
          .max_work_requests = static_cast<std::uint32_t>(device.max_qp_wr),
          .max_sge = static_cast<std::uint32_t>(device.max_sge),
          .max_sge_read = max_sge_read(device, iwarp),
          .max_completions = static_cast<std::uint32_t>(device.max_cqe),
          .max_shared_receives = static_cast<std::uint32_t>(std::max(device.max_srq_wr, 0)),
          .max_reads_in = static_cast<std::uint32_t>(device.max_qp_rd_atom),
          .max_reads_out = static_cast<std::uint32_t>(device.max_qp_init_rd_atom),
          .max_message = has_port ? port.max_msg_sz : 1U << 30,
          .max_region = device.max_mr_size,
          .windows = windows_of(device, windows),
          .completion_vectors = static_cast<std::uint32_t>(std::max(context->num_comp_vectors, 1)),
          .iwarp = iwarp,
          .invalidates = (device.device_cap_flags & IBV_DEVICE_MEM_MGT_EXTENSIONS) != 0};
}

}  // namespace

Made<std::unique_ptr<RealDevice>> RealDevice::open(ibv_context* context, WindowUse windows) {
  ibv_device_attr device{};
  if (const int error = ibv_query_device(context, &device); error != 0)
    return failed(error, fmt::format("ask {} what it can do", ibv_get_device_name(context->device)));
  const int flags = ::fcntl(context->async_fd, F_GETFL);
  if (flags < 0 || ::fcntl(context->async_fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return failed(errno, fmt::format("make the events of {} non-blocking", ibv_get_device_name(context->device)));
  ibv_pd* const domain = ibv_alloc_pd(context);
  if (domain == nullptr)
    return failed(errno, fmt::format("make a protection domain on {}", ibv_get_device_name(context->device)));
  return std::make_unique<RealDevice>(context, domain, attributes_of(context, device, windows));
}

RealDevice::~RealDevice() { let_go(); }

void RealDevice::let_go() {
  if (context_ == nullptr) return;
  ibv_dealloc_pd(domain_);
  drop_reference(context_);
  domain_ = nullptr;
  context_ = nullptr;
}

// ---- the library ---------------------------------------------------------------------------------------------------

Made<std::unique_ptr<Library>> open_library(WindowUse windows) {
  auto library = std::make_unique<RealLibrary>(windows);
  if (const Made<void> found = library->look_for_devices(); !found) return std::unexpected(found.error());
  return library;
}

Made<void> RealLibrary::look_for_devices() {
  int count = 0;
  errno = 0;
  ibv_context** const contexts = rdma_get_devices(&count);
  if (contexts == nullptr || count == 0) {
    const int error = errno;
    if (contexts != nullptr) rdma_free_devices(contexts);
    const char* const why = error == EPERM || error == EACCES ? " that this user may open" : "";
    return std::unexpected(
        Failure{.code = ENODEV, .text = fmt::format("this machine has no RDMA device{}", why), .stage = "device"});
  }
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < count; ++i) {
    // The reference of the list becomes the device's.
    Made<std::unique_ptr<RealDevice>> made =
        known(contexts[i]) != nullptr ? Made<std::unique_ptr<RealDevice>>() : RealDevice::open(contexts[i], windows_);
    if (made && *made != nullptr) {
      devices_.push_back(std::move(*made));
    } else {
      drop_reference(contexts[i]);
    }
  }
  std::free(contexts);
  return {};
}

RealDevice* RealLibrary::known(ibv_context* context) {
  for (const auto& device : devices_)
    if (device->context() == context) return device.get();
  return nullptr;
}

RealDevice* RealLibrary::device_of(ibv_context* context) {
  if (context == nullptr) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (RealDevice* device = known(context); device != nullptr) return device;
  }
  if (!look_for_devices()) return nullptr;  // it came after we had looked
  const std::lock_guard lock(mutex_);
  return known(context);
}

std::vector<Device*> RealLibrary::devices() {
  const std::lock_guard lock(mutex_);
  std::vector<Device*> all;
  for (const auto& device : devices_)
    if (device->context() != nullptr) all.push_back(device.get());
  return all;
}

// The connection manager closes a context that nobody uses when it next looks which devices there are.
void RealLibrary::forget(Device& device) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& mine : devices_)
      if (mine.get() == &device) mine->let_go();
  }
  int count = 0;
  if (ibv_context** const contexts = rdma_get_devices(&count); contexts != nullptr) rdma_free_devices(contexts);
}

// Binding an address is how the connection manager tells whose it is.
std::vector<DeviceAddress> RealLibrary::addresses() {
  std::vector<DeviceAddress> all;
  for (Device* device : devices()) all.push_back({device->attributes().name, {}});
  ifaddrs* interfaces = nullptr;
  rdma_event_channel* const channel = rdma_create_event_channel();
  if (channel == nullptr || ::getifaddrs(&interfaces) != 0) interfaces = nullptr;
  for (const ifaddrs* at = interfaces; at != nullptr; at = at->ifa_next) {
    const int family = at->ifa_addr == nullptr ? AF_UNSPEC : at->ifa_addr->sa_family;
    rdma_cm_id* id = nullptr;
    if ((family != AF_INET && family != AF_INET6) || rdma_create_id(channel, &id, nullptr, RDMA_PS_TCP) != 0) continue;
    if (rdma_bind_addr(id, at->ifa_addr) == 0 && id->verbs != nullptr) {
      plugin::NetAddress address;
      plugin::NetAddress::from_bytes(at->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6),
                                     address);
      const std::string name = ibv_get_device_name(id->verbs->device);
      const auto found = std::ranges::find(all, name, &DeviceAddress::device);
      if (found != all.end()) found->addresses.push_back(address.host());
    }
    rdma_destroy_id(id);
  }
  if (interfaces != nullptr) ::freeifaddrs(interfaces);
  if (channel != nullptr) rdma_destroy_event_channel(channel);
  return all;
}

}  // namespace weft::rdma::verbs
