#include <tidewire/core/buffer.h>
#include <tidewire/transport/attempt.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/transport/output_queue.h>
#include <algorithm>
#include <cassert>

namespace tidewire::transport {
namespace {

class MemoryStream final : public Stream, private Flushable, private Resumable {
 public:
  MemoryStream(Loop& loop, const MemoryStreamOptions& options) : loop_(loop), options_(options) { has_queued_ = true; }

  static void connect(MemoryStream& one, MemoryStream& other) noexcept {
    one.peer_ = &other;
    other.peer_ = &one;
  }

  void attach(Consumer& consumer) noexcept override { consumer_ = &consumer; }
  void resume() override {
    reading_ = !leaving_;
    begun_ = true;
    if (given_back_ && reading_ && !dead()) loop_.resume_later(*this);
    touch();
  }
  void pause() noexcept override {
    reading_ = false;
    cancel_resume();
  }
  void unread(Bytes rest) noexcept override {
    if (dead() || leaving_) return;
    given_back_ = true;
    starved_ = starved_ || attempt([&] { kept_.append(rest); }).has_value();
    if (starved_) return touch();
    if (reading_) loop_.resume_later(*this);
  }

  MutableBytes reserve(std::size_t size) override { return outbox_.reserve(size); }
  void commit(std::size_t count) override {
    enqueue([&] { outbox_.commit(count); });
  }
  void write(Bytes head, Bytes body) override {
    enqueue([&] { outbox_.append(head, body); });
  }
  void write(const SharedBytes& bytes) override {
    enqueue([&] { outbox_.append(bytes); });
  }
  using Stream::write;

  std::size_t queued_bytes() const noexcept override { return outbox_.size(); }
  std::uint64_t taken_bytes() const noexcept override { return taken_bytes_; }
  void end() override {
    ending_ = true;
    touch();
  }
  void close_when_sent() override {
    reading_ = false;
    leaving_ = true;
    if (dead()) return close();
    end();
  }
  void close() noexcept override {
    if (closing_) return;
    closing_ = true;
    cancel_resume();
    if (peer_ != nullptr) {
      peer_->peer_ = nullptr;
      // As with a socket: what was on its way to a reader that closed is a reset for the writer.
      (inbox_.empty() ? peer_->ended_by_peer_ : peer_->reset_by_peer_) = true;
      peer_->touch();
      peer_ = nullptr;
    }
    touch();
  }
  void abort() noexcept override {
    const bool drops = !outbox_.empty() || (peer_ != nullptr && !peer_->inbox_.empty());
    if (drops && !closing_ && peer_ != nullptr) peer_->reset_by_peer_ = true;
    close();
  }
  bool closing() const noexcept override { return closing_; }
  Address local_address() const override { return {}; }
  Address peer_address() const override { return {}; }
  Loop& loop() const noexcept override { return loop_; }

 private:
  void release() noexcept override {
    consumer_ = nullptr;
    released_ = true;
    if (closed_) {
      delete this;
    } else {
      close();
    }
  }

  [[nodiscard]] bool dead() const noexcept { return closing_ || broken_; }

  template <class Add>
  void enqueue(Add add) noexcept {
    if (dead() || ending_ || starved_) return;
    starved_ = attempt(add).has_value();
    touch();
  }

  /// Has the loop look at this end before it waits again.
  void touch() noexcept {
    if (dirty_ || closed_) return;
    dirty_ = true;
    loop_.flush_later(*this);
  }

  void flush() noexcept override {
    dirty_ = false;
    if (closing_) return finish();
    if (broken_) return;
    if (reset_by_peer_) return fail(Error::system(-ECONNRESET));
    if (starved_) return fail(Error::system(-ENOMEM));
    deliver([this] { transfer(); });
    if (!dead()) deliver([this] { receive(); });
  }

  void finish() noexcept {
    closed_ = true;
    if (released_) {
      delete this;
    } else if (consumer_ != nullptr) {
      consumer_->on_closed();
    }
  }

  template <class Call>
  void deliver(Call call) noexcept {
    if (const auto error = attempt(call)) fail(*error);
  }

  void fail(const Error& error) noexcept {
    if (dead()) return;
    broken_ = true;
    if (consumer_ != nullptr && attempt([&] { consumer_->on_failed(error); })) close();
  }

