#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/handle_state.h>

namespace tidewire::websocket {
namespace {

// What a message takes on its way beside its bytes: the task, what it captures, and the block of the payload.
constexpr std::size_t message_bytes = 256;

}  // namespace

PostedMessage::PostedMessage(std::shared_ptr<HandleState> state, std::size_t bytes) noexcept
    : state_(std::move(state)), bytes_(bytes + message_bytes), status_(SendStatus::sent) {
  const std::size_t posted = state_->posted_bytes.fetch_add(bytes_, std::memory_order_relaxed);
  const std::size_t waiting = posted + state_->queued_bytes.load(std::memory_order_relaxed);
  // What waits for the peer is bounded where it waits, by the connection's own policy. Only that of dropping has an
  // answer that is known here.
  const bool too_much = (posted != 0 && posted + bytes_ > state_->max_backpressure) ||
                        (state_->drops && waiting != 0 && waiting + bytes_ > state_->max_backpressure);
  if (too_much) {
    status_ = SendStatus::dropped;
    take_up();
  } else if (waiting + bytes_ > state_->high_water_mark) {
    status_ = SendStatus::queued;
  }
}

void PostedMessage::take_up() noexcept {
  if (bytes_ != 0) state_->posted_bytes.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
}

void promise_drain(const std::shared_ptr<HandleState>& state) {
  if (state->drain_posted.exchange(true)) return;
  Task drained([state] {
    state->drain_posted = false;
    if (state->connection != nullptr) state->connection->drain_posts();
  });
  state->loop.post_past_limits(std::move(drained));
}

}  // namespace tidewire::websocket
