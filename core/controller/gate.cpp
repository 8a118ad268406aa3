#include "core/controller/gate.hpp"

#include <utility>

#include "core/controller/namespace.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {

void Gate::want(BlockRange range, Run run) {
  waiting_.push_back({range, std::move(run)});
  if (!busy_) close_next();
}

void Gate::close_next() {
  busy_ = true;
  to_close_ = workers_.size();
  const BlockRange range = waiting_.front().range;
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
  const Run run = std::move(waiting_.front().run);  // what it runs may end it at once
  run();
}

void Gate::mark(const BlockRange& range, IoQueue::Effect effect) {
  if (effect == IoQueue::Effect::kNone || (effect == IoQueue::Effect::kReadable && unreadable_ == nullptr)) return;
  RangeSet marked = unreadable_ == nullptr ? RangeSet() : *unreadable_;
  effect == IoQueue::Effect::kUnreadable ? marked.insert(range) : marked.erase(range);
  unreadable_ = marked.empty() ? nullptr : std::make_shared<const RangeSet>(std::move(marked));
}

void Gate::ended(BlockRange range, IoQueue::Effect effect) {
  mark(range, effect);
  for (Worker* const worker : workers_) {
    // The namespace may have gone when this arrives.
    worker->post([key = &ns_, blocks = ns_.blocks(), unreadable = unreadable_](Worker& w) {
      if (NamespaceView* const view = w.view(key)) view->open_gate(blocks, unreadable);
    });
  }
  waiting_.pop_front();
  busy_ = false;
  if (!waiting_.empty()) close_next();
}

}  // namespace weft::controller
