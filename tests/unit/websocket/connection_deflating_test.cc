#include <doctest/doctest.h>
#include <support/json_text.h>
#include <support/noise.h>
#include <support/web.h>
#include <support/zlib_peer.h>
#include <tidewire/websocket/prepared_message.h>
#include <tidewire/websocket/topics.h>
#include <algorithm>
#include <optional>
#include <stdexcept>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using support::json_text;
using support::noise;
using websocket::Backpressure;
using websocket::Cause;
using websocket::CloseCode;
using websocket::CloseInfo;
using websocket::Connection;
using websocket::DeflateOptions;
using websocket::Fragment;
using websocket::Handle;
using websocket::Message;
using websocket::MessageType;
using websocket::Options;

namespace {

constexpr DeflateOptions takeover = {.own_takeover = true, .peer_takeover = true};
constexpr DeflateOptions kept = {.own_takeover = true, .peer_takeover = true, .keep_compressor = true};
constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// A frame of the server's, as it was on the wire.
struct WireFrame {
  unsigned first;
  std::string payload;
};

/// The whole frames that have come.
std::vector<WireFrame> frames_of(std::string_view bytes) {
  std::vector<WireFrame> frames;
  while (bytes.size() >= 2) {
    std::size_t size = static_cast<unsigned char>(bytes[1]);
    std::size_t head = 2;
    if (size >= 126) {
      head = size == 126 ? 4 : 10;
      if (bytes.size() < head) break;
      size = 0;
      for (std::size_t at = 2; at < head; ++at) size = size << 8 | static_cast<unsigned char>(bytes[at]);
    }
    if (bytes.size() < head + size) break;
    frames.push_back({static_cast<unsigned char>(bytes[0]), std::string(bytes.substr(head, size))});
    bytes.remove_prefix(head + size);
  }
  return frames;
}

constexpr unsigned ping = 0x89;

std::vector<WireFrame> without_pings(std::vector<WireFrame> frames) {
  std::erase_if(frames, [](const WireFrame& frame) { return frame.first == ping; });
  return frames;
}

struct Chat : Site {
  explicit Chat(const Options& options) {
    websocket::route<Scripted>(*server, "/", options, script);
    script.open = [this](Connection& peer) {
      if (!handle) handle = peer.handle();
    };
  }
  ~Chat() { server.reset(); }

  Recorder& open(std::string_view fields = offer, const transport::MemoryStreamOptions& stream = {}) {
    Recorder& client = connect(stream);
    client.write(upgrade("/", fields));
    await_upgrade(*this, client);
    return client;
  }
  /// So many frames of the server's, waited for and forgotten.
  std::vector<WireFrame> take(Recorder& client, std::size_t count) {
    until([&] { return frames_of(client.received).size() >= count; });
    auto frames = frames_of(client.received);
    REQUIRE(frames.size() == count);
    client.received.clear();
    return frames;
  }
  WireFrame take_one(Recorder& client) { return take(client, 1).front(); }
  /// Waits for so many frames besides pings, and for a ping behind them; nothing is forgotten.
  std::vector<WireFrame> until_pinged(Recorder& client, std::size_t count) {
    until([&] {
      const auto frames = frames_of(client.received);
      return !frames.empty() && frames.back().first == ping && without_pings(frames).size() >= count;
    });
    return without_pings(frames_of(client.received));
  }
  void until_closed() {
    until([&] { return script.closed(); });
  }
  void echo() {
    script.message = [](Connection& peer, const Message& message) { peer.send(message); };
  }

  Script script;
  std::optional<Handle> handle;  // Of the first connection.
};

Options with(const DeflateOptions& deflate) { return {.deflate = deflate}; }

}  // namespace

TEST_SUITE_BEGIN("websocket connection that compresses");

TEST_CASE("what was agreed is known, and a compressed message comes back compressed") {
  Chat chat(with({}));
  bool deflates = false;
  chat.script.message = [&](Connection& peer, const Message& message) {
    deflates = peer.deflates();
    peer.send(message);
  };
  Recorder& client = chat.open();
  const std::string text = json_text(1000);
  client.write(masked(0xC1, deflated(text)));
  const WireFrame reply = chat.take_one(client);
  CHECK(deflates);
  CHECK(chat.script.events.back() == "text " + text);
  CHECK(reply.first == 0xC1);
  CHECK(reply.payload.size() < text.size() / 2);
  CHECK(inflated(reply.payload) == text);
}

