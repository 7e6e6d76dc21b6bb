#pragma once

#include <tidewire/core/budget.h>
#include <tidewire/core/bytes.h>
#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/log.h>
#include <tidewire/core/loop_clock.h>
#include <tidewire/core/post.h>
#include <tidewire/core/result.h>
#include <tidewire/core/resume_queue.h>
#include <tidewire/core/timer_wheel.h>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

struct uv_loop_s;

namespace tidewire {

class Mailbox;
class PollSet;

/// How a loop waits for its sockets.
enum class Polling : unsigned char {
  native,  ///< By means of the system's that are faster than libuv's, where we have any: on Linux, epoll.
  libuv,   ///< By libuv's, as on every other system: to compare, or to rule something out.
};

class Loop;

/// Reaches a loop from any thread, also after the loop has gone. Copies are cheap and all alike.
class TIDEWIRE_API LoopRemote {
 public:
  /// Queues `task` for the loop's thread, within the loop's PostLimits: a loop that does not keep up refuses
  /// (`full`), and so does one that has ended (`ended`). A task that is refused is dropped. `bytes` is what it holds
  /// beside itself, a message for example, and counts towards `PostLimits::max_bytes`. Tasks posted by one thread run
  /// in the order in which it posted them. Never waits.
  PostStatus post(Task task, std::size_t bytes = 0) const;

  /// After a post that was refused as `full`: posts `then` to `here`, the caller's own loop, once the loop has taken
  /// what waits, or has ended; at once if nothing waits. `then` posts again, and may find the loop full again, as
  /// others post too. A call is for one post: who keeps one under way at a time holds one task.
  void when_room(const Loop& here, Task then) const;

  /// As `post`, but blocks until there is room. For threads without a loop: on a thread that runs one it throws
  /// Failure (`Errc::misuse`), whether there is room or not, as two loops that wait for each other would never end.
  PostStatus post_waiting(Task task, std::size_t bytes = 0) const;

  /// Whether the caller is on the thread that runs the loop, or ran it last. A false answer is final on a thread that
  /// does not run the loop itself.
  [[nodiscard]] bool in_thread() const noexcept;

  // What the layers above are built with; an application has no need of it.

  /// As `post`, whatever waits already. For what there is one of at most: an answer, a decision, a close.
  PostStatus post_past_limits(Task task) const;
  /// Whether the caller may use what belongs to the loop; see Loop.
  [[nodiscard]] bool usable() const noexcept;
  /// See `Loop::inherited`.
  [[nodiscard]] bool inherited() const noexcept;

 private:
  friend class Loop;
  explicit LoopRemote(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  std::shared_ptr<Mailbox> mailbox_;
};

/// Something with output to send at the end of the loop's turn.
class TIDEWIRE_API Flushable {
 public:
  virtual void flush() noexcept = 0;

 protected:
  Flushable() = default;
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;
  ~Flushable() = default;

 private:
  friend class Loop;
  Flushable* next_dirty_ = nullptr;
};

/// Something that ended inside one of its own callbacks, and is destroyed when the stack has unwound.
class TIDEWIRE_API Retired {
 public:
  Retired() = default;
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  virtual ~Retired() = default;

 private:
  friend class Loop;
  std::unique_ptr<Retired> next_retired_;
};

/// An event loop: one thread's sockets, timers, signals and tasks, on libuv.
///
/// Everything made on a loop belongs to it: it is used from the thread that runs the loop, and is gone
/// before the loop is. Only `post`, `stop`, `remote` and `set_post_limits` may be called from other threads. Debug
/// builds assert this. While no thread runs it, one thread at a time may use the loop: a loop may be made by one
/// thread, run by a second, and destroyed by the first after a join. An adopted loop belongs to the thread that made
/// it.
///
/// A process that was forked after the loop was made has a copy of it, and shares its descriptors with the parent.
/// There `run` throws, posts return `ended`, and destructors leave alone what is the parent's: no file of a Unix socket
/// is removed, nothing is sent or shut down, no callback is called, and memory is not freed. The child makes a loop of
/// its own, calls exec, or exits; see docs/howto/fork.md.
///
/// Making the first loop has the process ignore SIGPIPE, unless it handles it in its own way: a peer that has
/// gone would otherwise end the process that writes to it.
///
/// What a task, timer or signal handler throws is caught, logged as an error, and the loop goes on.
///
/// A turn does a bounded amount of work for connections, in the order in which they became ready, and a bounded amount
/// for each of them; see Budget. Deadlines, not timers, wait for what the system holds already: before they are looked
/// at, everything that is ready is served once. Time in which the loop did not run (a callback that blocks, SIGSTOP, a
/// machine that is suspended) moves them, if it was a second or more, and is logged; see LoopClock.
class TIDEWIRE_API Loop {
 public:
  /// A loop of its own. Throws Failure when the system has no descriptors left for one.
  explicit Loop(Polling polling = Polling::native);

