#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/connection_extra.h>
#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/shared_frame.h>
#include <new>

/// What permessage-deflate (RFC 7692) takes of a connection, beside what its protocol does.
namespace tidewire::websocket {
DeflateWindows& Connection::windows() {
  auto& windows = extra().windows;
  if (!windows) windows = std::make_unique<DeflateWindows>();
  return *windows;
}

Deflater& Connection::own_deflater() {
  auto& own = windows().own;
  if (!own) own.emplace(endpoint_->spare.engines(), endpoint_->deflate_settings(protocol_.deflate()));
  return *own;
}

/// What the peer has sent, where what it sends may refer to that.
Inflater* Connection::peer_inflater() {
  const DeflateAgreement agreement = protocol_.deflate();
  if (!agreement.peer_takeover) return nullptr;
  auto& peer = windows().peer;
  if (!peer) {
    peer.emplace(endpoint_->spare.engines(),
                 DeflateSettings{.takeover = true, .window_bits = agreement.peer_window_bits});
  }
  return &*peer;
}

/// What a part of a message is on the wire, until something else is compressed. Nothing if there is no memory for it.
std::optional<Bytes> Connection::compress(Bytes part, bool last) {
  // It may be the answer to each of many messages: then it is their peer's work.
  endpoint_->loop.budget().charge(work::to_compress(part.size()));
  Buffer& to = endpoint_->deflated;
  empty_scratch(to);
  bool done = false;
  try {
    const DeflateAgreement agreement = protocol_.deflate();
    done = agreement.own_takeover
               ? own_deflater().compress(part, last, to)
               : Deflater(endpoint_->spare.engines(), endpoint_->deflate_settings(agreement)).compress(part, last, to);
  } catch (const std::bad_alloc&) {
  }
  if (!done) return std::nullopt;
  return to.view();
}

/// The same for a whole message. Nothing, too, if it is better sent as it is.
std::optional<Bytes> Connection::compress_whole(Bytes message) {
  const auto compressed = compress(message, true);
  // Where later messages refer to this one, the peer must get it compressed, whatever came of it.
  if (compressed && compressed->size() >= message.size() && !protocol_.deflate().own_takeover) return std::nullopt;
  return compressed;
}

/// Whether what goes to many is compressed for this peer by itself, with what it got before.
bool Connection::takes_own_form() const noexcept {
  return protocol_.deflate().own_takeover && endpoint_->options.deflate &&
         endpoint_->options.deflate->published_with_takeover;
}

/// How this peer wants what goes to many.
FrameForm Connection::shared_form() const noexcept {
  if (!protocol_.deflates()) return {};
  const DeflateSettings settings = endpoint_->deflate_settings(protocol_.deflate());
  return {.window_bits = settings.window_bits, .level = settings.level, .from_bytes = endpoint_->deflate_from_bytes};
}

/// Before frames are written that were made for many: if they are compressed, the peer's window moves on over a text
/// that ours has not seen. The next message of our own then refers to nothing.
void Connection::forget_window(const SharedBytes& frames) noexcept {
  if (extra_ && extra_->windows && extra_->windows->own && has_deflated(frames)) extra_->windows->own->forget();
}

/// The peer is silent: what later messages could refer to may not be worth its memory.
void Connection::release_window() noexcept {
  if (!extra_ || !extra_->windows || !extra_->windows->own || protocol_.in_parts()) return;
  if (endpoint_->options.deflate && endpoint_->options.deflate->release_when_idle) extra_->windows->own->release();
}

}  // namespace tidewire::websocket
