#pragma once

#include <tidewire/bench/frames.h>
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tidewire::bench {

/// What a bare server does with what it receives.
enum class Mode {
  echo,       ///< Each message comes back.
  broadcast,  ///< Each message goes to all connections, the sender's included.
  http,       ///< Each request gets a response.
  upgrade,    ///< A WebSocket handshake, then one close handshake, and the connection ends.
};

/// What a bare server has to be told of its load, because it parses nothing.
struct CannedOptions {
  Mode mode = Mode::echo;
  Content content = Content::ascii;
  std::size_t payload_bytes = 20;  ///< Of each message.
  std::size_t depth = 1;           ///< Broadcast only: so many publications arrive together and go on in one piece.
};

/// All bytes that a bare server ever sends, made beforehand. They never change and outlive every send.
class CannedAnswers {
 public:
  explicit CannedAnswers(const CannedOptions& options);

 private:
  friend class CannedPeer;

  Mode mode_;
  std::string handshake_;
  std::size_t request_bytes_ = 0;  ///< Of what is answered at a time; 0 when the first request shows it.
  std::size_t replies_each_ = 1;   ///< That it gets.
  std::size_t reply_bytes_ = 0;
  std::string replies_;  ///< The reply, over and over: one send takes as many as are owed.
};

/// One connection of a bare server, without its socket: it counts the bytes that come, and knows what they are answered
/// with. Output waits as a number of bytes, so that it takes no memory however much is owed; a server reads no more
/// from a connection meanwhile.
class CannedPeer {
 public:
  /// The answers have to outlive it.
  explicit CannedPeer(const CannedAnswers& answers) noexcept : answers_(&answers) {}

  /// Counts received bytes: how many replies this makes due. The handshake's answer is owed without further ado.
  [[nodiscard]] std::size_t take(std::string_view received) noexcept;

  /// So many replies more have to be sent here. None before the handshake, which comes first on the wire.
  void owe(std::size_t replies) noexcept {
    if (request_bytes_ > 0) owed_bytes_ += replies * answers_->reply_bytes_;
  }

  /// What to send next in one piece; empty when nothing waits.
  [[nodiscard]] std::string_view output() const noexcept;
  /// So much of output() was sent.
  void sent(std::size_t bytes) noexcept;
  /// Nothing can be sent any more.
  void forget_output() noexcept { handshake_bytes_ = owed_bytes_ = 0; }

  /// The connection has had its last answer: it is closed.
  [[nodiscard]] bool is_over() const noexcept { return over_ && output().empty(); }
  /// Replies are due to every connection, not only to this one.
  [[nodiscard]] bool broadcasts() const noexcept { return answers_->mode_ == Mode::broadcast; }

 private:
  void take_head(std::string_view received) noexcept;

  const CannedAnswers* answers_;
  std::size_t request_bytes_ = 0;    ///< Unknown until the blank line of the first request has come.
  std::size_t pending_bytes_ = 0;    ///< Received of what is not yet answered.
  std::size_t handshake_bytes_ = 0;  ///< To send of the handshake's answer.
  std::size_t owed_bytes_ = 0;       ///< To send of replies.
  std::size_t reply_offset_ = 0;     ///< Within the reply that is sent next.
  unsigned blank_line_ = 0;          ///< So many bytes of the blank line have come.
  bool over_ = false;
};

inline std::string_view CannedPeer::output() const noexcept {
  if (handshake_bytes_ > 0)
    return std::string_view(answers_->handshake_).substr(answers_->handshake_.size() - handshake_bytes_);
  return std::string_view(answers_->replies_).substr(reply_offset_, owed_bytes_);
}

inline void CannedPeer::sent(std::size_t bytes) noexcept {
  if (handshake_bytes_ > 0) {
    handshake_bytes_ -= bytes;
  } else {
    owed_bytes_ -= bytes;
    reply_offset_ = (reply_offset_ + bytes) % answers_->reply_bytes_;
  }
}

inline std::size_t CannedPeer::take(std::string_view received) noexcept {
  pending_bytes_ += received.size();
  if (request_bytes_ == 0) {
    take_head(received);
    if (request_bytes_ == 0) return 0;
  }
  if (pending_bytes_ < request_bytes_ || over_) return 0;
  over_ = answers_->mode_ == Mode::upgrade;
  const std::size_t count = over_ ? 1 : pending_bytes_ / request_bytes_;
  pending_bytes_ -= count * request_bytes_;
  return count * answers_->replies_each_;
}

}  // namespace tidewire::bench
