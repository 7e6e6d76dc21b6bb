#include <support/feed_directly.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// The first byte of the input chooses the set-up, the second the cuts; the rest is what the peer sends.
struct Setup {
  Role role;
  bool after_our_close;
  Limits limits;
  std::optional<DeflateAgreement> deflate = {};
  DeflateBackend backend = DeflateBackend::zlib;
};

// A receiver that writes its events down; the pieces of a message as far as it came, and the message when it ends.
class Recorder {
 public:
  explicit Recorder(const Setup& setup, bool in_pieces)
      : spare_(std::size_t{1} << 20, setup.backend), protocol_(setup.role), limits_(setup.limits) {
    limits_.deliver_fragments = in_pieces;
    if (setup.deflate) {
      protocol_.use_deflate(*setup.deflate);
      window_.emplace(spare_.engines(),
                      DeflateSettings{.takeover = true, .window_bits = setup.deflate->peer_window_bits});
    }
    if (setup.after_our_close && !protocol_.close(CloseCode::normal, "")) std::abort();
  }

  void feed(Bytes piece) {
    // A copy of its own size, so that a write beyond it is found.
    std::vector<std::byte> input(piece.begin(), piece.end());
    MutableBytes rest = input;
    Inflater* const window = window_ ? &*window_ : nullptr;
    while (const auto event = protocol_.next(rest, limits_, spare_, window)) write(*event);
    if (!rest.empty()) std::abort();
  }

  void feed_directly(Bytes bytes, std::size_t step) {
    testing::feed_directly(protocol_, bytes, step, [this](Bytes piece) { feed(piece); });
  }

  // What is no DEFLATE may be found before the text in front of it is looked at, which may be too long or no text: of
  // an inflated message that is bad, it doesn't matter in how many ways.
  [[nodiscard]] std::string log() const {
    if (!protocol_.deflates()) return log_;
    const std::size_t at = std::min(log_.find("violation 1007"), log_.find("refusal 1009"));
    return at == std::string::npos ? log_ : log_.substr(0, at) + "bad\n";
  }

 private:
  void write(const Event& event) {
    if (done_) std::abort();
    const std::string payload(as_text(event.payload));
    if (refused_ && (event.kind == Event::Kind::fragment || event.kind == Event::Kind::message)) std::abort();
    if (event.kind == Event::Kind::fragment) {
      if (event.first == in_message_) std::abort();
      in_message_ = !event.last;
      message_ += payload;
      if (message_.size() > limits_.max_message_bytes) std::abort();
      if (!event.last) return;
      log_ += "delivered " + std::to_string(static_cast<int>(event.type)) + message_ + "\n";
      check(event.type, message_);
      message_.clear();
    } else if (event.kind == Event::Kind::message) {
      log_ += "delivered " + std::to_string(static_cast<int>(event.type)) + payload + "\n";
      check(event.type, payload);
    } else if (event.kind == Event::Kind::refusal) {
      if (refused_ || protocol_.state() != State::refusing) std::abort();
      log_ += "refusal " + std::to_string(static_cast<unsigned>(event.code)) + std::string(event.reason) + "\n";
      refused_ = true;
      message_.clear();
      in_message_ = false;
    } else if (event.kind == Event::Kind::violation) {
      log_ += "violation " + std::to_string(static_cast<unsigned>(event.code)) + std::string(event.reason) + "\n";
      done_ = true;
    } else {
      log_ += std::to_string(static_cast<int>(event.kind)) + payload + "\n";
      done_ = event.kind == Event::Kind::close;
      if (payload.size() > max_control_payload_bytes) std::abort();
    }
    if (done_ == protocol_.receiving()) std::abort();
  }

  void check(MessageType type, const std::string& payload) const {
    if (payload.size() > limits_.max_message_bytes) std::abort();
    if (type == MessageType::text && !is_utf8(as_bytes(payload))) std::abort();
  }

  SpareAssembly spare_;
  Protocol protocol_;
  Limits limits_;
  std::optional<Inflater> window_;
  std::string message_;
  std::string log_;
  bool in_message_ = false;
  bool refused_ = false;
  bool done_ = false;
};

std::string split_in_every_way(const Setup& setup, Bytes input, std::size_t cut) {
  Recorder whole(setup, false);
  whole.feed(input);
  for (const bool in_pieces : {false, true}) {
    Recorder at_once(setup, in_pieces);
    at_once.feed(input);
    Recorder bytewise(setup, in_pieces);
    for (std::size_t at = 0; at < input.size(); ++at) bytewise.feed(input.subspan(at, 1));
    Recorder in_two(setup, in_pieces);
    in_two.feed(input.first(std::min(cut, input.size())));
    in_two.feed(input.subspan(std::min(cut, input.size())));
    Recorder direct(setup, in_pieces);
    direct.feed_directly(input, cut + 1);
    for (const Recorder* other : {&at_once, &bytewise, &in_two, &direct}) {
      if (other->log() != whole.log()) std::abort();
    }
  }
  return whole.log();
}

// Whether the first ends with a bad message that the second has seen nothing of yet, and didn't take for good either.
bool sees_earlier(std::string_view first, std::string_view second) {
  constexpr std::string_view bad = "bad\n";
  if (!first.ends_with(bad)) return false;
  first.remove_suffix(bad.size());
  return second.starts_with(first) && second.find("delivered ", first.size()) == std::string_view::npos;
}

