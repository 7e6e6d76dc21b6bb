#include <tidewire/bench/deflated_path.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/path.h>
#include <tidewire/bench/scene.h>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tidewire::bench {
namespace {

/// A batch of requests on one connection, each of which has the same reply.
class Batch final : public Path {
 public:
  /// Echoes of WebSocket messages.
  static std::unique_ptr<Path> of_echoes(Content content, std::size_t payload_bytes, std::size_t depth,
                                         std::size_t fragments = 1, Wire wire = Wire::plain) {
    auto path = std::make_unique<Batch>(depth, wire);
    const std::string message = payload(content, payload_bytes);
    std::mt19937 masks;
    for (std::size_t count = 0; count < depth; ++count) {
      for (std::size_t part = 0; part < fragments; ++part) {
        const std::size_t from = payload_bytes * part / fragments;
        const std::size_t to = payload_bytes * (part + 1) / fragments;
        std::string frame = client_frame(content, std::string_view(message).substr(from, to - from),
                                         static_cast<std::uint32_t>(masks()));
        // RFC 6455 5.4: the opcode is in the first fragment, FIN in the last.
        if (part + 1 < fragments) frame.front() = static_cast<char>(frame.front() & 0x7f);
        if (part > 0) frame.front() = static_cast<char>(frame.front() & 0xf0);
        path->batch_ += frame;
      }
    }
    path->reply_ = server_frame(content, message);
    path->client_ = path->scene_.open("/echo");
    path->client_->expect(path->reply_);
    return path;
  }

  /// GET /plaintext.
  static std::unique_ptr<Path> of_gets(Headers headers, std::size_t depth) {
    auto path = std::make_unique<Batch>(depth);
    const std::string request = get_request(endpoint(), "/plaintext", headers);
    for (std::size_t count = 0; count < depth; ++count) path->batch_ += request;
    path->reply_ = path->scene_.answer_to(request, "Hello, World!");
    require(path->reply_.starts_with("HTTP/1.1 200 OK\r\n") && path->reply_.ends_with("\r\n\r\nHello, World!") &&
                path->reply_.find("\r\nContent-Length: 13\r\n") != std::string::npos,
            "the server's answer to GET /plaintext is wrong");
    path->client_ = path->scene_.connect();
    path->client_->expect(path->reply_);
    return path;
  }

  explicit Batch(std::size_t depth, Wire wire = Wire::plain) : depth_(depth), scene_(wire) {}

  std::size_t messages_a_round() const noexcept override { return depth_; }
  void round() override {
    client_->compare(false);
    exchange();
  }
  void checked_round() override {
    client_->compare(true);
    exchange();
    scene_.settle();
    require(!client_->wrong(), "an answer is wrong");
  }

 private:
  void exchange() {
    client_->send(batch_);
    scene_.await(depth_ * reply_.size());
  }

  std::size_t depth_;
  std::string batch_;
  std::string reply_;
  Scene scene_;
  std::unique_ptr<Client> client_;
};

/// One publishes, many get it.
class FanOut final : public Path {
 public:
  FanOut(std::size_t payload_bytes, std::size_t subscribers) {
    const std::string message = payload(Content::ascii, payload_bytes);
    sent_ = client_frame(Content::ascii, message, 0x5a1773c4);
    delivered_ = server_frame(Content::ascii, message);
    publisher_ = scene_.open("/publish");
    for (std::size_t count = 0; count < subscribers; ++count) {
      subscribers_.push_back(scene_.open("/subscribe"));
      subscribers_.back()->expect(delivered_);
    }
  }

  std::size_t messages_a_round() const noexcept override { return subscribers_.size(); }
  void round() override {
    publisher_->send(sent_);
    scene_.await(delivered_.size() * subscribers_.size());
  }
  void checked_round() override {
    for (const auto& subscriber : subscribers_) subscriber->compare(true);
    round();
    scene_.settle();
    for (const auto& subscriber : subscribers_) {
      require(!subscriber->wrong(), "a delivery is wrong");
      subscriber->compare(false);
    }
  }

