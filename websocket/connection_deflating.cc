#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/connection_extra.h>
#include <new>

/// What permessage-deflate (RFC 7692) takes of a connection, beside what its protocol does.
namespace tidewire::websocket {
namespace {

// Memory that a larger message took is freed when the next one comes.
constexpr std::size_t most_kept_bytes = std::size_t{1} << 20;

}  // namespace

DeflateWindows& Connection::windows() {
  auto& windows = extra().windows;
  if (!windows) windows = std::make_unique<DeflateWindows>();
  return *windows;
}

Deflater& Connection::own_window() {
  auto& own = windows().own;
  if (!own) own.emplace(endpoint_->spare.engines(), endpoint_->deflate_settings(protocol_.deflate()));
  return *own;
}

/// What the peer has sent, where what it sends may refer to that.
Inflater* Connection::peer_window() {
  if (!protocol_.deflates()) return nullptr;
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
  Buffer& to = endpoint_->deflated;
  to.clear();
  if (to.capacity() > most_kept_bytes) to.release();
  bool done = false;
  try {
    const DeflateAgreement agreement = protocol_.deflate();
    done = agreement.own_takeover
               ? own_window().compress(part, last, to)
               : Deflater(endpoint_->spare.engines(), endpoint_->deflate_settings(agreement)).compress(part, last, to);
  } catch (const std::bad_alloc&) {
  }
  if (!done) return std::nullopt;
  return to.view();
}

/// The same for a whole message. Nothing, too, if it is better sent as it is.
std::optional<Bytes> Connection::compress_whole(Bytes message) {
  if (!compresses(message.size())) return std::nullopt;
  const auto compressed = compress(message, true);
  // Where later messages refer to this one, the peer must get it compressed, whatever came of it.
  if (compressed && compressed->size() >= message.size() && !protocol_.deflate().own_takeover) return std::nullopt;
  return compressed;
}

/// The peer is silent: what later messages could refer to may not be worth its memory.
void Connection::release_window() noexcept {
  if (!extra_ || !extra_->windows || !extra_->windows->own || protocol_.in_parts()) return;
  if (endpoint_->options.deflate && endpoint_->options.deflate->release_when_idle) extra_->windows->own->release();
}

}  // namespace tidewire::websocket