  /// Adopts a libuv loop that the caller runs, and that outlives this object. Ours are then guests in it:
  /// they do not keep it running by themselves. After this object's end the caller runs the libuv loop once
  /// more, so that the handles we closed can end, before closing it.
  explicit Loop(uv_loop_s& theirs, Polling polling = Polling::native);

  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// Drops tasks that have not run. It ends the turn first: what reports the end of a connection that has closed
  /// (`on_close`) and has not run yet does so within this call, since no turn follows.
  ~Loop();

  /// Runs until `stop`, or until nothing is left to do or wait for: no listener, connection, timer or task.
  /// Signal handlers and the chance of a `post` do not count; see KeepAlive. A `stop` that came before `run` makes
  /// it return at once. Throws Failure (`Errc::misuse`) in a callback of the loop's, while another thread runs it, and
  /// in a child process of the one that made it.
  void run();

  /// One turn: waits for the first event at most (`wait`), or only takes what is ready. Returns whether
  /// anything is left to wait for. For tests, and for loops inside other loops. Throws as `run` does.
  bool run_once(bool wait = true);

  /// Makes `run` return after the current turn; however it returns, it has consumed every stop that came meanwhile. One
  /// that comes while no `run` is under way ends the next at once. From any thread, and from a signal handler.
  void stop() noexcept;

  /// Runs `task` on the loop's thread, in its next turn. From any thread. See LoopRemote::post: other threads are
  /// refused when too much waits, the loop's own is not.
  PostStatus post(Task task, std::size_t bytes = 0) { return remote().post(std::move(task), bytes); }

  /// How much other threads may have waiting; see PostLimits. From any thread.
  void set_post_limits(const PostLimits& limits);

  /// A way to post that stays valid when the loop has gone. From any thread.
  [[nodiscard]] LoopRemote remote() const { return LoopRemote(mailbox_); }

  /// Calls `handler` on the loop's thread when one of `signals` arrives, until the loop ends.
  Result<void> on_signal(std::initializer_list<int> numbers, std::function<void()> handler);

  /// Where this loop's log lines go; the default is log_to_stderr. An empty sink means silence.
  void set_log_sink(LogSink sink) { log_sink_ = std::move(sink); }
  void log(LogLevel level, std::string_view line) noexcept;

  /// Runs `callback`, and logs what it throws as coming from `where` ("timer"). Returns false if it threw.
  template <class Call>
  bool guard(const char* where, Call&& callback) noexcept {
    try {
      std::forward<Call>(callback)();
      return true;
    } catch (...) {
      log_exception(where);
      return false;
    }
  }

  /// Keeps `run` running while it exists, though there is nothing but posts to wait for.
  class TIDEWIRE_API KeepAlive {
   public:
    explicit KeepAlive(Loop& loop);
    KeepAlive(KeepAlive&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)) {}
    KeepAlive& operator=(KeepAlive&&) = delete;
    ~KeepAlive();

   private:
    Loop* loop_;
  };

  // What the layers above are built with; an application has no need of it.

  /// The length of a tick: deadlines are this precise.
  static constexpr std::chrono::milliseconds tick_length = LoopClock::tick_length;
  /// The tick of the turn's beginning.
  [[nodiscard]] Tick now() const noexcept;
  /// Ticks in `duration`, rounded up.
  [[nodiscard]] static Tick ticks(std::chrono::milliseconds duration) noexcept;
  /// Arms `deadline` at `after` from now.
  void arm(Deadline& deadline, std::chrono::milliseconds after) noexcept { arm_at(deadline, now() + ticks(after)); }
  void arm_at(Deadline& deadline, Tick due) noexcept;
  void disarm(Deadline& deadline) noexcept { wheel_.disarm(deadline); }

