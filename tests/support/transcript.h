#pragma once

#include <doctest/doctest.h>
#include <support/feed_directly.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Transcripts: what a peer may send, as hexadecimal bytes, and what must come of it. Each is played whole, byte by
/// byte, cut in two at every place, and with the rest of large frames read directly; the events must be the same every
/// time, with messages delivered whole and in pieces, and whatever inflates them.
namespace tidewire::testing {

using namespace websocket;

inline std::vector<std::byte> from_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

struct Transcript {
  const char* title;
  Role receiver;
  std::string input;                // In hexadecimal; spaces don't matter.
  std::vector<std::string> events;  // As `Player` writes them.
  Limits limits = {};
  bool after_our_close = false;
  std::optional<DeflateAgreement> deflate = {};
};

// Writes events down so that the pieces of a message read as the message: `text "Hello"`.
class Player {
 public:
  Player(const Transcript& transcript, bool in_pieces, DeflateBackend backend)
      : spare_(std::size_t{1} << 20, backend), protocol_(transcript.receiver), limits_(transcript.limits) {
    limits_.deliver_fragments = in_pieces;
    if (transcript.deflate) agree_on(*transcript.deflate);
    if (transcript.after_our_close) REQUIRE(protocol_.close(CloseCode::normal, ""));
  }

  void feed(Bytes piece) {
    std::vector<std::byte> input(piece.begin(), piece.end());
    MutableBytes rest = input;
    Inflater* const window = window_ ? &*window_ : nullptr;
    while (const auto event = protocol_.next(rest, limits_, spare_, window)) write(*event);
    if (!rest.empty()) FAIL("input left over");
  }

  // As much as the protocol has space for, of at most `step` bytes; then the rest by `feed`.
  void feed_directly(Bytes bytes, std::size_t step) {
    testing::feed_directly(protocol_, bytes, step, [this](Bytes piece) { feed(piece); });
  }

  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }

 private:
  void agree_on(const DeflateAgreement& agreed) {
    protocol_.use_deflate(agreed);
    if (!agreed.peer_takeover) return;
    window_.emplace(spare_.engines(), DeflateSettings{.takeover = true, .window_bits = agreed.peer_window_bits});
  }

  void write(const Event& event) {
    const std::string payload(as_text(event.payload));
    const std::string code = std::to_string(static_cast<unsigned>(event.code));
    const std::string type = event.type == MessageType::text ? "text" : "binary";
    switch (event.kind) {
      case Event::Kind::message:
        return note(type, payload);
      case Event::Kind::fragment:
        if (event.first != message_.empty()) FAIL_CHECK("a piece marked first that isn't, or the other way round");
        if (event.payload.empty() && !event.last) FAIL_CHECK("a piece that says nothing");
        if (event.first) message_ = type + " ";
        message_ += payload;
        if (event.last) {
          note(type, message_.substr(type.size() + 1));
          message_.clear();
        }
        return;
      case Event::Kind::ping:
        return note("ping", payload);
      case Event::Kind::pong:
        return note("pong", payload);
      case Event::Kind::close:
        return note("close " + code, std::string(event.reason));
      case Event::Kind::refusal:
        events_.push_back("refusal " + code);
        return;
      case Event::Kind::violation:
        events_.push_back("violation " + code);
        return;
    }
  }

  // Long payloads by size and ends, to be readable.
  void note(const std::string& what, const std::string& payload) {
    if (payload.size() <= 40) {
      events_.push_back(what + " \"" + payload + "\"");
    } else {
      events_.push_back(what + " " + std::to_string(payload.size()) + " " + payload.front() + payload.back());
    }
  }

  SpareAssembly spare_;
  Protocol protocol_;
  Limits limits_;
  std::optional<Inflater> window_;
  std::string message_;
  std::vector<std::string> events_;
};

inline void play(const Transcript& transcript, bool in_pieces, DeflateBackend backend) {
  const auto bytes = from_hex(transcript.input);
  const Bytes all(bytes);
  Player whole(transcript, in_pieces, backend);
  whole.feed(all);
  CHECK(whole.events() == transcript.events);

  Player bytewise(transcript, in_pieces, backend);
  for (std::size_t at = 0; at < all.size(); ++at) bytewise.feed(all.subspan(at, 1));
  CHECK(bytewise.events() == transcript.events);

  // Every cut of what is short; of what is long, those at its ends and some between.
  for (std::size_t cut = 1; cut<all.size(); cut += cut> 300 && all.size() - cut > 300 ? 251 : 1) {
    Player in_two(transcript, in_pieces, backend);
    in_two.feed(all.first(cut));
    in_two.feed(all.subspan(cut));
    if (in_two.events() != transcript.events) FAIL_CHECK("cut at ", cut);
  }

  for (const std::size_t step : {1UL, 3UL, 64UL, 100'000UL}) {
    for (std::size_t cut = 1; cut < std::min<std::size_t>(all.size(), 20); ++cut) {
      Player direct(transcript, in_pieces, backend);
      direct.feed(all.first(cut));
      direct.feed_directly(all.subspan(cut), step);
      if (direct.events() != transcript.events) FAIL_CHECK("direct from ", cut, " by ", step);
    }
  }
}

inline void play(const Transcript& transcript) {
  INFO(std::string(transcript.title));
  for (const DeflateBackend backend : deflate_backends()) {
    INFO(std::string(deflate_backend_name(backend)));
    for (const bool in_pieces : {false, true}) {
      CAPTURE(in_pieces);
      play(transcript, in_pieces, backend);
    }
    if (!transcript.deflate) break;
  }
}

inline void play_all(const std::vector<Transcript>& transcripts) {
  for (const Transcript& transcript : transcripts) play(transcript);
}

inline std::string repeated(const std::string& hex, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += hex;
  return all;
}

inline constexpr Role server = Role::server;
inline constexpr Role client = Role::client;

// With a key of zeros a masked payload reads as itself.
inline const std::string zeros = "00000000";
inline const std::string ping_x = "8981" + zeros + "78";
inline const std::string text_ok = "8182" + zeros + "6f6b";

}  // namespace tidewire::testing