 private:
  std::string sent_;
  std::string delivered_;
  Scene scene_;
  std::unique_ptr<Client> publisher_;
  std::vector<std::unique_ptr<Client>> subscribers_;
};

/// A connection's life without messages: made, upgraded, closed by one handshake, gone.
class Upgrade final : public Path {
 public:
  Upgrade() : request_(handshake_request(endpoint(), "/echo")), said_(scene_.answer_to_upgrade()) {
    constexpr std::string_view normal_closure = "\x03\xe8";
    close_ = client_frame(Content::binary, normal_closure, 0x5a1773c4);
    close_.front() = static_cast<char>(0x88);
    std::string close_reply = server_frame(Content::binary, normal_closure);
    close_reply.front() = static_cast<char>(0x88);
    head_bytes_ = said_.size();
    said_ += close_reply;
  }

  std::size_t messages_a_round() const noexcept override { return 1; }
  void round() override { live(false); }
  void checked_round() override { live(true); }

 private:
  void live(bool compare) {
    const auto client = scene_.connect();
    client->compare(compare);
    client->expect(said_);
    client->send(request_);
    scene_.await(head_bytes_);
    client->send(close_);
    scene_.await(said_.size() - head_bytes_);
    // RFC 6455 7.1.1: it is the server that closes the TCP connection.
    scene_.until([&] { return client->ended(); });
    client->close();
    scene_.until_all_have_gone();
    if (compare) scene_.settle();
    require(!client->wrong(), "the server's part of a handshake is wrong");
  }

  Scene scene_;
  std::string request_;
  std::string close_;
  std::string said_;  ///< All that the server says on a connection.
  std::size_t head_bytes_ = 0;
};

constexpr std::array all_paths = {
    NamedPath{"echo-20", "a text message of 20 B comes back", 2000,
              [] { return Batch::of_echoes(Content::ascii, 20, 1); }},
    NamedPath{"echo-20-pipelined", "the same, 64 in one piece", 200,
              [] { return Batch::of_echoes(Content::ascii, 20, 64); }},
    NamedPath{"echo-1k", "a text message of 1 KiB comes back", 2000,
              [] { return Batch::of_echoes(Content::ascii, 1024, 1); }},
    NamedPath{"echo-16k-mixed", "a text message of 16 KiB in several scripts comes back", 100,
              [] { return Batch::of_echoes(Content::mixed, 16 * 1024, 1); }},
    NamedPath{"echo-64k-fragmented", "a text message of 64 KiB in several scripts and 16 fragments comes back", 25,
              [] { return Batch::of_echoes(Content::mixed, 64 * 1024, 1, 16); }},
    NamedPath{"echo-1k-deflate", "a text message of 1 KiB of JSON comes and goes compressed", 10,
              [] { return deflated_path(Offer::deflate, "/deflate"); }},
    NamedPath{"echo-1k-takeover", "the same, with takeover", 10,
              [] { return deflated_path(Offer::deflate_with_takeover, "/takeover"); }},
    NamedPath{"echo-1k-frugal-takeover", "the same, with no compressor of its own", 10,
              [] { return deflated_path(Offer::deflate_with_takeover, "/frugal"); }},
    NamedPath{"echo-20-tls", "a text message of 20 B comes back over TLS 1.3", 1000,
              [] { return Batch::of_echoes(Content::ascii, 20, 1, 1, Wire::tls); }},
    NamedPath{"echo-16k-tls", "a binary message of 16 KiB comes back over TLS 1.3", 100,
              [] { return Batch::of_echoes(Content::binary, 16 * 1024, 1, 1, Wire::tls); }},
    NamedPath{"fan-out", "a text message of 100 B is published to 500; each delivery is a message", 20,
              []() -> std::unique_ptr<Path> { return std::make_unique<FanOut>(100, 500); }},
    NamedPath{"http", "GET /plaintext with no more than Host", 2000,
              [] { return Batch::of_gets(Headers::minimal, 1); }},
    NamedPath{"http-pipelined-16", "the same, 16 in one piece", 200,
              [] { return Batch::of_gets(Headers::minimal, 16); }},
    NamedPath{"http-browser", "GET /plaintext with the fields of a browser", 2000,
              [] { return Batch::of_gets(Headers::browser, 1); }},
    NamedPath{"upgrade", "a connection is made, upgraded and closed in good order; its whole life is a message", 500,
              []() -> std::unique_ptr<Path> { return std::make_unique<Upgrade>(); }},
};

}  // namespace

std::span<const NamedPath> paths() noexcept { return all_paths; }

}  // namespace tidewire::bench
