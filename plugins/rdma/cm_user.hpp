// cm_user.hpp - who hears the events of an id of the connection manager (Group::hear). Thread: the group's.
#ifndef WEFT_RDMA_CM_USER_HPP
#define WEFT_RDMA_CM_USER_HPP

#include "verbs.hpp"

namespace weft::rdma {

class CmUser {
 public:
  virtual void on_cm_event(verbs::CmEvent& event) = 0;  // from inside a turn; the id may be deleted here

 protected:
  ~CmUser() = default;
};

}  // namespace weft::rdma

#endif
