// Subsystems, who may use them, and namespaces: added, removed and resized while hosts use them.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>
#include <utility>

#include "core/controller/identify.hpp"
#include "core/controller/server.hpp"
#include "core/wire/doubtful_nqn.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"

namespace weft::controller {
namespace {

constexpr Nanoseconds kFaultsInterval = 10'000'000'000;
constexpr std::size_t kSerialLength = 20, kModelLength = 40;

Status check_backend(const BackendInfo& info) {
  if (info.block_size != 512 && info.block_size != 4096) {
    return Error(EINVAL, fmt::format("a namespace has blocks of 512 or 4096 bytes, not {}", info.block_size));
  }
  if (info.blocks == 0 || info.blocks > UINT64_MAX / info.block_size) {
    return Error(EINVAL, fmt::format("a namespace cannot have {} blocks", info.blocks));
  }
  return {};
}

// What the Identify command's text fields take.
bool is_ascii_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<Subsystem*> Server::find_subsystem(std::string_view nqn) {
  if (stopping_) return Error(ESHUTDOWN, "the target is stopping");
  const auto it = subsystems_.find(nqn);
  if (it == subsystems_.end() || it->second->removing)
    return Error(ENOENT, fmt::format("there is no subsystem {}", nqn));
  return it->second.get();
}

Status Server::add_subsystem(const SubsystemOptions& options) {
  if (stopping_) return Error(ESHUTDOWN, "the target is stopping");
  if (Status valid = wire::nqn_valid(options.nqn, "the subsystem NQN"); !valid) return valid;
  if (wire::is_discovery_nqn(options.nqn))
    return Error(EINVAL, fmt::format("{} is the discovery service's name", options.nqn));
  if (options.serial.size() > kSerialLength || options.model.size() > kModelLength) {
    return Error(EINVAL, fmt::format("subsystem {}: a serial number has at most {} characters, a model at most {}",
                                     options.nqn, kSerialLength, kModelLength));
  }
  if (!is_ascii_text(options.serial) || !is_ascii_text(options.model)) {
    return Error(EINVAL, fmt::format("subsystem {}: a serial number and a model are printable ASCII", options.nqn));
  }
  for (const std::string& host : options.allow_hosts) {
    if (Status valid = wire::nqn_valid(host, "the host NQN"); !valid) return valid;
  }
  if (options.cntlids) {
    if (Status valid = check_cntlid_range(*options.cntlids); !valid) return valid;
  }
  if (subsystems_.contains(options.nqn))
    return Error(EEXIST, fmt::format("there is a subsystem {} already", options.nqn));
  wire::warn_of_doubtful_nqn(options.nqn, "the subsystem NQN");
  for (const std::string& host : options.allow_hosts) wire::warn_of_doubtful_nqn(host, "the host NQN");
  subsystems_.emplace(options.nqn, std::make_unique<Subsystem>(options));
  discovery_changed();
  return {};
}

void Server::remove_subsystem(std::string_view nqn, Done done) {
  const auto found = find_subsystem(nqn);
  if (!found) return done(found.error());
  Subsystem& subsystem = **found;
  subsystem.removing = true;
  discovery_changed();
  auto finish = [this, &subsystem, done = std::move(done)] {
    close_namespaces(subsystem, [this, &subsystem, done] {
      subsystems_.erase(subsystem.nqn());
      done({});
    });
  };
  const auto of_it = [&subsystem](const Controller& c) { return c.identity().subsystem == &subsystem; };
  const bool used =
      std::any_of(controllers_.begin(), controllers_.end(), [&](const auto& c) { return of_it(*c.second); });
  if (!used) return finish();
  emptying_.emplace_back(&subsystem, std::move(finish));
  end_controllers(of_it);
}

Status Server::allow_host(std::string_view nqn, std::string_view hostnqn) {
  const auto subsystem = find_subsystem(nqn);
  if (!subsystem) return subsystem.error();
  if (Status valid = wire::nqn_valid(hostnqn, "the host NQN"); !valid) return valid;
  wire::warn_of_doubtful_nqn(hostnqn, "the host NQN");
  (*subsystem)->allow(hostnqn);
  discovery_changed();
  return {};
}

Status Server::disallow_host(std::string_view nqn, std::string_view hostnqn) {
  const auto subsystem = find_subsystem(nqn);
  if (!subsystem) return subsystem.error();
  if (!(*subsystem)->disallow(hostnqn)) {
    return Error(ENOENT, fmt::format("host {} is not among those that may use {}", hostnqn, nqn));
  }
  end_controllers([&](const Controller& c) {
    const Controller::Identity& host = c.identity();
    return host.subsystem == *subsystem && host.hostnqn == hostnqn &&
           !(*subsystem)->admits(hostnqn, *host.origin.listener);
  });
  discovery_changed();
  return {};
}

// ---- Namespaces

void Server::tell_controllers(const Subsystem& subsystem, std::uint32_t nsid) {
  for (const auto& [cntlid, controller] : controllers_) {
    if (controller->identity().subsystem == &subsystem && !controller->ending()) controller->namespace_changed(nsid);
  }
}

// Its own, in the whole target: a host takes namespaces of one identity for one namespace.
Result<DiskIdentity> Server::settle_identity(std::string_view nqn, std::uint32_t nsid, NamespaceOptions& options) {
  using From = Identities::Origin;
  const From origin = options.uuid ? From::kUuid : options.nguid ? From::kNguid : From::kDerived;
  const bool configured = origin != From::kDerived;
  if (!configured && !options.identity) options.identity = options.backend->identity();
  DiskIdentity identity;
  if (configured) {
    identity = complete_identity(nqn, options.uuid, options.nguid);
  } else if (options.identity->bytes.empty()) {
    identity = {wire::random_uuid(), wire::random_uuid()};
  } else {
    identity = derive_identity(nqn, *options.identity, 0);
    if (identities_.has_derived(identity)) identity = derive_identity(nqn, *options.identity, nsid);
  }
  if (Status only = identities_.add(nqn, nsid, identity, origin); !only) return only.error();
  const std::string says =
      identity_notice(nqn, nsid, options.backend->info(), configured ? nullptr : &*options.identity);
  if (!says.empty()) notice(says);
  return identity;
}

// A host cuts Write Zeroes by the limit that it read when it connected. On smaller blocks that limit is more than NLB holds, and
// hosts truncate it: blocks would stay unzeroed in silence. Such hosts connect again, and read the limit of now.
void Server::end_those_told_more(const Subsystem& subsystem) {
  const std::uint8_t limit = size_limit_exponent(subsystem.has_small_blocks());
  const auto told_more = [&](const Controller& c) {
    return c.identity().subsystem == &subsystem && c.told_size_limit > limit;
  };
  for (const auto& [cntlid, controller] : controllers_) {
    if (told_more(*controller) && !controller->ending())
      notice(controller->title() + " is to connect again: a namespace with smaller blocks was added");
  }
  end_controllers(told_more);
}

void Server::add_namespace(std::string_view nqn, NamespaceOptions options,
                           std::function<void(Result<std::uint32_t>)> done) {
  const auto found = find_subsystem(nqn);
  if (!found) return done(found.error());
  Subsystem& subsystem = **found;
  if (options.backend == nullptr) return done(Error(EINVAL, "a namespace needs a backend"));
  const std::uint32_t nsid = options.nsid != 0 ? options.nsid : subsystem.free_nsid();
  if (nsid == 0 || nsid > kMaxNamespaces) {
    return done(Error(EINVAL, fmt::format("namespace identifiers of {} go from 1 to {}", nqn, kMaxNamespaces)));
  }
  if (subsystem.find(nsid) != nullptr)
    return done(Error(EEXIST, fmt::format("{} has a namespace {} already", nqn, nsid)));
  const BackendInfo info = options.backend->info();
  if (Status valid = check_backend(info); !valid) return done(valid.error());
  const Result<DiskIdentity> identity = settle_identity(nqn, nsid, options);
  if (!identity) return done(identity.error());
  NamespaceFacts facts{nsid, info, identity->uuid, identity->nguid};
  auto ns =
      std::make_unique<Namespace>(std::move(facts), std::move(options.backend), worker_list_, control_,
                                  fmt::format("namespace {} of {} ({})", nsid, nqn, wire::printable(info.description)));
  Namespace& added = subsystem.add(std::move(ns));
  end_those_told_more(subsystem);

  struct Outcome {
    std::mutex mutex;
    Status status;
  };
  auto outcome = std::make_shared<Outcome>();
  on_workers(
      [&subsystem, &added, nsid, outcome](Worker& worker) {
        Status opened = worker.open_namespace(subsystem, added, nsid, added.backend());
        const std::lock_guard lock(outcome->mutex);
        if (!opened) outcome->status = std::move(opened);
      },
      [this, &subsystem, &added, nsid, outcome, done = std::move(done)] {
        if (outcome->status) {
          storage_watch_.add(subsystem, added);
          tell_controllers(subsystem, nsid);
          return done(nsid);
        }
        close_namespace(subsystem, nsid, [outcome, done] { done(outcome->status.error()); });
      });
}

// No command finds it from here on; it goes when the last one that uses it has ended, on every worker.
void Server::close_namespace(Subsystem& subsystem, std::uint32_t nsid, std::function<void()> done) {
  storage_watch_.remove(subsystem, nsid);
  struct Closing {
    std::unique_ptr<Namespace> ns;
    std::size_t left;
    std::function<void()> done;
  };
  std::unique_ptr<Namespace> removed = subsystem.remove(nsid);
  identities_.remove({removed->facts().uuid, removed->facts().nguid});
  const auto of = std::make_shared<Closing>(Closing{std::move(removed), workers_.size(), std::move(done)});
  auto gone = [this, of] {
    control_.post([of] {
      if (--of->left != 0) return;
      of->ns.reset();  // before anybody hears of it, who may want to serve the same file
      of->done();
    });
  };
  for (Worker* const worker : worker_list_) {
    worker->post([&subsystem, &closing = *of->ns, gone](Worker& w) { w.close_namespace(subsystem, closing, gone); });
  }
}

void Server::close_namespaces(Subsystem& subsystem, std::function<void()> done) {
  if (!subsystem.namespaces.empty()) {
    const std::uint32_t nsid = subsystem.namespaces.begin()->first;
    return close_namespace(subsystem, nsid,
                           [this, &subsystem, done = std::move(done)] { close_namespaces(subsystem, done); });
  }
  on_workers([&subsystem](Worker& worker) { worker.remove_subsystem(subsystem); }, std::move(done));
}

void Server::remove_namespace(std::string_view nqn, std::uint32_t nsid, Done done) {
  const auto subsystem = find_subsystem(nqn);
  if (!subsystem) return done(subsystem.error());
  if ((*subsystem)->find(nsid) == nullptr) return done(Error(ENOENT, fmt::format("{} has no namespace {}", nqn, nsid)));
  close_namespace(**subsystem, nsid, [done = std::move(done)] { done({}); });
  tell_controllers(**subsystem, nsid);
}

void Server::resize_namespace(std::string_view nqn, std::uint32_t nsid, std::uint64_t blocks, Done done) {
  const auto subsystem = find_subsystem(nqn);
  if (!subsystem) return done(subsystem.error());
  Namespace* const ns = (*subsystem)->find(nsid);
  if (ns == nullptr) return done(Error(ENOENT, fmt::format("{} has no namespace {}", nqn, nsid)));
  if (blocks == 0 || blocks > UINT64_MAX / ns->facts().info.block_size) {
    return done(Error(EINVAL, fmt::format("namespace {} cannot have {} blocks", nsid, blocks)));
  }
  storage_watch_.remove(**subsystem, nsid);  // from now on it has the size that it was given
  auto resized = [this, &owner = **subsystem, nsid, done = std::move(done)](Status status) {
    if (status) tell_controllers(owner, nsid);
    done(std::move(status));
  };
  if (blocks < ns->blocks()) return shrink(*ns, blocks, std::move(resized));
  grow(*ns, blocks, std::move(resized));
}

void Server::grow(Namespace& ns, std::uint64_t blocks, Done done) {
  if (Status grown = ns.backend().resize(blocks); !grown) return done(std::move(grown));
  ns.set_blocks(blocks);
  on_workers(
      [key = &ns, blocks](Worker& worker) {
        if (NamespaceView* const view = worker.view(key)) view->set_blocks(blocks);
      },
      [done = std::move(done)] { done({}); });
}

// A namespace grows with its storage. It never shrinks with it: hosts have data there, and the storage may come back; I/O to
// what is not there fails meanwhile.
void Server::storage_changed(Subsystem& subsystem, Namespace& ns, std::uint64_t blocks) {
  const std::string which = fmt::format("namespace {} of {}", ns.nsid(), subsystem.nqn());
  if (blocks < ns.blocks()) {
    notice(fmt::format("{}: its storage has {} blocks now, fewer than the {} that are served: reads beyond them fail",
                       which, blocks, ns.blocks()));
  }
  if (blocks <= ns.blocks()) return;
  notice(fmt::format("{} grows with its storage from {} blocks to {}", which, ns.blocks(), blocks));
  grow(ns, blocks, [this, &subsystem, nsid = ns.nsid(), which](Status grown) {
    if (grown) return tell_controllers(subsystem, nsid);
    notice(fmt::format("{} does not grow: {}", which, grown.error().text));
  });
}

// Alone on what goes away; commands that waited there find the new size.
void Server::shrink(Namespace& ns, std::uint64_t blocks, Done done) {
  const BlockRange lost{blocks, ns.blocks() - blocks};
  ns.gate().want(lost, [&ns, blocks, lost, done = std::move(done)] {
    Status shrunk = ns.backend().resize(blocks);
    if (shrunk) ns.set_blocks(blocks);
    ns.gate().ended(lost, shrunk ? Effect::kReadable : Effect::kNone);
    done(std::move(shrunk));
  });
}

// ---- Storage that fails

void Server::storage_failed(Namespace& ns) {
  ns.faults()->report([this](std::string_view sentence) { notice(sentence); });
  if (faults_.empty()) faults_timer_.set(control_.now() + kFaultsInterval);
  faults_.insert(ns.faults());
}

void Server::sum_up_faults() {
  std::erase_if(faults_, [this](const std::shared_ptr<StorageFaults>& faults) {
    return !faults->sum_up([this](std::string_view sentence) { notice(sentence); });
  });
  if (!faults_.empty()) faults_timer_.set(control_.now() + kFaultsInterval);
}

// ---- Shutdown: what was written is made durable, namespace by namespace, by this thread's way into it.

namespace {

struct ShutdownFlush {
  Worker& worker;
  std::vector<const Namespace*> left;
  std::function<void()> done;
  std::function<void(Namespace&)> failed;
  NamespaceView* view = nullptr;
  BackendOp op{};
  bool durable = true;

