#include <tidewire/bench/deflate.h>
#include <tidewire/bench/deflated_echoes.h>
#include <tidewire/bench/deflated_path.h>
#include <tidewire/bench/frame_reader.h>
#include <tidewire/bench/scene.h>
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t payload_bytes = 1024;
constexpr std::size_t depth = 1;

/// The client's end. How long its replies are is not known beforehand, so it looks at their headers; the payloads it
/// inflates when told to.
class DeflatedClient final : public transport::Consumer {
 public:
  DeflatedClient(transport::StreamPtr stream, const DeflatedEchoes& echoes)
      : stream_(std::move(stream)), echoes_(echoes) {
    stream_->attach(*this);
    stream_->resume();
  }
  DeflatedClient(const DeflatedClient&) = delete;
  DeflatedClient& operator=(const DeflatedClient&) = delete;

  /// So many bytes of a head come first.
  void expect_head(std::size_t bytes) noexcept { head_bytes_ = bytes; }
  [[nodiscard]] bool upgraded() const noexcept { return head_bytes_ == 0; }

  void send(std::string_view bytes) { stream_->write(as_bytes(bytes)); }
  void compare(bool on) noexcept { comparing_ = on; }
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] bool wrong() const noexcept { return wrong_; }

  void on_data(MutableBytes data) override {
    std::string_view bytes = as_text(data);
    const std::size_t head = std::min(head_bytes_, bytes.size());
    head_bytes_ -= head;
    bytes.remove_prefix(head);
    while (!bytes.empty() && !wrong_) {
      const auto piece = frames_.take(bytes);
      if (!piece) {
        wrong_ = true;
        return;
      }
      if (comparing_) payload_ += piece->payload;
      if (piece->ends_message) end_message();
    }
  }
  void on_end() override { wrong_ = true; }
  void on_failed(const Error& /*error*/) override { wrong_ = true; }
  void on_closed() noexcept override {}
  void drain() override {}
  void abandon() noexcept override {}
  void on_deadline() noexcept override {}

 private:
  void end_message() {
    if (comparing_ && !inflater_.is(payload_, echoes_.text(received_), echoes_.history(received_))) wrong_ = true;
    payload_.clear();
    ++received_;
  }

  transport::StreamPtr stream_;
  const DeflatedEchoes& echoes_;
  MessageInflater inflater_;
  FrameReader frames_;
  std::string payload_;
  std::size_t head_bytes_ = 0;
  std::uint64_t received_ = 0;
  bool comparing_ = false;
  bool wrong_ = false;
};

class DeflatedPath final : public Path {
 public:
  DeflatedPath(Offer offer, std::string_view target)
      : request_(handshake_request(endpoint(), target, offer)),
        head_(scene_.answer_to(request_, "\r\n\r\n")),
        echoes_(Content::json, payload_bytes, depth, offer,
                std::string(header_field(head_, "Sec-WebSocket-Extensions"))),
        client_(scene_.stream(), echoes_) {
    check_handshake(head_, offer).value();
    client_.expect_head(head_.size());
    client_.send(request_);
    scene_.until([this] { return client_.upgraded(); });
  }

  std::size_t messages_a_round() const noexcept override { return echoes_.messages(); }
  void round() override {
    client_.compare(false);
    exchange();
  }
  void checked_round() override {
    client_.compare(true);
    exchange();
    const std::uint64_t received = client_.received();
    scene_.settle();
    require(client_.received() == received && !client_.wrong(), "an answer is wrong");
  }

 private:
  void exchange() {
    for (std::size_t count = 0; count < echoes_.messages(); ++count) {
      const std::uint64_t number = client_.received();
      client_.send(echoes_.batch_after(number));
      scene_.until([&] { return client_.received() > number || client_.wrong(); });
      require(!client_.wrong(), "an answer is wrong");
    }
  }

  Scene scene_;
  std::string request_;
  std::string head_;
  DeflatedEchoes echoes_;
  DeflatedClient client_;
};

}  // namespace

std::unique_ptr<Path> deflated_path(Offer offer, std::string_view target) {
  return std::make_unique<DeflatedPath>(offer, target);
}

}  // namespace tidewire::bench
