#include <uv.h>

#include <tidewire/core/log_limit.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/mailbox.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/standard_streams.h>
#include <algorithm>
#include <cassert>
#include <climits>
#include <csignal>
#include <new>
#include <string>
#include <thread>

namespace tidewire {
namespace {

// libuv writes to sockets without MSG_NOSIGNAL.
void ignore_broken_pipes() noexcept {
  struct sigaction current {};
  if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

PostStatus LoopRemote::post(Task task, std::size_t bytes) const { return mailbox_->post(std::move(task), bytes); }
void LoopRemote::when_room(const Loop& here, Task then) const { mailbox_->when_room(here.mailbox_, std::move(then)); }
PostStatus LoopRemote::post_waiting(Task task, std::size_t bytes) const {
  return mailbox_->post_waiting(std::move(task), bytes);
}
PostStatus LoopRemote::post_past_limits(Task task) const { return mailbox_->post_past_limits(std::move(task)); }
bool LoopRemote::in_thread() const noexcept { return mailbox_->in_thread(); }
bool LoopRemote::usable() const noexcept {
  return mailbox_->in_thread() || !mailbox_->running() || mailbox_->inherited();
}
bool LoopRemote::inherited() const noexcept { return mailbox_->inherited(); }

/// The libuv handles behind a loop. libuv keeps them until their close callbacks have run, so they are an
/// object of their own, and the last callback frees it.
struct Loop::Handles {
  explicit Handles(Loop& owner) : loop(&owner) {}

  template <class Handle>
  void adopt(Handle& handle) {
    handle.data = this;
    ++open;
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
  }
  template <class Handle>
  static Handles& of(Handle* handle) {
    return *static_cast<Handles*>(handle->data);
  }
  static void on_closed(uv_handle_t* handle) {
    Handles& handles = of(handle);
    if (--handles.open == 0) delete &handles;
  }
  void close() {
    loop = nullptr;
    for (auto* handle : {reinterpret_cast<uv_handle_t*>(&wake), reinterpret_cast<uv_handle_t*>(&before_wait),
                         reinterpret_cast<uv_handle_t*>(&after_wait), reinterpret_cast<uv_handle_t*>(&backlog),
                         reinterpret_cast<uv_handle_t*>(&wheel)}) {
      uv_close(handle, on_closed);
    }
    if (sockets.data != nullptr) uv_close(reinterpret_cast<uv_handle_t*>(&sockets), on_closed);
  }

  Loop* loop;
  int open = 0;
  uv_async_t wake{};
  uv_prepare_t before_wait{};
  uv_check_t after_wait{};
  // Where libuv waits: it does not as long as the first is active, nor beyond the second.
  uv_idle_t backlog{};
  uv_timer_t wheel{};
  uv_poll_t sockets{};  // Only where the caller runs the loop.
  bool sockets_ready = false;
};

/// The time for which a thread runs the loop.
class Loop::Running {
 public:
  Running(Loop& loop, const char* what) : mailbox_(*loop.mailbox_) {
    require_own(what);
    if (mailbox_.begin_run()) return;
    throw refused(what, mailbox_.in_thread() ? "within a callback of the loop" : "while another thread runs the loop");
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { mailbox_.end_run(); }

  void require_own(const char* what) const {
    if (mailbox_.inherited())
      throw refused(what, "in a child process: the loop is its parent's; make one after the fork");
  }

 private:
  static Failure refused(const char* what, const char* where) {
    return Failure({Errc::misuse, std::string(what) + " " + where});
  }

  Mailbox& mailbox_;
};

struct Loop::SignalWatch {
  Loop* loop;
  std::shared_ptr<std::function<void()>> handler;
  uv_signal_t handle{};
};

Loop::Loop(Polling polling)
    : mailbox_(std::make_shared<Mailbox>()), owned_(std::make_unique<uv_loop_t>()), native_(owned_.get()) {
  // libuv's descriptors of its own stay where they are: what is logged must not go into its signal pipe.
  const HeldStandardStreams held;
  if (const int status = uv_loop_init(native_); status != 0) throw Failure(Error::system(status, "event loop"));
  try {
    start(polling);
  } catch (...) {
    uv_loop_close(native_);
    throw;
  }
}

Loop::Loop(uv_loop_s& theirs, Polling polling) : mailbox_(std::make_shared<Mailbox>()), native_(&theirs) {
  start(polling);
}

void Loop::start(Polling polling) {
  ignore_broken_pipes();
  auto handles = std::make_unique<Handles>(*this);
  handles_ = handles.get();
  if (polling == Polling::native) poll_set_ = PollSet::make();
  if (poll_set_) join_poll_set();
  // Of these only the async handle can fail, when the process is out of descriptors.
  const int status = uv_async_init(native_, &handles_->wake, [](uv_async_t* async) {
    Loop* loop = Handles::of(async).loop;
    if (loop == nullptr) return;
    for (Task& task : loop->mailbox_->take()) loop->guard("posted task", task);
  });
  if (handles_->open != 0 || status == 0) (void)handles.release();
  if (status != 0) {
    if (handles_->open != 0) uv_close(reinterpret_cast<uv_handle_t*>(&handles_->sockets), Handles::on_closed);
    throw Failure(Error::system(status, "event loop"));
  }
  uv_prepare_init(native_, &handles_->before_wait);
  uv_check_init(native_, &handles_->after_wait);
  uv_idle_init(native_, &handles_->backlog);
  uv_timer_init(native_, &handles_->wheel);
  uv_prepare_start(&handles_->before_wait, [](uv_prepare_t* handle) {
    if (Loop* loop = Handles::of(handle).loop) loop->before_libuv_waits();
  });
  uv_check_start(&handles_->after_wait, [](uv_check_t* handle) {
    if (Loop* loop = Handles::of(handle).loop) loop->after_libuv_waited();
  });
  handles_->adopt(handles_->wake);
  handles_->adopt(handles_->before_wait);
  handles_->adopt(handles_->after_wait);
  handles_->adopt(handles_->backlog);
  handles_->adopt(handles_->wheel);
  mailbox_->open(&handles_->wake);
  if (!owned_) Mailbox::adopt_on_thread(1);
  clock_ = LoopClock(uv_now(native_));
}

/// Has libuv and our own descriptors wait as one. A loop that we run waits in our set, of which libuv's is a
/// member: traffic alone then costs one wait a turn. A loop that the caller runs waits in libuv's.
void Loop::join_poll_set() {
  if (owned_) {
    const int status = poll_set_->add_guest(uv_backend_fd(native_));
    if (status != 0) throw Failure(Error::system(status, "event loop"));
    return;
  }
  const int status = uv_poll_init(native_, &handles_->sockets, poll_set_->descriptor());
  if (status != 0) throw Failure(Error::system(status, "event loop"));
  handles_->adopt(handles_->sockets);
  uv_poll_start(&handles_->sockets, UV_READABLE,
                [](uv_poll_t* poll, int, int) { Handles::of(poll).sockets_ready = true; });
}

Loop::~Loop() {
  assert(in_thread());
  if (inherited()) {
    leave_to_parent();
    return;
  }
  if (!owned_) Mailbox::adopt_on_thread(-1);
  mailbox_->close();
  end_turn();
  for (SignalWatch* watch : signals_) {
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle),
             [](uv_handle_t* handle) { delete static_cast<SignalWatch*>(handle->data); });
  }
  signals_.clear();
  // Everything on this loop has been closed by now; libuv only has to be let through the close callbacks,
  // while what they use is still there. The bounds are for a handle that someone left open against the
  // contract: leaked, not waited for.
  for (int turn = 0; owned_ && turn < 1000 && uv_loop_alive(native_) != 0; ++turn) {
    uv_run(native_, UV_RUN_NOWAIT);
    end_turn();
  }
  handles_->close();
  if (!owned_) return;
  for (int turn = 0; turn < 1000 && uv_loop_close(native_) == UV_EBUSY; ++turn) uv_run(native_, UV_RUN_NOWAIT);
}

/// In a child process: libuv's way to close would take the parent's descriptors out of sets that both share. Our own
/// copies of them are closed where libuv has no part in it, and the rest is left as it is until exec or exit.
void Loop::leave_to_parent() noexcept {
  (void)owned_.release();
  (void)retired_.release();
  for (auto& local : locals_) (void)local.release();
  // The tasks in it own what is the parent's, too.
  (void)new (std::nothrow) std::shared_ptr<Mailbox>(mailbox_);
}

void Loop::run() {
  const Running running(*this, "run");
  struct Consumed {
    ~Consumed() { mailbox.take_stop(); }
    Mailbox& mailbox;
  } const consumed{*mailbox_};
  while (!mailbox_->take_stop()) {
    if (!take_turn(true)) break;
    // A child that was forked in a callback, and returned from it.
    running.require_own("run");
  }
}

bool Loop::run_once(bool wait) {
  const Running running(*this, "run_once");
  return take_turn(wait);
}

bool Loop::take_turn(bool wait) {
  // What was written since the last turn is this one's work: whoever counts turns must not wait for an event.
  if (dirty_ != nullptr || retired_) {
    end_turn();
    wait = false;
  }
  if (uv_loop_alive(native_) != 0) {
    turn(wait);
    // libuv ends a turn with timers: what they wrote has no need to wait for the next.
    end_turn();
  } else if (!mailbox_->empty()) {
    // A task is work, though libuv does not know of it; there is nothing else to wait for.
    const KeepAlive awake(*this);
    uv_run(native_, UV_RUN_NOWAIT);
    end_turn();
  }
  return uv_loop_alive(native_) != 0 || !mailbox_->empty();
}

void Loop::turn(bool wait) noexcept {
  if (!owned_ || !poll_set_) {
    uv_run(native_, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    return;
  }
  // libuv reckons its timers from when it last looked at the clock.
  if (wait) uv_update_time(native_);
  const int timeout = wait ? patience() : 0;
  clock_.begin_wait(uv_now(native_), timeout);
  poll_set_->wait(timeout);
  uv_update_time(native_);
  note_absence();
  const std::uint64_t looked_ms = uv_now(native_);
  const bool wheel_due = wheel_is_due(looked_ms);
  budget_.begin_turn();
  serve(wheel_due);
  end_turn();
  if (wheel_due) turn_wheel(looked_ms);
  // A timeout of 0 is a timer that is due, or a handle that was started, stopped or closed.
  if (poll_set_->take_guest_ready() || uv_backend_timeout(native_) == 0) uv_run(native_, UV_RUN_NOWAIT);
}

/// How long a wait of our own may last.
int Loop::patience() const noexcept {
  if (has_backlog()) return 0;
  const int timeout = uv_backend_timeout(native_);
  if (wheel_due_ms_ == 0 || timeout == 0) return timeout;
  const std::uint64_t now_ms = uv_now(native_);
  if (wheel_due_ms_ <= now_ms) return 0;
  const auto until_due = static_cast<int>(std::min<std::uint64_t>(wheel_due_ms_ - now_ms, INT_MAX));
  return timeout < 0 ? until_due : std::min(timeout, until_due);
}

/// After a wait: time in which the loop was away is not held against its peers.
void Loop::note_absence() noexcept {
  const std::uint64_t away_ms = clock_.end_wait(uv_now(native_));
  if (away_ms == 0) return;
  if (wheel_due_ms_ != 0) wheel_due_ms_ += away_ms;
  log_limited(*this, LogLevel::warning, "the loop did not run for a while", [away_ms] {
    const std::uint64_t tenths = away_ms / 100;
    return "the loop did not run for " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
           " s; deadlines move by as much";
  });
}

/// Serves what was found ready and what waits to go on, in turns, until the turn's budget is spent. What is left goes
/// first in the next turn. `all`: serves everything once, and all that is ready by now.
void Loop::serve(bool all) noexcept {
  std::size_t to_resume = resumed_.size();
  // A peer that sends on becomes ready again and again: the pass must end all the same.
  std::size_t looks = all && poll_set_ ? poll_set_->members() / PollSet::capacity + 1 : 0;
  bool looked = false;
  while (all || !budget_.turn_spent()) {
    budget_.begin_slice();
    bool served = poll_set_ && poll_set_->serve_one();
    if (to_resume != 0 && !resumed_.empty()) {
      --to_resume;
      served = true;
      budget_.begin_slice();
      resumed_.serve_first();
    }
    if (served) continue;
    if (looks == 0 || (looked && !poll_set_->may_have_more())) return;
    --looks;
    looked = true;
    poll_set_->wait(0);
  }
}

/// Whether there is something to do that no event will announce.
bool Loop::has_backlog() const noexcept {
  return !resumed_.empty() || (poll_set_ && poll_set_->has_unserved()) ||
         (libuv_waits() && wheel_is_due(uv_now(native_)));
}

void Loop::resume_later(Resumable& waiting) noexcept {
  assert(in_thread());
  resumed_.add(waiting);
  stay();
}

void Loop::before_libuv_waits() noexcept {
  end_turn();
  if (!libuv_waits()) return;
  uv_update_time(native_);
  looked_ms_ = uv_now(native_);
  clock_.begin_wait(looked_ms_, uv_backend_timeout(native_));
  budget_.begin_turn();
}

/// libuv runs its timers before it polls, and the wheel's is one of them. So the wheel waits for the poll.
void Loop::after_libuv_waited() noexcept {
  if (libuv_waits()) {
    note_absence();
    const bool wheel_due = wheel_is_due(looked_ms_);
    const bool sockets_ready = std::exchange(handles_->sockets_ready, false);
    if (poll_set_ && (sockets_ready || wheel_due || poll_set_->has_unserved())) poll_set_->wait(0);
    serve(wheel_due);
    end_turn();
    if (wheel_due) turn_wheel(looked_ms_);
  }
  end_turn();
}

/// Keeps libuv's loop running until the end of the turn, where there is something to do.
void Loop::stay() noexcept {
  uv_ref(reinterpret_cast<uv_handle_t*>(&handles_->before_wait));
  if (libuv_waits()) uv_idle_start(&handles_->backlog, [](uv_idle_t*) {});
}

void Loop::stop() noexcept { mailbox_->stop(); }

void Loop::set_post_limits(const PostLimits& limits) { mailbox_->set_limits(limits); }

// A loop that the caller runs does not know when it does.
bool Loop::in_thread() const noexcept {
  return mailbox_->in_thread() || (owned_ && !mailbox_->running()) || mailbox_->inherited();
}

bool Loop::inherited() const noexcept { return mailbox_->inherited(); }

void Loop::log(LogLevel level, std::string_view line) noexcept {
  if (!log_sink_) return;
  try {
    log_sink_(level, line);
  } catch (...) {
    // A sink that fails has nowhere to say so.
    return;
  }
}

void Loop::log_exception(const char* where) noexcept {
  if (!LogLimit::admit(*this, LogLevel::error, where)) return;
  try {
    const std::string line = std::string("exception in a ") + where;
    try {
      throw;
    } catch (const std::exception& thrown) {
      log(LogLevel::error, line + ": " + thrown.what());
    } catch (...) {
      log(LogLevel::error, line);
    }
  } catch (...) {
    // Not even memory for the line.
    log(LogLevel::error, where);
  }
}

Result<void> Loop::on_signal(std::initializer_list<int> numbers, std::function<void()> handler) {
  assert(in_thread());
  const HeldStandardStreams held;
  const auto shared = std::make_shared<std::function<void()>>(std::move(handler));
  for (const int signal : numbers) {
    auto watch = std::make_unique<SignalWatch>(SignalWatch{.loop = this, .handler = shared});
    signals_.reserve(signals_.size() + 1);
    if (const int status = uv_signal_init(native_, &watch->handle); status != 0) {
      return Error::system(status, "signal " + std::to_string(signal));
    }
    SignalWatch* started = watch.release();
    started->handle.data = started;
    signals_.push_back(started);
    const int status = uv_signal_start(
        &started->handle,
        [](uv_signal_t* handle, int) {
          const auto& arrived = *static_cast<SignalWatch*>(handle->data);
          arrived.loop->guard("signal handler", *arrived.handler);
        },
        signal);
    if (status != 0) return Error::system(status, "signal " + std::to_string(signal));
    uv_unref(reinterpret_cast<uv_handle_t*>(&started->handle));
  }
  return {};
}

void Loop::hold() noexcept {
  assert(in_thread());
  if (holds_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&handles_->wake));
}

void Loop::let_go() noexcept {
  assert(in_thread());
  if (--holds_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->wake));
}

Loop::KeepAlive::KeepAlive(Loop& loop) : loop_(&loop) { loop.hold(); }

Loop::KeepAlive::~KeepAlive() {
  if (loop_ != nullptr) loop_->let_go();
}

Tick Loop::now() const noexcept { return clock_.tick(uv_now(native_)); }

Tick Loop::ticks(std::chrono::milliseconds duration) noexcept {
  // Half the range is the furthest that a wrapping count can tell from the past; half of that, more than a
  // year, leaves room for a wheel that lags behind.
  constexpr std::chrono::milliseconds furthest = tick_length * (INT32_MAX / 2);
  const auto bounded = std::clamp(duration, tick_length, furthest);
  return static_cast<Tick>((bounded + tick_length - std::chrono::milliseconds(1)) / tick_length);
}

void Loop::arm_at(Deadline& deadline, Tick due) noexcept {
  wheel_.arm(deadline, due);
  schedule_wheel(deadline.due());
}

void Loop::schedule_wheel(Tick due) noexcept {
  const Tick current = now();
  const Tick at = static_cast<std::int32_t>(due - current) > 0 ? due : current + 1;
  const std::uint64_t due_ms = clock_.beginning_of(at, uv_now(native_));
  if (wheel_due_ms_ != 0 && wheel_due_ms_ <= due_ms) return;
  wheel_due_ms_ = due_ms;
  if (libuv_waits()) start_wheel_timer();
}

/// Has libuv wait no longer than until the wheel is due.
void Loop::start_wheel_timer() noexcept {
  const std::uint64_t now_ms = uv_now(native_);
  uv_timer_start(
      &handles_->wheel,
      [](uv_timer_t* timer) {
        Loop* loop = Handles::of(timer).loop;
        if (loop == nullptr || loop->wheel_due_ms_ == 0) return;
        // It moved if the loop was away.
        loop->wheel_is_due(uv_now(loop->native_)) ? loop->stay() : loop->start_wheel_timer();
      },
      wheel_due_ms_ > now_ms ? wheel_due_ms_ - now_ms : 0, 0);
}

/// Everything that was ready at `looked_ms` has been served.
void Loop::turn_wheel(std::uint64_t looked_ms) noexcept {
  wheel_due_ms_ = 0;
  wheel_.advance(clock_.tick(looked_ms));
  if (const auto next = wheel_.next()) schedule_wheel(*next);
}

void Loop::flush_later(Flushable& dirty) noexcept {
  assert(in_thread());
  dirty.next_dirty_ = nullptr;
  *dirty_end_ = &dirty;
  dirty_end_ = &dirty.next_dirty_;
  stay();
}

void Loop::retire(std::unique_ptr<Retired> object) noexcept {
  assert(in_thread());
  object->next_retired_ = std::move(retired_);
  retired_ = std::move(object);
  stay();
}

void Loop::end_turn() noexcept {
  if (inherited()) return;
  // A flush may make others dirty (a full queue drained, and its application writes on). They have their
  // turn too, a bounded number of times: the loop must also get to wait for its sockets.
  for (int pass = 0; pass < 8 && dirty_ != nullptr; ++pass) {
    Flushable* dirty = std::exchange(dirty_, nullptr);
    dirty_end_ = &dirty_;
    while (dirty != nullptr) std::exchange(dirty, dirty->next_dirty_)->flush();
  }
  if (dirty_ != nullptr) {
    // What was retired may be among them.
    uv_async_send(&handles_->wake);
    return;
  }
  // One by one: a list of many must not be destroyed by recursion, and a destructor may retire others.
  while (retired_) {
    const std::unique_ptr<Retired> object = std::move(retired_);
    retired_ = std::move(object->next_retired_);
  }
  if (dirty_ != nullptr) {
    uv_async_send(&handles_->wake);
  } else if (!has_backlog()) {
    uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->before_wait));
    if (libuv_waits()) uv_idle_stop(&handles_->backlog);
  } else {
    stay();
  }
}

}  // namespace tidewire