  /// Moves what fits from the outbox to the other end.
  void transfer() {
    const std::size_t before = outbox_.size();
    while (!outbox_.empty()) {
      if (peer_ == nullptr || options_.reset_after_bytes == 0) return break_both();
      std::size_t room =
          peer_->options_.capacity_bytes - std::min(peer_->inbox_.size(), peer_->options_.capacity_bytes);
      room = std::min(room, options_.reset_after_bytes);
      if (room == 0) break;
      Bytes piece;
      outbox_.front({&piece, 1}, room);
      piece = piece.first(std::min(room, piece.size()));
      peer_->inbox_.append(piece);
      peer_->touch();
      if (options_.reset_after_bytes != SIZE_MAX) options_.reset_after_bytes -= piece.size();
      outbox_.consume(piece.size());
      taken_bytes_ += piece.size();
    }
    if (outbox_.empty() && leaving_) return close();
    const bool ends = outbox_.empty() && ending_ && peer_ != nullptr && !peer_->ended_by_peer_;
    if (ends) {
      peer_->ended_by_peer_ = true;
      peer_->touch();
    }
    if ((ends || outbox_.size() < before) && consumer_ != nullptr && !leaving_) consumer_->on_writable();
  }

  void break_both() {
    if (peer_ != nullptr) {
      peer_->reset_by_peer_ = true;
      peer_->touch();
    }
    fail(Error::system(-ECONNRESET));
  }

  /// Delivers once more what was given back, and then what came meanwhile.
  void go_on() noexcept override {
    if (dead() || !reading_ || consumer_ == nullptr) return;
    given_back_ = false;
    std::swap(delivered_, kept_);
    kept_.clear();
    touch();
    deliver([this] { consumer_->on_data(delivered_.bytes()); });
  }

  void receive() {
    if (consumer_ == nullptr) return;
    if (!reading_) {
      if (ended_by_peer_ && begun_ && !leaving_ && !end_told_ && !std::exchange(end_reported_, true)) {
        consumer_->on_peer_ended();
      }
      return;
    }
    if (given_back_) return;
    if (inbox_.empty()) {
      if (ended_by_peer_ && !std::exchange(end_told_, true)) consumer_->on_end();
      return;
    }
    const MutableBytes space = consumer_->receive_space();
    if (!reading_ || dead()) return;
    const std::size_t wanted = space.empty() ? consumer_->receive_limit() : space.size();
    const std::size_t most = std::min(wanted, options_.chunk_bytes);
    const std::size_t count = std::min(inbox_.size(), most);
    // Apart from the inbox: the consumer may write to the bytes, and more may arrive while it does.
    delivered_.clear();
    if (count == inbox_.size()) {
      std::swap(delivered_, inbox_);
    } else {
      delivered_.append(inbox_.view().first(count));
      inbox_.consume(count);
    }
    if (!inbox_.empty() || ended_by_peer_) touch();
    if (peer_ != nullptr) peer_->touch();
    loop_.budget().begin_slice();
    loop_.budget().charge(work::read + count * work::byte_received);
    if (space.empty()) {
      consumer_->on_data(delivered_.bytes());
    } else {
      std::memcpy(space.data(), delivered_.data(), count);
      consumer_->on_filled(count);
    }
  }

  Loop& loop_;
  MemoryStreamOptions options_;
  MemoryStream* peer_ = nullptr;
  Consumer* consumer_ = nullptr;
  OutputQueue outbox_;
  std::uint64_t taken_bytes_ = 0;
  Buffer inbox_;
  Buffer delivered_;
  Buffer kept_;  // What the consumer gave back.
  bool reading_ = false;
  bool begun_ = false;         // Reading has begun.
  bool end_reported_ = false;  // on_peer_ended was called.
  bool dirty_ = false;
  bool broken_ = false;
  bool starved_ = false;  // Output, or what was given back, was lost for lack of memory.
  bool given_back_ = false;
  bool ending_ = false;
  bool leaving_ = false;  // To be closed when the outbox is empty.
  bool ended_by_peer_ = false;
  bool end_told_ = false;
  bool reset_by_peer_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool released_ = false;
};

}  // namespace

std::pair<StreamPtr, StreamPtr> memory_pair(Loop& loop, MemoryStreamOptions options) {
  assert(loop.in_thread() && options.capacity_bytes > 0 && options.chunk_bytes > 0);
  auto* one = new MemoryStream(loop, options);
  StreamPtr first(one);
  auto* other = new MemoryStream(loop, options);
  StreamPtr second(other);
  MemoryStream::connect(*one, *other);
  return {std::move(first), std::move(second)};
}

}  // namespace tidewire::transport
