#include "core/controller/gate.hpp"

#include <algorithm>
#include <utility>

#include "core/controller/namespace.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {

void Gate::want(BlockRange range, Run run, const void* host) {
  auto of_host = std::find_if(waiting_.begin(), waiting_.end(), [host](const HostWants& h) { return h.host == host; });
  if (of_host == waiting_.end()) of_host = waiting_.insert(waiting_.end(), HostWants{host, {}});
  of_host->wants.push_back({range, std::move(run)});
  if (!busy_) close_next();
}

void Gate::close_next() {
  busy_ = true;
  to_close_ = workers_.size();
  HostWants& next = waiting_.front();
  const BlockRange range = next.wants.front().range;
  run_ = std::move(next.wants.front().run);
  next.wants.pop_front();
  if (next.wants.empty()) {
    waiting_.pop_front();
  } else {
    waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
  }
  for (Worker* const worker : workers_) {
    worker->post([this, range](Worker& w) {
      auto done = [this] { control_.post([this] { closed(); }); };
      if (NamespaceView* const view = w.view(&ns_)) {
        view->close_gate(range, std::move(done));
      } else {
        done();  // nothing of it is left there
      }
    });
  }
}

void Gate::closed() {
  if (--to_close_ != 0) return;
  const Run run = std::move(run_);  // what it runs may end it at once
  run();
}

void Gate::mark(const BlockRange& range, Effect effect) {
  if (effect == Effect::kNone || (effect == Effect::kReadable && unreadable_ == nullptr)) return;
  RangeSet marked = unreadable_ == nullptr ? RangeSet() : *unreadable_;
  effect == Effect::kUnreadable ? marked.insert(range) : marked.erase(range);
  unreadable_ = marked.empty() ? nullptr : std::make_shared<const RangeSet>(std::move(marked));
}

void Gate::ended(BlockRange range, Effect effect) {
  mark(range, effect);
  for (Worker* const worker : workers_) {
    // The namespace may have gone when this arrives.
    worker->post([key = &ns_, blocks = ns_.blocks(), unreadable = unreadable_](Worker& w) {
      if (NamespaceView* const view = w.view(key)) view->open_gate(blocks, unreadable);
    });
  }
  busy_ = false;
  if (!waiting_.empty()) close_next();
}

}  // namespace weft::controller
