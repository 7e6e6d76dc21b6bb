#include <uv.h>

#include <tidewire/core/log_limit.h>
#include <tidewire/core/loop_internal.h>
#include <tidewire/core/mailbox.h>
#include <tidewire/core/poll_set.h>
#include <algorithm>
#include <cassert>
#include <climits>
#include <string>
#include <utility>

/// A loop's turns: waiting, serving what is ready within the turn's budget, flushing, and the wheel of deadlines.
namespace tidewire {

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
  if (std::exchange(stays_, true)) return;
  uv_ref(reinterpret_cast<uv_handle_t*>(&handles_->before_wait));
  if (libuv_waits()) uv_idle_start(&handles_->backlog, [](uv_idle_t*) {});
}

// The wheel

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

// The end of a turn

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
  } else if (has_backlog()) {
    stay();
  } else if (std::exchange(stays_, false)) {
    uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->before_wait));
    if (libuv_waits()) uv_idle_stop(&handles_->backlog);
  }
}

}  // namespace tidewire