// Whatever inflates: the same events. Of a message that isn't complete, one may see earlier than another that it is
// bad.
void by_every_backend(Setup setup, Bytes input, std::size_t cut) {
  std::optional<std::string> first;
  for (const DeflateBackend backend : deflate_backends()) {
    setup.backend = backend;
    const std::string log = split_in_every_way(setup, input, cut);
    if (first && *first != log && !sees_earlier(*first, log) && !sees_earlier(log, *first)) std::abort();
    if (!first) first = log;
  }
}

void append(std::vector<std::byte>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// What one end encodes, whole and in parts with a ping between, the other decodes.
void encode_and_decode(Role sender, Bytes payload, std::size_t cut, std::uint32_t key) {
  Protocol protocol(sender);
  const std::uint32_t used_key = sender == Role::client ? key : 0;
  const auto append_masked = [used_key](std::vector<std::byte>& to, Bytes bytes) {
    std::vector<std::byte> masked(bytes.size());
    copy_masked(masked.data(), bytes, used_key);
    append(to, masked);
  };
  std::vector<std::byte> wire(max_header_bytes);
  wire.resize(protocol.encode_message_header(MessageType::binary, payload.size(), wire.data(), key));
  append_masked(wire, payload);

  cut = std::min(cut, payload.size());
  append(wire, protocol.begin_message(MessageType::binary, cut, key).value().bytes());
  append_masked(wire, payload.first(cut));
  append(wire, protocol.ping(payload.first(std::min<std::size_t>(cut, 125)), key).value().bytes());
  append(wire, protocol.continue_message(payload.size() - cut, true, key).value().bytes());
  append_masked(wire, payload.subspan(cut));
  append(wire, protocol.close(CloseCode::going_away, "bye", key).value().bytes());

  Protocol receiver(sender == Role::client ? Role::server : Role::client);
  SpareAssembly spare;
  MutableBytes rest = wire;
  const auto expect = [&](Event::Kind kind, Bytes bytes) {
    const auto event = receiver.next(rest, {}, spare);
    if (!event || event->kind != kind || as_text(event->payload) != as_text(bytes)) std::abort();
  };
  expect(Event::Kind::message, payload);
  expect(Event::Kind::ping, payload.first(std::min<std::size_t>(cut, 125)));
  expect(Event::Kind::message, payload);
  expect(Event::Kind::close, as_bytes("\x03\xE9"
                                      "bye"));
  if (!rest.empty() || receiver.next(rest, {}, spare)) std::abort();
}

// What one end compresses, twice, in parts with a ping between, the other inflates.
void compress_and_inflate(Role sender, const DeflateAgreement& agreed, Bytes payload, std::size_t cut,
                          std::uint32_t key) {
  const std::uint32_t used_key = sender == Role::client ? key : 0;
  cut = std::min(cut, payload.size());
  for (const DeflateBackend backend : deflate_backends()) {
    SpareAssembly spare(std::size_t{1} << 20, backend);
    Protocol protocol(sender);
    protocol.use_deflate(agreed);
    Deflater deflater(spare.engines(), {.takeover = agreed.own_takeover, .window_bits = agreed.own_window_bits});
    std::vector<std::byte> wire;
    const auto append_part = [&](Bytes part, bool first, bool last) {
      Buffer to;
      if (!deflater.compress(part, last, to)) std::abort();
      append(wire, first ? protocol.begin_message(MessageType::binary, to.size(), key, true).value().bytes()
                         : protocol.continue_message(to.size(), last, key).value().bytes());
      std::vector<std::byte> masked(to.size());
      copy_masked(masked.data(), to.view(), used_key);
      append(wire, masked);
    };
    for (int count = 0; count < 2; ++count) {
      append_part(payload.first(cut), true, false);
      append(wire, protocol.ping({}, key).value().bytes());
      append_part(payload.subspan(cut), false, true);
    }

    Protocol receiver(sender == Role::client ? Role::server : Role::client);
    receiver.use_deflate({.peer_takeover = agreed.own_takeover, .peer_window_bits = agreed.own_window_bits});
    Inflater window(spare.engines(), {.takeover = true, .window_bits = agreed.own_window_bits});
    MutableBytes rest = wire;
    for (const Event::Kind kind : {Event::Kind::ping, Event::Kind::message, Event::Kind::ping, Event::Kind::message}) {
      const auto event = receiver.next(rest, {}, spare, &window);
      if (!event || event->kind != kind) std::abort();
      if (kind == Event::Kind::message && as_text(event->payload) != as_text(payload)) std::abort();
    }
    if (!rest.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  Setup setup{.role = data[0] & 1 ? Role::client : Role::server, .after_our_close = (data[0] & 2) != 0, .limits = {}};
  if (data[0] & 4) setup.limits.max_message_bytes = 16;
  if (data[0] & 8) setup.limits.max_fragments = 3;
  const std::uint32_t key = 0x9E3779B9U * (data[1] + 1U);
  if ((data[0] & 16) == 0) {
    split_in_every_way(setup, input, data[1]);
    encode_and_decode(setup.role, input, data[1], key);
    return 0;
  }
  const bool takeover = (data[0] & 32) != 0;
  const std::uint8_t bits = (data[0] & 64) != 0 ? 9 : 15;
  setup.deflate = {
      .own_takeover = takeover, .peer_takeover = takeover, .own_window_bits = bits, .peer_window_bits = bits};
  // A bomb is to go off at a limit that keeps each run short.
  setup.limits.max_message_bytes = std::min<std::size_t>(setup.limits.max_message_bytes, 10'000);
  by_every_backend(setup, input, data[1]);
  compress_and_inflate(setup.role, *setup.deflate, input, data[1], key);
  return 0;
}
