#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/prepared_message.h>
#include <tidewire/websocket/shared_frame.h>
#include <mutex>
#include <span>

namespace tidewire::websocket {

struct PreparedMessage::State {
  explicit State(const Message& message) : plain(shared_frame(message)), forms({&plain, 1}) {}

  const SharedBytes plain;
  std::mutex mutex;  // Of `forms`, to which each thread may add.
  FrameForms forms;
};

PreparedMessage::PreparedMessage(const Message& message) : state_(std::make_shared<State>(message)) {}

Message PreparedMessage::message() const noexcept { return message_of(state_->plain); }

SharedBytes PreparedMessage::frame(const FrameForm& form, DeflateEngines& engines, Buffer& scratch,
                                   Budget& budget) const noexcept {
  if (form.window_bits == 0) return state_->plain;
  const std::scoped_lock lock(state_->mutex);
  return state_->forms.in(form, engines, scratch, budget).each.front();
}

}  // namespace tidewire::websocket
