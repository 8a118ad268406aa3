// lookup.hpp - the addresses of a host, by number at once or by name through the core's resolver.
//
// begin() either has the addresses already or asks; the answer comes between two turns of the group and only tells the
// owner, who acts upon it in the next turn. Ends the question when it dies. Thread: the group's.
// Errors: a sentence with the name in it, stage "resolve".
#ifndef WEFT_PLUGIN_LOOKUP_HPP
#define WEFT_PLUGIN_LOOKUP_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "net_address.hpp"
#include "services.hpp"
#include "weft/plugin.hpp"

namespace weft::plugin {

class Lookup {
 public:
  class Owner {
   public:
    virtual void looked_up() = 0;  // pending() is over

   protected:
    ~Owner() = default;
  };

  Lookup(const Services& services, weft_group* group, Owner& owner, std::string host, std::string service)
      : services_(services), group_(group), owner_(owner), host_(std::move(host)), service_(std::move(service)) {}
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  // Fails at once where that is certain to fail.
  Made<void> begin();
  [[nodiscard]] bool pending() const { return pending_; }
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] const std::vector<NetAddress>& addresses() const { return addresses_; }  // best first
  [[nodiscard]] Failure failure() const;  // when there are none and nothing is pending

 private:
  static void answered(void* self, std::int32_t error, const void* addresses, std::uint32_t length);

  const Services services_;
  weft_group* const group_;
  Owner& owner_;
  const std::string host_, service_;
  bool pending_ = false;
  std::int32_t error_ = 0;
  std::vector<NetAddress> addresses_;
};

}  // namespace weft::plugin

#endif