  /// Where the work for connections is counted. It begins a slice before each `on_ready`, and before each `go_on`; what
  /// does a connection's work outside of both begins its own.
  [[nodiscard]] Budget& budget() noexcept { return budget_; }
  /// Calls `waiting.go_on()` in a later turn, after what waited before. Until then the loop does not wait for events.
  void resume_later(Resumable& waiting) noexcept;

  /// Calls `dirty.flush()` once before the loop waits again. It must not be marked twice before that.
  void flush_later(Flushable& dirty) noexcept;
  /// Destroys `object` when no callback is on the stack.
  void retire(std::unique_ptr<Retired> object) noexcept;
  /// State that a higher layer keeps once a loop: made at the first call for its type, gone with the loop.
  template <class State>
  State& local() {
    for (auto& any : locals_) {
      if (auto* holder = dynamic_cast<Local<State>*>(any.get())) return holder->state;
    }
    locals_.push_back(std::make_unique<Local<State>>(*this));
    return static_cast<Local<State>&>(*locals_.back()).state;
  }
  /// The libuv loop behind this, for handles of the caller's own. One that we run has its turns (prepare, check)
  /// only when libuv has something to do: traffic alone need not concern it.
  [[nodiscard]] uv_loop_s* native() const noexcept { return native_; }
  /// What waits for sockets in place of libuv; null if libuv does.
  [[nodiscard]] PollSet* poll_set() const noexcept { return poll_set_.get(); }
  /// Whether the caller may use the loop: it is on its thread, or no thread runs it.
  [[nodiscard]] bool in_thread() const noexcept;
  /// Whether this process was forked after the loop was made, which then belongs to the parent.
  [[nodiscard]] bool inherited() const noexcept;

 private:
  struct LocalBase {
    virtual ~LocalBase() = default;
  };
  template <class State>
  struct Local final : LocalBase {
    explicit Local(Loop& loop) : state(loop) {}
    State state;
  };
  struct Handles;
  struct SignalWatch;
  class Running;
  friend struct Handles;
  friend class LoopRemote;
  friend class Watched;

  void start(Polling polling);
  void join_poll_set();
  /// Whether libuv waits for events, and calls us before and after, in place of `turn`.
  [[nodiscard]] bool libuv_waits() const noexcept { return !owned_ || !poll_set_; }
  bool take_turn(bool wait);
  void turn(bool wait) noexcept;
  void leave_to_parent() noexcept;
  void before_libuv_waits() noexcept;
  void after_libuv_waited() noexcept;
  [[nodiscard]] int patience() const noexcept;
  void note_absence() noexcept;
  void serve(bool all) noexcept;
  [[nodiscard]] bool has_backlog() const noexcept;
  void hold() noexcept;
  void let_go() noexcept;
  void stay() noexcept;
  void log_exception(const char* where) noexcept;
  void end_turn() noexcept;
  [[nodiscard]] bool wheel_is_due(std::uint64_t at_ms) const noexcept {
    return wheel_due_ms_ != 0 && at_ms >= wheel_due_ms_;
  }
  void turn_wheel(std::uint64_t looked_ms) noexcept;
  void schedule_wheel(Tick due) noexcept;
  void start_wheel_timer() noexcept;

  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<uv_loop_s> owned_;
  uv_loop_s* native_;
  std::unique_ptr<PollSet> poll_set_;
  Handles* handles_ = nullptr;  // Freed by its own close callbacks, which may run after this object's end.
  TimerWheel wheel_;
  std::uint64_t wheel_due_ms_ = 0;  // When the wheel has something to look at; 0: never.
  std::uint64_t looked_ms_ = 0;     // When libuv last began to wait.
  LoopClock clock_{0};
  Budget budget_;
  ResumeQueue resumed_;
  Flushable* dirty_ = nullptr;
  Flushable** dirty_end_ = &dirty_;
  std::unique_ptr<Retired> retired_;
  std::vector<std::unique_ptr<LocalBase>> locals_;
  std::vector<SignalWatch*> signals_;
  LogSink log_sink_ = log_to_stderr;
  bool stays_ = false;     // libuv's loop is kept running until the end of the turn.
  std::size_t holds_ = 0;  // What keeps `run` running though libuv does not know of it.
};

}  // namespace tidewire
