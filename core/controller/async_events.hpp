// async_events.hpp - asynchronous event requests that are held, and events that are waiting for one.
//
// An event that was reported is masked until its log page is read without RAE. Thread rule: the control thread.
// Ownership: a held request is this object's until it is answered.
#ifndef WEFT_CORE_CONTROLLER_ASYNC_EVENTS_HPP
#define WEFT_CORE_CONTROLLER_ASYNC_EVENTS_HPP

#include <array>
#include <cstdint>

#include "core/controller/admin_request.hpp"
#include "core/util/intrusive_list.hpp"

namespace weft::controller {

inline constexpr std::uint32_t kMaxAsyncEventRequests = 4;  // AERL + 1

class AsyncEvents {
 public:
  enum Event : std::uint8_t { kNamespaceAttribute, kDiscoveryLog };

  void configure(std::uint32_t enables) { enables_ = enables; }
  [[nodiscard]] std::uint32_t enables() const { return enables_; }
  // False: too many are held.
  [[nodiscard]] bool hold(AdminRequest& request);
  void raise(Event event);
  void log_page_read(std::uint8_t lid);
  [[nodiscard]] bool abort(std::uint16_t cid);
  void drop(AdminRequest& request);    // back to its worker, if it is held
  void answer_all(NvmeStatus status);  // the controller is reset, or its admin queue ends

 private:
  static constexpr std::size_t kEvents = 2;
  void report();

  IntrusiveList<Claim> held_;
  std::uint32_t count_ = 0;
  std::uint32_t enables_ = 0;
  std::array<bool, kEvents> pending_{}, masked_{};
};

// Back to its worker.
void give_back(AdminRequest& request, const Answer& answer);

}  // namespace weft::controller

#endif
