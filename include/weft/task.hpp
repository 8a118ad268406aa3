// task.hpp - coroutines for flows of many steps: Weft's own control paths, and applications' (coroutine.hpp).
//
//   Task<Status> enable(Association& association) { co_return co_await write_cc(association, kEnable); }
//   Detached run(Association& association) { if (co_await enable(association)) { ... } }   // starts at once, owns itself
//
// A Task starts when it is awaited and belongs to who awaits it. Nothing cancels a task from outside: what it waits for
// ends with an error instead, and it unwinds by returning. One thread. Each call of such a function allocates its frame:
// not for a single I/O, but a flow may do any number of I/Os. An exception that leaves one terminates the program.
#ifndef WEFT_TASK_HPP
#define WEFT_TASK_HPP

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace weft {

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> next;

    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().next;
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T result) { value.emplace(std::move(result)); }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Task(std::coroutine_handle<promise_type> self) : self_(self) {}
  Task(Task&& other) noexcept : self_(std::exchange(other.self_, {})) {}
  ~Task() {
    if (self_) self_.destroy();
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    self_.promise().next = awaiting;
    return self_;
  }
  T await_resume() { return std::move(*self_.promise().value); }

 private:
  std::coroutine_handle<promise_type> self_;
};

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

}  // namespace weft

#endif
