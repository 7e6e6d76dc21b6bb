#pragma once

#include <tidewire/core/budget.h>
#include <tidewire/core/buffer.h>
#include <tidewire/core/export.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/message.h>
#include <memory>

namespace tidewire::websocket {

struct FrameForm;
class DeflateEngines;

/// A message that goes to many connections one by one, made ready once: copied, put in its frame, and compressed once
/// for each way in which one of them wants it. (What is published to a topic is treated so by itself.)
///
///     const websocket::PreparedMessage news(text);
///     for (const websocket::Handle& reader : readers) reader.send(news);
///
/// Copies are cheap and share all of that; they may be used on any threads at the same time. While one thread
/// compresses it, others that want it compressed wait.
class TIDEWIRE_API PreparedMessage {
 public:
  /// Copies the message. Throws std::bad_alloc.
  explicit PreparedMessage(const Message& message);

  /// The message; a view, valid for as long as a copy of this is there.
  [[nodiscard]] Message message() const noexcept;

  /// For the layer itself: its frame, as a connection wants it. Compressed on this thread, with what the thread's loop
  /// has for that, and charged to its budget.
  [[nodiscard]] SharedBytes frame(const FrameForm& form, DeflateEngines& engines, Buffer& scratch,
                                  Budget& budget) const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tidewire::websocket
