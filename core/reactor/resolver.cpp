#include "core/reactor/resolver.hpp"

#include <netdb.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(100);  // how long the destructor waits for helpers

std::int32_t to_errno(int code) {
  switch (code) {
    case EAI_NONAME:
    case EAI_SERVICE:
    case EAI_NODATA:
      return -ENOENT;
    case EAI_AGAIN:
      return -EAGAIN;
    case EAI_MEMORY:
      return -ENOMEM;
    case EAI_FAMILY:
    case EAI_ADDRFAMILY:
      return -EAFNOSUPPORT;
    case EAI_SYSTEM:
      return errno != 0 ? -errno : -EIO;
    case EAI_FAIL:
      return -EIO;
    default:
      return -EINVAL;
  }
}

Resolver::Answer look_up(const std::string& host, const std::string& service, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each kind of socket
  hints.ai_flags = flags | (host.empty() ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const int code =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.empty() ? nullptr : service.c_str(), &hints, &list);
  Resolver::Answer answer;
  if (code != 0) {
    answer.error = to_errno(code);
    return answer;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_addrlen > answer.addresses.size() - answer.length) break;
    std::memcpy(answer.addresses.data() + answer.length, entry->ai_addr, entry->ai_addrlen);
    answer.length += static_cast<std::uint32_t>(entry->ai_addrlen);
  }
  ::freeaddrinfo(list);
  if (answer.length == 0) answer.error = -ENOENT;
  return answer;
}

// localhost or ends in .localhost (RFC 6761).
bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < kName.size()) return false;
  const std::string_view before = host.substr(0, host.size() - kName.size());
  if (!before.empty() && before.back() != '.') return false;
  return ::strncasecmp(host.data() + before.size(), kName.data(), kName.size()) == 0;
}

Resolver::Answer look_up_numeric(const std::string& host, const std::string& service) {
  if (host.empty() && service.empty()) {  // getaddrinfo takes this for a mistake; here: any address, any port
    return look_up(host, "0", AI_NUMERICHOST | AI_NUMERICSERV);
  }
  return look_up(host, service, AI_NUMERICHOST | AI_NUMERICSERV);
}

}  // namespace

struct Resolver::Shared {
  struct Job {
    std::uint64_t id;
    std::string host, service;
  };

  explicit Shared(Lookup function) : look_up(function) {}

  const Lookup look_up;
  std::mutex mutex;
  std::condition_variable worker_ended;
  // All below guarded by mutex.
  std::deque<Job> jobs;
  std::array<bool, kMaxWorkers> busy{};
  std::shared_ptr<Mailbox> mailbox;
  Resolver* owner = nullptr;  // null once it is gone; used only inside tasks, which the owner's thread runs
};

Resolver::Answer Resolver::look_up_name(const std::string& host, const std::string& service) {
  // A machine without an IPv6 address is not to be sent to one. Loopback addresses do not count as its own, though: where
  // there is but an IPv6 link-local one besides, 127.0.0.1 would not be found.
  return look_up(host, service, is_localhost(host) ? 0 : AI_ADDRCONFIG);
}

Resolver::Resolver(std::shared_ptr<Mailbox> mailbox, Lookup look_up) : shared_(std::make_shared<Shared>(look_up)) {
  shared_->mailbox = std::move(mailbox);
  shared_->owner = this;
}

Resolver::~Resolver() {
  std::unique_lock lock(shared_->mutex);
  shared_->owner = nullptr;
  shared_->mailbox.reset();
  shared_->jobs.clear();
  const auto all_idle = [this] { return std::ranges::none_of(shared_->busy, [](bool busy) { return busy; }); };
  shared_->worker_ended.wait_for(lock, kPatience, all_idle);
  const std::array<bool, kMaxWorkers> hangs = shared_->busy;
  lock.unlock();
  for (std::size_t i = 0; i < kMaxWorkers; ++i) {
    if (!workers_[i].joinable()) continue;
    if (hangs[i]) {
      workers_[i].detach();
    } else {
      workers_[i].join();
    }
  }
}

void Resolver::resolve(const char* host, const char* service, void* key, Done done) {
  const std::uint64_t id = ++last_id_;
  requests_.push_back({id, key, done});
  std::string host_name = host != nullptr ? host : "";
  std::string service_name = service != nullptr ? service : "";
  Answer answer = look_up_numeric(host_name, service_name);
  if (answer.error == -ENOENT && !host_name.empty()) {  // not numeric
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->jobs.push_back({id, std::move(host_name), std::move(service_name)});
    }
    if (start_worker()) return;
    answer.error = -EAGAIN;
  }
  shared_->mailbox->post([this, id, answer] { finish(id, answer); });
}

// A name that no helper has taken yet is not looked up: it would only hold up those behind it.
void Resolver::cancel(void* key) {
  const std::lock_guard lock(shared_->mutex);
  std::erase_if(requests_, [&](const Request& request) {
    if (request.key != key) return false;
    std::erase_if(shared_->jobs, [&](const Shared::Job& job) { return job.id == request.id; });
    return true;
  });
}

void Resolver::finish(std::uint64_t id, const Answer& answer) {
  const auto found = std::ranges::find(requests_, id, &Request::id);
  if (found == requests_.end()) return;  // cancelled
  const Request request = *found;
  requests_.erase(found);
  const bool good = answer.error == 0;
  request.done(request.key, answer.error, good ? answer.addresses.data() : nullptr, good ? answer.length : 0);
}

// True: some helper will take the job that was queued. False: there is none and none can be made; the job is dropped.
bool Resolver::start_worker() {
  std::unique_lock lock(shared_->mutex);
  const auto idle = std::ranges::find(shared_->busy, false);
  if (idle == shared_->busy.end()) return true;
  const auto worker = static_cast<std::size_t>(idle - shared_->busy.begin());
  if (workers_[worker].joinable()) workers_[worker].join();  // it gave up `busy` as its last act

  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
  bool started = true;
  try {
    workers_[worker] = std::thread(&Resolver::work, shared_, worker);
    *idle = true;
  } catch (const std::system_error&) {
    started = std::ranges::find(shared_->busy, true) != shared_->busy.end();
    if (!started) shared_->jobs.pop_back();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void Resolver::work(const std::shared_ptr<Shared>& shared, std::size_t worker) {
  ::pthread_setname_np(::pthread_self(), "weft-resolve");
  std::unique_lock lock(shared->mutex);
  while (!shared->jobs.empty()) {
    const Shared::Job job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    const Answer answer = shared->look_up(job.host, job.service);
    lock.lock();
    if (shared->owner == nullptr) break;
    // The reactor runs the task, and it dies after its resolver: `owner` is alive when the task runs.
    shared->mailbox->post([owner = shared->owner, id = job.id, answer] { owner->finish(id, answer); });
  }
  shared->busy[worker] = false;
  shared->worker_ended.notify_all();
}

}  // namespace weft
