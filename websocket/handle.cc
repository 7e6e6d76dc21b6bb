#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/connection_extra.h>
#include <tidewire/websocket/handle.h>

namespace tidewire::websocket {

bool Handle::open() const noexcept { return state_ && state_->open.load(std::memory_order_acquire); }

SendStatus Handle::send(const Message& message) const {
  if (!open()) return SendStatus::closed;
  if (state_->loop.in_thread()) return state_->connection->send(message);
  const bool posted = run([type = message.type(), payload = SharedBytes::copy_of(message.bytes())](
                              Connection& connection) { connection.send(Message(type, payload.view())); });
  return posted ? SendStatus::sent : SendStatus::closed;
}

SendStatus Handle::send(const PreparedMessage& message) const {
  if (!open()) return SendStatus::closed;
  if (state_->loop.in_thread()) return state_->connection->send(message);
  const bool posted = run([message](Connection& connection) { connection.send(message); });
  return posted ? SendStatus::sent : SendStatus::closed;
}

bool Handle::close(CloseCode code, std::string_view reason) const {
  return run([code, text = std::string(reason)](Connection& connection) { connection.close(code, text); });
}

bool Handle::run(Callback<void(Connection&)> action) const {
  if (!open()) return false;
  if (state_->loop.in_thread()) {
    state_->connection->run(action);
    return true;
  }
  return state_->loop.post([state = state_, action = std::move(action)]() mutable {
    if (state->connection != nullptr) state->connection->run(action);
  });
}

}  // namespace tidewire::websocket
