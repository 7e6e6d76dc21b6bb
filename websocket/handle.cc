#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/handle.h>
#include <tidewire/websocket/handle_state.h>

namespace tidewire::websocket {
namespace {

/// Has a message sent on the loop's thread, by `send`, which `prepare` returns once it is known that there is room.
template <class Prepare>
SendStatus post_message(const std::shared_ptr<HandleState>& state, std::size_t bytes, Prepare prepare) {
  if (!state->takes_messages.load(std::memory_order_relaxed)) return SendStatus::closed;
  PostedMessage posted(state, bytes);
  SendStatus status = posted.status();
  if (status != SendStatus::dropped) {
    Callback<void(Connection&)> send(prepare());
    const PostStatus taken = state->loop.post(
        [state, posted = std::move(posted), send = std::move(send)]() mutable {
          posted.take_up();
          if (state->connection != nullptr) state->connection->run(send);
          // The connection may have ended meanwhile.
          if (state->connection != nullptr) state->queued_bytes = state->connection->queued_bytes();
        },
        bytes);
    if (taken == PostStatus::ended) return SendStatus::closed;
    if (!taken) status = SendStatus::dropped;
  }
  if (status != SendStatus::sent) promise_drain(state);
  return status;
}

}  // namespace

bool Handle::open() const noexcept { return state_ && state_->open.load(std::memory_order_acquire); }

SendStatus Handle::send(const Message& message) const {
  if (!open()) return SendStatus::closed;
  if (state_->loop.in_thread()) return state_->connection->send(message);
  return post_message(state_, message.size(), [&message] {
    return [type = message.type(), payload = SharedBytes::copy_of(message.bytes())](Connection& connection) {
      connection.send(Message(type, payload.view()));
    };
  });
}

SendStatus Handle::send(const PreparedMessage& message) const {
  if (!open()) return SendStatus::closed;
  if (state_->loop.in_thread()) return state_->connection->send(message);
  return post_message(state_, message.message().size(),
                      [&message] { return [message](Connection& connection) { connection.send(message); }; });
}

bool Handle::close(CloseCode code, std::string_view reason) const {
  if (!open()) return false;
  Callback<void(Connection&)> act([code, text = std::string(reason)](Connection& peer) { peer.close(code, text); });
  if (state_->loop.in_thread()) {
    state_->connection->run(act);
    return true;
  }
  Task task([state = state_, act = std::move(act)]() mutable {
    if (state->connection != nullptr) state->connection->run(act);
  });
  // A second close does nothing, so there is one of them at most, which is taken whatever waits.
  if (state_->close_posted.exchange(true)) return true;
  return static_cast<bool>(state_->loop.post_past_limits(std::move(task)));
}

PostStatus Handle::run(Callback<void(Connection&)> action, std::size_t bytes) const {
  if (!open()) return PostStatus::ended;
  if (state_->loop.in_thread()) {
    state_->connection->run(action);
    return PostStatus::taken;
  }
  return state_->loop.post(
      [state = state_, action = std::move(action)]() mutable {
        if (state->connection != nullptr) state->connection->run(action);
      },
      bytes);
}

}  // namespace tidewire::websocket
