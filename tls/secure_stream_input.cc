#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/secure_stream.h>
#include <algorithm>
#include <utility>

/// What comes: records in, text out.
namespace tidewire::tls {

void SecureStream::on_data(MutableBytes bytes) {
  if (dead()) return;
  // Whatever comes while there is something that was not taken has to wait behind it.
  if (input_) return input_->append(bytes);
  receive(bytes);
}

/// Takes what came, and keeps what the consumer does not want now.
void SecureStream::receive(Bytes input) {
  const std::unique_ptr<Buffer> kept = std::exchange(input_, nullptr);
  if (kept) input = kept->view();
  if (!established_ && !shake_hands(input)) return;

  const auto outer = io_->held.current();
  io_->held.begin(*this, this);
  receiving_ = true;
  if (unread_) deliver_unread();
  const Budget& budget = loop().budget();
  while (reading_ && !unread_ && receive_once(input) && !budget.spent()) continue;
  receiving_ = false;
  io_->held.restore(outer);
  if (dead()) return;
  if (!input.empty() && !peer_ended_) {
    // `input` may lie in what was kept before.
    auto rest = std::make_unique<Buffer>();
    rest->append(input);
    input_ = std::move(rest);
  }
  set_reading();
  if (reading_ && has_unread()) loop().resume_later(*this);
  if (failure_) mark_dirty();
}

/// Delivers once more what the consumer gave back.
void SecureStream::deliver_unread() noexcept {
  const std::unique_ptr<Buffer> text = std::move(unread_);
  deliver([&](transport::Consumer& consumer) { consumer.on_data(text->bytes()); });
}

void SecureStream::unread(Bytes rest) noexcept {
  if (dead() || leaving_) return;
  const auto error = transport::attempt([&] {
    if (!unread_) unread_ = std::make_unique<Buffer>();
    unread_->append(rest);
  });
  if (error) return fail_later(*error);
  if (!receiving_ && reading_) loop().resume_later(*this);
}

/// In a later turn than that in which something was left over.
void SecureStream::go_on() noexcept {
  if (!dead() && reading_ && has_unread()) deliver([this](transport::Consumer&) { receive({}); });
}

/// Decrypts into where the consumer wants it, and delivers. Returns whether there may be more.
bool SecureStream::receive_once(Bytes& input) {
  MutableBytes space;
  deliver([&](transport::Consumer& consumer) { space = consumer.receive_space(); });
  if (dead() || !reading_) return false;
  const bool direct = !space.empty();
  if (!direct) space = io_->text().first(std::min(io_->text().size(), receive_limit()));

  std::size_t count = 0;
  const int error = decrypt(input, space, count);
  if (count != 0) {
    deliver([&](transport::Consumer& consumer) {
      direct ? consumer.on_filled(count) : consumer.on_data(space.first(count));
    });
    if (dead()) return false;
    // The end comes after the text; OpenSSL says it again.
    if (unread_ && error == SSL_ERROR_ZERO_RETURN) return false;
  }
  switch (error) {
    case SSL_ERROR_NONE:
      return !input.empty() || SSL_pending(ssl_.get()) != 0;
    case SSL_ERROR_WANT_READ:
      return false;
    case SSL_ERROR_ZERO_RETURN:
      take_end();
      return false;
    default:
      fail_input();
      return false;
  }
}

/// What came is no TLS, or was changed on its way. OpenSSL has written an alert that says so.
void SecureStream::fail_input() noexcept {
  parting_ = true;
  if (io_->take_starved()) return fail(out_of_memory());
  deliver([this](transport::Consumer&) {
    const Error error = openssl_error(Errc::protocol_error, {});
    log_end(LogLevel::info, "TLS with ", peer_address().to_string(), error);
    fail(error);
  });
}

/// Decrypts as much as there is and as fits. Returns OpenSSL's reason to stop, or SSL_ERROR_NONE where there is none
/// but that.
int SecureStream::decrypt(Bytes& input, MutableBytes to, std::size_t& count) noexcept {
  int error = SSL_ERROR_NONE;
  {
    const RecordIo::Scope scope(*io_, input);
    clear_openssl_errors();
    Budget& budget = loop().budget();
    do {
      std::size_t size = 0;
      const int result = SSL_read_ex(ssl_.get(), to.data() + count, to.size() - count, &size);
      if (result != 1) error = SSL_get_error(ssl_.get(), result);
      count += size;
      budget.charge(work::record + size * work::byte_received);
      // OpenSSL reads no further than a record's end: with no input left, there is no whole one that it has not opened.
    } while (error == SSL_ERROR_NONE && count < to.size() && !budget.spent() &&
             (!input.empty() || SSL_pending(ssl_.get()) != 0));
  }
  // Reading may have written: tickets are acknowledged by nothing, but keys are renewed, and alerts answered.
  if (!io_->output().empty()) send_records();
  return error;
}

bool SecureStream::has_unread() const noexcept {
  return established_ && (unread_ || (!peer_ended_ && (input_ != nullptr || SSL_pending(ssl_.get()) != 0)));
}

void SecureStream::take_end() noexcept {
  reading_ = false;
  peer_ended_ = true;
  deliver([](transport::Consumer& consumer) { consumer.on_end(); });
}

void SecureStream::resume() {
  if (reading_ || dead() || (peer_ended_ && !unread_) || leaving_) return;
  reading_ = true;
  if (receiving_) return;
  if (has_unread()) return loop().resume_later(*this);
  set_reading();
}

void SecureStream::pause() noexcept {
  reading_ = false;
  cancel_resume();
  if (established_ && !receiving_) inner_->pause();
}

/// Reads from the stream below as long as what comes is wanted: in the handshake by us.
void SecureStream::set_reading() noexcept {
  const bool wanted = !established_ || (reading_ && !has_unread());
  if (!wanted) return inner_->pause();
  if (const auto error = transport::attempt([this] { inner_->resume(); })) fail_later(*error);
}

}  // namespace tidewire::tls
