#pragma once

#include <support/web.h>
#include <tidewire/websocket/deflate_negotiation.h>
#include <tidewire/websocket/protocol.h>
#include <optional>
#include <string>
#include <vector>

/// The client's end of a connection with permessage-deflate.
namespace tidewire::testing {

/// Reads what a server sends, as a client that agreed to compression.
class DeflateReader {
 public:
  explicit DeflateReader(const websocket::DeflateAgreement& agreement) : protocol_(websocket::Role::client) {
    protocol_.use_deflate(agreement);
    if (agreement.peer_takeover) {
      window_.emplace(spare_.engines(),
                      websocket::DeflateSettings{.takeover = true, .window_bits = agreement.peer_window_bits});
    }
  }

  /// The messages in these frames; "violation" for what is not right.
  std::vector<std::string> read(std::string_view frames) {
    std::string bytes(frames);
    MutableBytes rest(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
    std::vector<std::string> messages;
    while (const auto event = protocol_.next(rest, {}, spare_, window_ ? &*window_ : nullptr)) {
      const bool message = event->kind == websocket::Event::Kind::message;
      messages.push_back(message ? std::string(as_text(event->payload)) : "violation: " + std::string(event->reason));
    }
    return messages;
  }

 private:
  websocket::SpareAssembly spare_;
  websocket::Protocol protocol_;
  std::optional<websocket::Inflater> window_;
};

/// A client that offers it has got its answer.
inline Recorder& open_deflating(Site& site, std::string_view offer = "permessage-deflate") {
  Recorder& client = site.connect();
  client.write(upgrade("/", "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n"));
  site.until_received(client, "Sec-WebSocket-Extensions: permessage-deflate");
  await_upgrade(site, client);
  return client;
}

/// Whether the first of these frames is a compressed one.
inline bool rsv1(std::string_view frames) { return !frames.empty() && (frames.front() & 0x40) != 0; }

}  // namespace tidewire::testing