TEST_CASE("who didn't offer gets nothing compressed, and may send nothing compressed") {
  Chat chat(with({}));
  bool deflates = true;
  chat.script.message = [&](Connection& peer, const Message& message) {
    deflates = peer.deflates();
    peer.send(message);
  };
  Recorder& client = chat.open("");
  const std::string text = json_text(1000);
  client.write(masked(0x81, text));
  CHECK(chat.take_one(client).payload == text);
  CHECK_FALSE(deflates);
  client.write(masked(0xC1, deflated(text)));
  chat.until_closed();
  CHECK(chat.script.info.code == CloseCode::protocol_error);
}

TEST_CASE("messages below the threshold go as they are") {
  for (const std::size_t threshold : {std::size_t{64}, std::size_t{500}}) {
    Chat chat(with({.threshold_bytes = threshold}));
    chat.echo();
    Recorder& client = chat.open();
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, threshold - 1, threshold, threshold + 1}) {
      CAPTURE(size);
      const std::string text(size, 'x');
      client.write(masked(0x81, text));
      const WireFrame reply = chat.take_one(client);
      CHECK(reply.first == (size < threshold ? 0x81 : 0xC1));
      CHECK((size < threshold ? reply.payload : inflated(reply.payload)) == text);
    }
  }
}

TEST_CASE("without a threshold even an empty message is compressed where later ones may refer to it, and only there") {
  for (const bool own_takeover : {false, true}) {
    Chat chat(with({.own_takeover = own_takeover, .threshold_bytes = 0}));
    chat.echo();
    Recorder& client = chat.open();
    client.write(masked(0x81, "") + masked(0xC2, std::string(1, '\0')));
    const auto replies = chat.take(client, 2);
    CHECK(replies[0].first == (own_takeover ? 0xC1 : 0x81));
    CHECK(replies[1].first == (own_takeover ? 0xC2 : 0x82));
    for (const WireFrame& reply : replies) CHECK(reply.payload == (own_takeover ? std::string(1, '\0') : ""));
  }
}

TEST_CASE("what compressing doesn't shorten goes as it is, unless later messages may refer to it") {
  const std::string text = noise(2000);
  for (const bool own_takeover : {false, true}) {
    Chat chat(with({.own_takeover = own_takeover}));
    chat.echo();
    Recorder& client = chat.open();
    client.write(masked(0x82, text) + masked(0x82, text));
    const auto replies = chat.take(client, 2);
    if (own_takeover) {
      ZlibInflater peer;
      CHECK(replies[0].first == 0xC2);
      CHECK(peer(replies[0].payload) == text);
      CHECK(peer(replies[1].payload) == text);
      CHECK(replies[1].payload.size() < 200);
    } else {
      CHECK(replies[0].first == 0x82);
      CHECK(replies[0].payload == text);
      CHECK(replies[1].payload == text);
    }
  }
}

TEST_CASE("with takeover a message refers to those before it; without, each stands alone") {
  const std::string text = json_text(1000);
  for (const DeflateOptions& deflate : {DeflateOptions{}, takeover, kept}) {
    const bool both = deflate.own_takeover;
    Chat chat(with(deflate));
    chat.echo();
    Recorder& client = chat.open();
    ZlibDeflater ours;
    ZlibInflater theirs;
    std::vector<std::size_t> sizes;
    for (int count = 0; count < 5; ++count) {
      // What isn't compressed between them is no part of what they refer to.
      client.write(masked(0xC1, both ? ours(text) : deflated(text)) + masked(0x81, "short"));
      const auto replies = chat.take(client, 2);
      CHECK(replies[0].first == 0xC1);
      CHECK((both ? theirs(replies[0].payload) : inflated(replies[0].payload)) == text);
      CHECK(replies[1].first == 0x81);
      sizes.push_back(replies[0].payload.size());
    }
    for (std::size_t index = 1; index < sizes.size(); ++index) {
      CHECK((both ? sizes[index] < sizes[0] / 5 : sizes[index] == sizes[0]));
    }
  }
}

