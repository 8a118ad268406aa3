// Identify: which structure, of which namespace.
#include <algorithm>

#include "core/controller/admin_commands.hpp"
#include "core/controller/identify.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

constexpr std::uint16_t kCnsAt = at::kCdw10;
constexpr std::uint16_t kCsiAt = at::kCdw11 + 3;
constexpr std::uint32_t kGreatestListStart = 0xFFFFFFFD;

template <class T>
Answer send(AdminContext& context, const T& structure) {
  put(context.request, std::as_bytes(std::span(&structure, 1)));
  return success();
}
Answer send_zeroes(AdminContext& context) {
  put(context.request, {});
  return success();
}

Answer controller(AdminContext& context) {
  const Controller& c = context.controller;
  ControllerFacts facts{.discovery = c.discovery(),
                        .cntlid = c.identity().cntlid,
                        .subnqn = c.identity().subnqn,
                        .serial = context.discovery.serial(),
                        .model = "Weft discovery",
                        .limits = context.request.queue->limits(),
                        .options = &context.options};
  if (!c.discovery()) {
    facts.serial = context.subsystem().serial();
    facts.model = context.subsystem().model();
    facts.volatile_cache = context.subsystem().has_volatile_cache();
  }
  return send(context, identify_controller(facts));
}

// A valid NSID without a namespace is no error; `inactive` says what it is.
Answer of_namespace(AdminContext& context, Answer (*tell)(AdminContext&, const NamespaceFacts&),
                    Answer (*inactive)(AdminContext&)) {
  const std::uint32_t nsid = context.sqe().nsid;
  if (nsid == 0 || nsid > kMaxNamespaces) return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid);
  const Namespace* const ns = context.subsystem().find(nsid);
  return ns == nullptr ? inactive(context) : tell(context, ns->facts());
}

Answer tell_namespace(AdminContext& context, const NamespaceFacts& facts) {
  return send(context, identify_namespace(facts, context.options));
}
Answer tell_independent(AdminContext& context, const NamespaceFacts& facts) {
  return send(context, identify_namespace_independent(facts));
}
Answer tell_descriptors(AdminContext& context, const NamespaceFacts& facts) {
  return send(context, namespace_descriptors(facts));
}
Answer tell_command_set(AdminContext& context, const NamespaceFacts&) {
  return send(context, nvme::IdentifyNamespaceNvm{});
}
Answer no_namespace(AdminContext&) { return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid); }

Answer namespace_list(AdminContext& context) {
  const std::uint32_t after = context.sqe().nsid;
  if (after > kGreatestListStart) return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid);
  nvme::NamespaceList list;
  std::size_t count = 0;
  const auto& namespaces = context.subsystem().namespaces;
  for (auto it = namespaces.upper_bound(after); it != namespaces.end() && count < list.nsid.size(); ++it) {
    list.nsid[count++] = it->first;
  }
  return send(context, list);
}

Answer command_limits(AdminContext& context) {
  const std::uint8_t limit = size_limit_exponent(context.subsystem().has_small_blocks());
  context.controller.told_size_limit = std::max(context.controller.told_size_limit, limit);
  return send(context, identify_controller_nvm(limit));
}

// One combination: the NVM command set.
Answer combinations(AdminContext& context) {
  std::array<le64, 512> vectors{};
  vectors[0] = 1U << nvme::csi::kNvm;
  return send(context, vectors);
}

bool needs_command_set(std::uint8_t cns) {
  return cns == nvme::cns::kNamespaceCommandSet || cns == nvme::cns::kControllerCommandSet ||
         cns == nvme::cns::kActiveNamespacesCommandSet;
}

}  // namespace

Answer identify(AdminContext& context) {
  const auto arguments = context.sqe().arguments<nvme::IdentifyArguments>();
  if (arguments.cns == nvme::cns::kController) return controller(context);
  if (context.controller.discovery()) return invalid_field(kCnsAt);
  if (needs_command_set(arguments.cns) && arguments.csi != nvme::csi::kNvm) return not_there(kCsiAt);
  switch (arguments.cns) {
    case nvme::cns::kNamespace:
      return of_namespace(context, tell_namespace, send_zeroes);
    case nvme::cns::kNamespaceDescriptors:
      return of_namespace(context, tell_descriptors, no_namespace);
    case nvme::cns::kNamespaceCommandSet:
      return of_namespace(context, tell_command_set, send_zeroes);
    case nvme::cns::kNamespaceIndependent:
      return of_namespace(context, tell_independent, send_zeroes);
    case nvme::cns::kActiveNamespaces:
    case nvme::cns::kActiveNamespacesCommandSet:
      return namespace_list(context);
    case nvme::cns::kControllerCommandSet:
      return command_limits(context);
    case nvme::cns::kCommandSetCombinations:
      return combinations(context);
    default:
      return invalid_field(kCnsAt);
  }
}

}  // namespace weft::controller
