#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/extensions.h>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// What both sides of a connection agree on before they compress: the extension `permessage-deflate` (RFC 7692
/// section 7.1). Pure functions on parsed fields; compressing itself is not done here.
///
/// A window is the stretch of earlier text that compressed text may refer to, 2^bits bytes. *Takeover* means that
/// it reaches back into earlier messages: smaller output, but both sides keep each window for as long as the
/// connection lives.
namespace tidewire::websocket {

inline constexpr std::string_view deflate_name = "permessage-deflate";

/// The least window bits that we set. The RFC's begin at 8, which zlib can't keep to when it compresses: it
/// takes 9 instead. So 8 is never agreed on for what we send, and never asked of a peer, which may have zlib, too. A
/// peer that itself proposes 8 for what it sends gets it.
inline constexpr int min_window_bits = 9;

/// How messages are compressed. Of the two sides "own" is the one that was given these options, be it a server's
/// route or a client. The defaults cost a connection no memory between messages.
struct DeflateOptions {
  /// With takeover in both directions: for connections with many small messages that are like each other. Each keeps a
  /// compressor of 36 KiB for its window of 8 KiB, until its peer is silent, and 4 KiB of what it received.
  [[nodiscard]] static DeflateOptions with_takeover() noexcept {
    DeflateOptions options = with_frugal_takeover();
    options.own_window_bits = 13;
    options.keep_compressor = true;
    options.release_when_idle = true;
    return options;
  }
  /// The same with the least memory: a connection keeps 4 KiB of text for each direction, and no compressor. The output
  /// is a sixth larger; a message of 1 KiB takes as long, shorter ones longer. See
  /// docs/explanation/decisions/kept-compressors.md.
  [[nodiscard]] static DeflateOptions with_frugal_takeover() noexcept {
    return {.own_takeover = true, .peer_takeover = true, .own_window_bits = 12, .peer_window_bits = 12};
  }

  /// Whether what we send may refer to earlier messages. The peer can forbid it.
  bool own_takeover = false;
  /// Whether what the peer sends may. Not permitting it is always within our right.
  bool peer_takeover = false;

  /// The window of what we send, 9 to 15; the peer can make it smaller.
  int own_window_bits = 15;
  /// The largest window of what the peer sends, 9 to 15. A client that doesn't offer `client_max_window_bits`
  /// can't be limited, and isn't permitted takeover if this is below 15: then the window still costs nothing
  /// between messages. A server that won't be limited declines, and nothing is compressed.
  int peer_window_bits = 15;

  /// Time against size, 1 (fastest) to 9 (smallest), as zlib has it.
  int level = 3;
  /// With own takeover: whether each connection keeps a compressor from the first message on, instead of the text that
  /// it sent. The compressor is our own in every build. The output is smaller, above all in windows of more than 4 KiB,
  /// and short messages take less time; the price is memory, as the table at `Deflater` has it.
  bool keep_compressor = false;
  /// 1 to 9: a compressor that is kept has 2^(n + 8) bytes beside those for its window.
  int memory_level = 5;
  /// Messages with fewer bytes are sent as they are: they would hardly shrink. Messages in parts are compressed
  /// whatever their size, which isn't known.
  std::size_t threshold_bytes = 64;

  /// Whether what is published to topics, or prepared for many, is compressed for each peer with own takeover by
  /// itself: smaller on the wire. Otherwise it is compressed once, for all that it goes to. Nothing without own
  /// takeover.
  bool published_with_takeover = false;
  /// Frees what own takeover holds of a peer that was silent for the ping interval, if there is one; it is built up
  /// again from the next message on.
  bool release_when_idle = false;
};

/// `invalid_configuration` if a number is outside of its bounds.
[[nodiscard]] TIDEWIRE_API Result<void> check_deflate(const DeflateOptions& options);

/// What holds on a connection. Of the two sides "own" is again ours, whichever role we have.
struct DeflateAgreement {
  bool own_takeover = false;           ///< Our compressor may refer to earlier messages.
  bool peer_takeover = false;          ///< The peer's may: our window of what it sent must be kept.
  std::uint8_t own_window_bits = 15;   ///< 9 to 15.
  std::uint8_t peer_window_bits = 15;  ///< 8 to 15.

  friend bool operator==(const DeflateAgreement&, const DeflateAgreement&) = default;
};

/// A server's choice: the first of the client's offers that is valid and that the options can meet, and the answer
/// to it. Nothing if there is none; the connection then goes uncompressed. Offers of other extensions are skipped.
/// The options are taken to be checked.
[[nodiscard]] TIDEWIRE_API std::optional<AcceptedExtension<DeflateAgreement>> accept_deflate(
    const DeflateOptions& options, std::span<const Extension> offers);

/// A client's offer. The options are taken to be checked.
[[nodiscard]] TIDEWIRE_API Extension offer_deflate(const DeflateOptions& options);

/// A client's judgement of all that the server answered to `offer_deflate(options)`: nothing if it declined, and
/// answers of other extensions are skipped. An error fails the connection (close code 1010): `protocol_error` if
/// the answer is invalid or not one to the offer, `refused` if it is valid and can't be met, which is so of
/// `client_max_window_bits=8` alone.
[[nodiscard]] TIDEWIRE_API Result<std::optional<DeflateAgreement>> judge_deflate(const DeflateOptions& options,
                                                                                 std::span<const Extension> answers);

}  // namespace tidewire::websocket