TEST_CASE("no message refers further back than the window that the peer asked for") {
  for (int bits = 9; bits <= 15; ++bits) {
    CAPTURE(bits);
    Chat chat(with(takeover));
    chat.echo();
    Recorder& client = chat.open(
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=" + std::to_string(bits) + "\r\n");
    ZlibInflater theirs(bits);
    ZlibDeflater ours;
    for (unsigned count = 0; count < 12; ++count) {
      const std::string text = json_text((std::size_t{1} << bits) / 3 + 100, count % 3);
      client.write(masked(0xC1, ours(text)));
      CHECK(theirs(chat.take_one(client).payload) == text);
    }
  }
}

TEST_CASE("connections of one route don't refer to each other's messages") {
  Chat chat(with(takeover));
  chat.echo();
  constexpr std::size_t count = 3;
  Recorder* clients[count];
  ZlibDeflater ours[count];
  ZlibInflater theirs[count];
  for (Recorder*& client : clients) client = &chat.open();
  for (unsigned round = 0; round < 4; ++round) {
    for (unsigned index = 0; index < count; ++index) {
      const std::string text = json_text(3000, index);
      clients[index]->write(masked(0xC1, ours[index](text)));
      CHECK(theirs[index](chat.take_one(*clients[index]).payload) == text);
    }
  }
}

TEST_CASE("each part of a message is compressed, and can be read as soon as it is there") {
  for (const bool own_takeover : {false, true}) {
    Chat chat(with({.own_takeover = own_takeover}));
    Recorder& client = chat.open();
    ZlibInflater theirs;
    for (int round = 0; round < 3; ++round) {
      std::string all;
      const std::string parts[] = {json_text(500), "", "é", json_text(40'000, 1), "x", ""};
      for (std::size_t index = 0; index < std::size(parts); ++index) {
        const bool last = index + 1 == std::size(parts);
        chat.handle->run([&](Connection& peer) { peer.send_part(parts[index], last); });
        const WireFrame part = chat.take_one(client);
        CHECK(part.first == (index == 0 ? 0x41U : last ? 0x80U : 0x00U));
        CHECK(theirs(part.payload, last) == parts[index]);
      }
    }
  }
}

TEST_CASE("a message in parts that says nothing is an empty one") {
  Chat chat(with({}));
  Recorder& client = chat.open();
  chat.handle->run([](Connection& peer) {
    peer.send_part("", false);
    peer.send_part("", false);
    peer.send_part("", true);
  });
  const auto parts = chat.take(client, 3);
  CHECK(parts[0].first == 0x41);
  CHECK(inflated(parts[0].payload + parts[1].payload + parts[2].payload).empty());
}

TEST_CASE("messages wait for the end of one in parts, in order, and all of it can be read") {
  for (const DeflateOptions& deflate : {DeflateOptions{}, takeover, kept}) {
    Chat chat(with(deflate));
    const std::string text = json_text(600);
    chat.script.message = [&](Connection& peer, const Message&) {
      peer.send_part(text, false);
      peer.send(text);
      peer.ping();
      peer.send("short");
      peer.send_part(text, true);
      peer.send(text);
    };
    Recorder& client = chat.open();
    client.write(masked(0x81, "go"));
    const auto frames = chat.take(client, 6);
    ZlibInflater theirs;
    CHECK(frames[0].first == 0x41);
    CHECK(theirs(frames[0].payload, false) == text);
    CHECK(frames[1].first == 0x89);
    CHECK(frames[2].first == 0x80);
    CHECK(theirs(frames[2].payload) == text);
    const auto read = [&](const WireFrame& frame) {
      return (frame.first & 0x40) != 0 ? theirs(frame.payload) : frame.payload;
    };
    CHECK(read(frames[3]) == text);
    CHECK(read(frames[4]) == "short");
    CHECK(read(frames[5]) == text);
  }
}

TEST_CASE("what is published or prepared between messages that refer to each other leaves all of them readable") {
  const std::string own = json_text(1000), shared = json_text(1500, 1);
  for (const auto& [published_with_takeover, keep_compressor] :
       {std::pair(false, false), std::pair(false, true), std::pair(true, false), std::pair(true, true)}) {
    DeflateOptions deflate = takeover;
    deflate.published_with_takeover = published_with_takeover;
    deflate.keep_compressor = keep_compressor;
    Chat chat(with(deflate));
    websocket::Topics topics(chat.loop);
    chat.script.message = [&](Connection& peer, const Message& message) {
      if (peer.queued_bytes() == 0 && message.text() == "subscribe") topics.subscribe(peer, "all");
      const websocket::PreparedMessage prepared(shared);
      peer.send(own);
      topics.publish("all", "short");
      topics.publish("all", shared);
      peer.send(own);
      peer.send(prepared);
      peer.send_part(own, false);
      topics.publish("all", shared);
      peer.send(prepared);
      peer.send_part(own, true);
      peer.send(own);
    };
    Recorder& client = chat.open();
    ZlibInflater theirs;
    for (const char* text : {"subscribe", "again"}) {
      client.write(masked(0x81, text));
      std::vector<std::string> got(1);
      for (const WireFrame& frame : chat.take(client, 10)) {
        const bool last = (frame.first & 0x80) != 0;
        const bool compressed = (frame.first & 0x40) != 0 || (frame.first & 0x0F) == 0 || !last;
        got.back() += compressed ? theirs(frame.payload, last) : frame.payload;
        if (last) got.emplace_back();
      }
      got.pop_back();
      std::ranges::sort(got);
      std::vector<std::string> wanted = {own, own, own, own + own, "short", shared, shared, shared, shared};
      std::ranges::sort(wanted);
      CHECK(got == wanted);
    }
    chat.server.reset();
  }
}

TEST_CASE("what is dropped, or kept as the latest, leaves the messages after it readable") {
  for (const Backpressure policy : {Backpressure::drop, Backpressure::keep_latest}) {
    Options options = with(takeover);
    options.high_water_mark = 200'000;
    options.max_backpressure = 250'000;
    options.backpressure = policy;
    Chat chat(options);
    Recorder& client = chat.open();
    client.stream->pause();
    const auto send = [&](const std::string& text) {
      chat.handle->run([&](Connection& peer) { peer.send(Message(MessageType::binary, as_bytes(text))); });
      settle(chat.loop);
    };
    const std::string first = noise(300'000), dropped = json_text(100'000, 2), latest = json_text(100'000, 3);
    send(first);
    send(dropped);
    send(latest);
    client.stream->resume();
    chat.until([&] { return frames_of(client.received).size() == (policy == Backpressure::drop ? 1 : 2); });
    settle(chat.loop);
    const std::string after = json_text(5000, 3);
    send(after);
    const auto frames = chat.take(client, policy == Backpressure::drop ? 2 : 3);
    ZlibInflater theirs;
    std::vector<std::string> texts;
    for (const WireFrame& frame : frames) {
      texts.push_back((frame.first & 0x40) != 0 ? theirs(frame.payload) : frame.payload);
    }
    CHECK(texts.front() == first);
    CHECK(texts.back() == after);
    if (policy == Backpressure::keep_latest) CHECK(texts[1] == latest);
  }
}

TEST_CASE("a peer that was silent is answered without reference to what it was sent before, if the route says so") {
  for (const auto& [release, keep_compressor] :
       {std::pair(false, false), std::pair(true, false), std::pair(false, true), std::pair(true, true)}) {
    DeflateOptions deflate = keep_compressor ? kept : takeover;
    deflate.release_when_idle = release;
    Options options = with(deflate);
    options.ping_interval = 50ms;
    Chat chat(options);
    chat.echo();
    Recorder& client = chat.open();
    ZlibDeflater ours;
    ZlibInflater theirs;
    const std::string text = json_text(1000);
    client.write(masked(0xC1, ours(text)));
    const std::size_t first = chat.until_pinged(client, 1).front().payload.size();
    CHECK(first > 200);
    client.write(masked(0x8A, ""));
    settle(chat.loop);
    // What the peer sends may still refer to what it sent.
    const std::string again = ours(text);
    CHECK(again.size() < first / 5);
    client.write(masked(0xC1, again));
    chat.until([&] { return without_pings(frames_of(client.received)).size() == 2; });
    const std::size_t second = without_pings(frames_of(client.received)).back().payload.size();
    CHECK(chat.script.events.back() == "text " + text);
    if (release) CHECK(second > first / 2);
    if (!release) CHECK(second < first / 5);
  }
}

TEST_CASE("a message in parts keeps what it refers to, however long a part takes to follow") {
  Options options = with({.own_takeover = true, .release_when_idle = true});
  options.ping_interval = 50ms;
  Chat chat(options);
  Recorder& client = chat.open();
  const std::string text = json_text(1000);
  chat.handle->run([&](Connection& peer) { peer.send_part(text, false); });
  chat.until_pinged(client, 1);
  client.write(masked(0x8A, ""));
  settle(chat.loop);
  chat.handle->run([&](Connection& peer) { peer.send_part(text, true); });
  chat.until([&] { return without_pings(frames_of(client.received)).size() == 2; });
  const auto parts = without_pings(frames_of(client.received));
  ZlibInflater theirs;
  CHECK(theirs(parts[0].payload, false) == text);
  CHECK(theirs(parts[1].payload) == text);
  CHECK(parts[1].payload.size() < 200);
}

TEST_CASE("a bomb closes with 1009, and nobody else notices") {
  for (const DeflateOptions& deflate : {DeflateOptions{}, takeover}) {
    for (const bool in_pieces : {false, true}) {
      Options options = with(deflate);
      options.max_message_size = 10'000;
      options.deliver_fragments = in_pieces;
      Chat chat(options);
      Recorder& bystander = chat.open();
      Recorder& client = chat.open();
      client.write(masked(0xC2, deflated(std::string(10'000'000, '\0'))) + masked(0x88, farewell(1009)));
      chat.until_closed();
      CHECK(chat.script.info.cause == Cause::too_large);
      CHECK(client.received.starts_with(plain(0x88, farewell(1009)).substr(0, 1)));
      CHECK(client.received.substr(2, 2) == farewell(1009));
      bystander.write(masked(0xC1, deflated("still here")));
      chat.until([&] { return chat.script.events.back().find("still here") != std::string::npos; });
    }
  }
}

TEST_CASE("what is no DEFLATE, or no text, closes with 1007") {
  for (const std::string& payload : {std::string("\x06"), deflated("\xFF"), deflated("half \xC3")}) {
    Chat chat(with({}));
    Recorder& client = chat.open();
    client.write(masked(0xC1, payload) + masked(0x81, "behind"));
    chat.until_closed();
    CHECK(chat.script.info.code == CloseCode::invalid_payload);
    CHECK(chat.script.info.cause == Cause::protocol_error);
    chat.until_over(client);
    CHECK(client.received.substr(2, 2) == farewell(1007));
    CHECK(chat.script.events == std::vector<std::string>{"open", "close"});
  }
}

TEST_CASE("a large message comes back through a stream that takes little at a time") {
  for (const DeflateOptions& deflate : {DeflateOptions{}, takeover}) {
    Chat chat(with(deflate));
    chat.echo();
    Recorder& client = chat.open(offer, {.capacity_bytes = 5'000, .chunk_bytes = 777});
    const std::string text = json_text(1'000'000);
    client.write(masked(0xC1, deflated(text)));
    CHECK(inflated(chat.take_one(client).payload) == text);
  }
}

namespace {

enum class Deed { nothing, close, abort, exception, destroy, send };

/// Does something at the third piece of a message.
class Interrupter final : public websocket::Handler {
 public:
  struct Case {
    Deed deed = Deed::nothing;
    std::function<void()> destroy;
    std::string got;
    int pieces = 0, closes = 0;
  };
  explicit Interrupter(Case& its) : case_(its) {}
  void on_fragment(Connection& peer, const Fragment& fragment) override {
    case_.got += fragment.text();
    if (++case_.pieces != 3) return;
    if (case_.deed == Deed::close) peer.close(CloseCode::normal, "enough");
    if (case_.deed == Deed::abort) peer.abort();
    if (case_.deed == Deed::exception) throw std::runtime_error("deliberate");
    if (case_.deed == Deed::destroy) case_.destroy();
    if (case_.deed == Deed::send) peer.send(json_text(3000));
  }
  void on_close(Connection&, const CloseInfo&) override { ++case_.closes; }

 private:
  Case& case_;
};

}  // namespace

TEST_CASE("close, abort, throw, send and destroying the server are allowed amid the pieces of a compressed message") {
  const std::string text = json_text(100'000);
  for (const DeflateOptions& deflate : {DeflateOptions{}, takeover}) {
    for (const Deed deed : {Deed::nothing, Deed::close, Deed::abort, Deed::exception, Deed::destroy, Deed::send}) {
      CAPTURE(static_cast<int>(deed));
      Site site;
      Interrupter::Case its{.deed = deed, .destroy = [&] { site.server.reset(); }, .got = {}};
      Options options = with(deflate);
      options.deliver_fragments = true;
      options.close_timeout = 100ms;
      websocket::route<Interrupter>(*site.server, "/", options, its);
      Recorder& client = site.connect();
      client.write(upgrade("/", offer) + masked(0xC1, deflated(text)) + masked(0x88, farewell(1000)));
      site.until([&] { return its.closes != 0; });
      CHECK(its.closes == 1);
      const bool goes_on = deed == Deed::nothing || deed == Deed::send;
      CHECK((its.got == text) == goes_on);
      CHECK(text.starts_with(its.got));
      if (!goes_on) CHECK(its.pieces == 3);
      client.stream->close();
      settle(site.loop);
    }
  }
}

TEST_SUITE_END();
