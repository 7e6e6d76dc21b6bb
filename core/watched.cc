#include <unistd.h>
#include <uv.h>

#include <tidewire/core/loop.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/watched.h>
#include <cassert>
#include <new>
#include <utility>

namespace tidewire {

static_assert(PollSet::reading == unsigned{UV_READABLE} && PollSet::writing == unsigned{UV_WRITABLE});

namespace {

// What libuv watches for in place of reading: the peer's end, and after that was reported an error alone, since libuv
// would report the end again and again. Errors come with anything that is watched for, so for them something is watched
// for that does not come.
constexpr unsigned end_alone = UV_DISCONNECT;
constexpr unsigned errors_alone = UV_PRIORITIZED;

}  // namespace

/// libuv's handle. libuv keeps it until its close callback has run, so it is an object of its own.
///
/// libuv calls for everything that is ready, and cannot be stopped. Once the turn's budget is spent, or where others
/// wait already, it waits for its turn in the loop's queue.
struct Watched::ByLibuv final : Resumable {
  uv_poll_t handle{};
  Watched* watched = nullptr;
  Loop* loop = nullptr;
  Ready due{};

  static void on_poll(uv_poll_t* handle, int status, int events) {
    auto& own = *static_cast<ByLibuv*>(handle->data);
    const auto found = static_cast<unsigned>(events);
    const bool failed = status < 0;
    const bool ended = (found & end_alone) != 0;
    const bool broken = failed || (found & errors_alone) != 0;
    if (failed) {
      own.watched->interest_ = 0;  // An error ends libuv's polling.
    } else if (ended || broken) {
      const unsigned others = own.watched->interest_ & ~(end_alone | errors_alone);
      own.watched->poll_for(broken ? others : others | errors_alone);
    }
    own.due.readable |= failed || (found & UV_READABLE) != 0;
    own.due.writable |= failed || (found & UV_WRITABLE) != 0;
    own.due.ended |= ended || broken;
    own.due.broken |= broken;
    Budget& budget = own.loop->budget();
    if (budget.turn_spent() || !own.loop->resumed_.empty()) return own.loop->resume_later(own);
    budget.begin_slice();
    own.go_on();
  }
  void go_on() noexcept override { watched->on_ready(std::exchange(due, {})); }
  static void on_closed(uv_handle_t* handle) { delete static_cast<ByLibuv*>(handle->data); }
};

Watched::~Watched() {
  assert(by_libuv_ == nullptr);
  if (descriptor_ >= 0) ::close(descriptor_);
}

int Watched::watch(Loop& loop, unsigned interest) noexcept {
  assert(descriptor_ >= 0);
  if (loop.inherited()) return UV_EPERM;
  PollSet* set = loop.poll_set();
  if (set == nullptr) return watch_by_libuv(loop, interest);
  const bool is_new = interest_ == 0;
  const unsigned wanted = interest_ | interest;
  const int status = is_new ? set->add(descriptor_, *this, wanted) : set->renew(descriptor_, *this, wanted);
  if (status != 0) return status;
  if (is_new) loop.hold();
  interest_ = wanted;
  return 0;
}

int Watched::watch_by_libuv(Loop& loop, unsigned interest) noexcept {
  if (by_libuv_ == nullptr) {
    auto* made = new (std::nothrow) ByLibuv;
    if (made == nullptr) return UV_ENOMEM;
    if (const int status = uv_poll_init(loop.native(), &made->handle, descriptor_); status != 0) {
      delete made;
      return status;
    }
    made->handle.data = made;
    made->watched = this;
    made->loop = &loop;
    by_libuv_ = made;
  }
  unsigned wanted = interest_ | interest;
  if ((interest & PollSet::reading) != 0) wanted &= ~(end_alone | errors_alone);
  return poll_for(wanted);
}

void Watched::ignore(unsigned interest) noexcept {
  if ((interest_ & interest) == 0) return;
  const unsigned rest = interest_ & ~interest;
  poll_for((interest & PollSet::reading) != 0 ? rest | end_alone : rest);
}

int Watched::poll_for(unsigned interest) noexcept {
  interest_ = interest;
  if (interest == 0) return uv_poll_stop(&by_libuv_->handle);
  return uv_poll_start(&by_libuv_->handle, static_cast<int>(interest), ByLibuv::on_poll);
}

void Watched::close_descriptor(Loop& loop) noexcept {
  if (descriptor_ < 0) return;
  if (loop.inherited()) {
    // Any other way would change what the parent waits for: it shares the set with us.
    by_libuv_ = nullptr;
  } else if (by_libuv_ != nullptr) {
    by_libuv_->cancel_resume();
    uv_close(reinterpret_cast<uv_handle_t*>(&std::exchange(by_libuv_, nullptr)->handle), ByLibuv::on_closed);
  } else if (interest_ != 0) {
    // Closing alone would not do: a process forked meanwhile may still have the descriptor open.
    loop.poll_set()->remove(descriptor_, *this);
    loop.let_go();
  }
  interest_ = 0;
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace tidewire
