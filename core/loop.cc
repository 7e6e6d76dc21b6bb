#include <uv.h>

#include <tidewire/core/log_limit.h>
#include <tidewire/core/loop_internal.h>
#include <tidewire/core/mailbox.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/standard_streams.h>
#include <cassert>
#include <csignal>
#include <new>
#include <string>

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

}  // namespace tidewire
