#include <tidewire/bench/canned.h>

namespace tidewire::bench {
namespace {

/// As many replies as fit are kept in a row, and at least one.
constexpr std::size_t replies_in_a_row_bytes = std::size_t{256} * 1024;

/// RFC 6455 5.5.1 and 7.4.1: a close frame with the status 1000, as a server sends it.
constexpr std::string_view close_frame = "\x88\x02\x03\xe8";
constexpr std::size_t mask_key_bytes = 4;

/// Of the size of Tidewire's own.
constexpr std::string_view http_response =
    "HTTP/1.1 200 OK\r\n"
    "Server: unparsed\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Length: 13\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "Hello, World!";

std::string handshake_response() {
  std::string out =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  return out.append(handshake_accept).append("\r\n\r\n");
}

}  // namespace

CannedAnswers::CannedAnswers(const CannedOptions& options) : mode_(options.mode) {
  std::string reply;
  if (options.mode == Mode::http) {
    reply = http_response;
  } else if (options.mode == Mode::upgrade) {
    handshake_ = handshake_response();
    reply = close_frame;
    request_bytes_ = close_frame.size() + mask_key_bytes;
  } else {
    handshake_ = handshake_response();
    const std::string message = payload(options.content, options.payload_bytes);
    reply = server_frame(options.content, message);
    if (options.mode == Mode::broadcast) replies_each_ = options.depth;
    request_bytes_ = client_frame(options.content, message, 0).size() * replies_each_;
  }
  reply_bytes_ = reply.size();
  const std::size_t count = std::max(replies_in_a_row_bytes / reply_bytes_, std::size_t{1});
  replies_.reserve(count * reply_bytes_);
  for (std::size_t i = 0; i < count; ++i) replies_ += reply;
}

void CannedPeer::take_head(std::string_view received) noexcept {
  constexpr std::string_view blank_line = "\r\n\r\n";
  while (!received.empty() && blank_line_ < blank_line.size()) {
    const char c = received.front();
    received.remove_prefix(1);
    if (c == blank_line[blank_line_]) {
      ++blank_line_;
    } else {
      blank_line_ = c == blank_line.front() ? 1 : 0;
    }
  }
  if (blank_line_ < blank_line.size()) return;

  if (answers_->mode_ == Mode::http) {
    request_bytes_ = pending_bytes_ - received.size();
  } else {
    request_bytes_ = answers_->request_bytes_;
    handshake_bytes_ = answers_->handshake_.size();
    pending_bytes_ = received.size();
  }
}

}  // namespace tidewire::bench
