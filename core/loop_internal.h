#pragma once

#include <uv.h>

#include <tidewire/core/loop.h>

/// What loop.cc, which makes and ends a loop, and loop_turn.cc, which runs it, both work with.
namespace tidewire {

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

}  // namespace tidewire