  void flushed() {
    durable = durable && op.status.ok();
    StorageFaults& faults = *view->owner().faults();
    if (!op.status.ok() && faults.add(StorageFaults::Step::kFlush, op.status, op.error, 0)) failed(view->owner());
    view->remove_user();
  }
  void next() {
    while (!left.empty()) {
      view = worker.view(*left.back());
      left.pop_back();
      if (view == nullptr) continue;
      view->add_user();
      op.status = {};
      op.error = 0;
      if (view->context().flush(op) == Progress::kPending) return;
      flushed();
    }
    done();  // whoever hears it destroys this, later
  }
};

}  // namespace

void Server::flush_for_shutdown(Controller& controller) {
  const std::uint16_t cntlid = controller.identity().cntlid;
  const std::uint64_t number = controller.identity().number;
  auto flush = std::make_shared<ShutdownFlush>(ShutdownFlush{*worker_list_.front(), {}, {}, {}});
  flush->failed = [this](Namespace& ns) { storage_failed(ns); };
  if (Subsystem* const subsystem = controller.identity().subsystem) {
    for (const auto& [nsid, ns] : subsystem->namespaces) {
      if (ns->facts().info.volatile_cache) flush->left.push_back(ns.get());
    }
  }
  flush->op.ctx = flush.get();
  flush->op.done = [](BackendOp& op) {
    auto& self = *static_cast<ShutdownFlush*>(op.ctx);
    self.flushed();
    self.next();
  };
  flush->done = [this, cntlid, number, flush] {
    const auto it = controllers_.find(cntlid);  // in a small range, perhaps another's by now
    if (it != controllers_.end() && it->second->identity().number == number)
      it->second->shutdown_flushed(flush->durable);
    control_.post([flush] { flush->done = nullptr; });
  };
  flush->next();
}

}  // namespace weft::controller
