// transport.hpp - finds and loads transports: a scheme becomes a Transport, the core's view of one plugin's table.
//
//   TransportRegistry registry(SearchPath::standard({"/opt/acme/weft"}));
//   Result<Transport *> tcp = registry.find("tcp", WEFT_ROLE_HOST);
//
// main builds the registry; nothing registers itself. A registry lives until all that was opened through its transports is
// closed; a plugin, once loaded, stays in the process. Asking for a scheme runs code of the plugins that are looked at:
// which files may be loaded at all is decided before that, by owner, mode and ELF check (core/plugin/loader.hpp).
// Thread rule: any thread; a mutex inside (control path only). Ownership: the registry owns its transports.
// Errors: a sentence that names the scheme, the folders, and each file refused with the reason.
#ifndef WEFT_TRANSPORT_HPP
#define WEFT_TRANSPORT_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/address.hpp"
#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

// The folders that are searched for libweft-*.so, in order.
struct SearchPath {
  std::vector<std::string> folders;
  // `given` first, then WEFT_PLUGIN_PATH (colons between; not when the process runs with raised privileges), then the
  // build tree's plugins for a program that runs from that tree, the installed package's folder for any other.
  [[nodiscard]] static SearchPath standard(std::vector<std::string> given = {});
};

// One transport: loaded from a file, or added as a table. Neither copies nor moves.
class Transport {
 public:
  // `table` is a checked copy (core/plugin/table.hpp); what its strings point to lives as long as the process.
  Transport(const weft_transport& table, std::string origin);
  ~Transport();  // closes the domain: every group and region of it must be gone
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // The core's copy: what lies beyond the plugin's own table is null or 0. `size` is what both sides know.
  [[nodiscard]] const weft_transport& table() const { return table_; }
  [[nodiscard]] std::string_view name() const { return table_.name; }
  [[nodiscard]] std::string_view version() const { return table_.version; }
  [[nodiscard]] const std::string& origin() const { return origin_; }  // the file, or what add() was told
  [[nodiscard]] std::span<const weft_option_info> options() const { return options_; }
  [[nodiscard]] bool has_role(std::uint32_t role) const { return (table_.roles & role) == role; }
  [[nodiscard]] bool has_regions() const { return table_.region_register != nullptr; }
  // The core splits host:port for a transport that names a default service.
  [[nodiscard]] bool splits_service() const { return table_.default_trsvcid != nullptr; }

  // Options of the whole transport, as people write them: what it declares, for every address that does not say otherwise,
  // and what only the whole can have. They come with the domain: EBUSY once that is open. Again: in place of the former.
  [[nodiscard]] Status set_options(std::span<const Option> options);
  // Opened by the first call, which decides the services; later calls give the same domain. `services` must outlive this
  // object.
  [[nodiscard]] Result<weft_domain*> domain(const weft_services& services);
  // The same with services that this object keeps: those of the first call, which services() then gives.
  [[nodiscard]] Result<weft_domain*> domain(std::shared_ptr<const weft_services> services);
  [[nodiscard]] std::shared_ptr<const weft_services> services();

 private:
  const weft_transport table_;
  const std::string origin_;
  const std::span<const weft_option_info> options_;
  std::mutex mutex_;                    // guards what follows
  std::vector<Option> domain_options_;  // in the form that plugins are given
  weft_domain* domain_ = nullptr;
  std::shared_ptr<const weft_services> services_;
};

// A file (or a table given to add()) that was looked at, and what came of it. libweft-NAME.absent is a note that a build left
// in the place of a transport that it left out: never accepted, its line is the reason.
struct Candidate {
  std::string path;
  bool accepted = false;
  std::string reason;  // why it was refused; of an accepted one: why it last declined an address, or ""
  const Transport* transport = nullptr;  // of an accepted one
};

class TransportRegistry {
 public:
  explicit TransportRegistry(SearchPath path = SearchPath::standard());
  ~TransportRegistry();
  TransportRegistry(const TransportRegistry&) = delete;
  TransportRegistry& operator=(const TransportRegistry&) = delete;

  // A transport without a file: tests, and programs that link one. `table` and what it points to outlive the registry.
  [[nodiscard]] Status add(const weft_transport* table, std::string origin = "built in");

  // The transport for an address in that role (WEFT_ROLE_*): of those with its scheme, the highest priority that claims it;
  // equal ones in the order in which they were found. Loads what is needed. Options are the caller's to check.
  [[nodiscard]] Result<Transport*> find(const Address& address, std::uint32_t role);
  // The same for a scheme; an address in the transports' form may be given.
  [[nodiscard]] Result<Transport*> find(std::string_view scheme, std::uint32_t role,
                                        const weft_address* address = nullptr);

  void load_all();                                     // every libweft-*.so of the search path
  [[nodiscard]] std::vector<Transport*> transports();  // accepted so far, by name, then by priority
  [[nodiscard]] std::vector<Candidate> candidates();   // everything looked at so far, in that order
  [[nodiscard]] const SearchPath& search_path() const { return path_; }

 private:
  // 0: takes it; -ENOTSUP: the next one is asked.
  using Claims = std::function<int(const Transport&, weft_error&)>;
  [[nodiscard]] Result<Transport*> choose(std::string_view scheme, std::uint32_t role, const Claims& claims);

  struct Impl;
  const SearchPath path_;
  std::unique_ptr<Impl> impl_;
};

// What a failed call of a transport says: its code (`rc` when the plugin left it 0), stage and text; `otherwise` is the
// sentence when the plugin gave none.
[[nodiscard]] Error to_error(int rc, const weft_error& error, std::string_view otherwise);

// An empty weft_error to pass to a plugin.
[[nodiscard]] inline weft_error empty_error() {
  weft_error error{};
  error.size = sizeof error;
  return error;
}

}  // namespace weft

#endif
