#include <tidewire/core/log_limit.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/secure_stream.h>
#include <cassert>
#include <new>
#include <utility>

namespace tidewire::tls {
namespace {

// How long a peer that takes nothing may keep its connection when the reason why it ends was written.
constexpr std::chrono::milliseconds parting_timeout{2'000};

}  // namespace

SecureStream::SecureStream(Side side, SslPtr ssl, transport::StreamPtr inner,
                           std::chrono::milliseconds handshake_timeout, std::string_view answer_to_plain_text)
    : inner_(std::move(inner)),
      ssl_(std::move(ssl)),
      io_(&io_over(*inner_)),
      greeting_(new Greeting{inner_->peer_address().to_string(), answer_to_plain_text}),
      side_(side) {
  io_->serve(*ssl_);
  loop().arm(*this, handshake_timeout);
}

RecordIo& SecureStream::io_over(transport::Stream& inner) {
  const auto* const below = dynamic_cast<SecureStream*>(&inner);
  return below != nullptr ? below->io_->above() : inner.loop().local<RecordIo>();
}

void SecureStream::start() {
  inner_->attach(*this);
  inner_->resume();
  // A client speaks first, when whoever made the stream has attached to it.
  if (side_ == Side::client) mark_dirty();
}

// The handshake

/// Goes on with the handshake. Returns whether it is over; else all of the input was used, or it has failed.
bool SecureStream::shake_hands(Bytes& input) {
  const bool first = !begun_;
  begun_ = true;
  if (first && side_ == Side::server && !answer_plain_text(input)) return false;
  int error = SSL_ERROR_NONE;
  {
    const RecordIo::Scope scope(*io_, input, &cursor_);
    clear_openssl_errors();
    loop().budget().charge(work::handshake_step);
    cursor_.allow_any();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) error = SSL_get_error(ssl_.get(), result);
  }
  const Error failure = error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ ? Error() : handshake_error(error);
  send_records();
  if (error == SSL_ERROR_WANT_READ) return false;
  if (error != SSL_ERROR_NONE) {
    parting_ = true;
    fail_handshake(failure);
    return false;
  }
  established_ = true;
  greeting_.reset();
  loop().disarm(*this);
  if (output_ || ending_) mark_dirty();
  return true;
}

/// A record of TLS begins with its type, a request of HTTP's with a letter. Returns whether to go on.
bool SecureStream::answer_plain_text(Bytes input) {
  const char first = input.empty() ? '\0' : static_cast<char>(input.front());
  if (first < 'A' || first > 'Z') return true;
  if (!greeting_->answer_to_plain_text.empty()) {
    inner_->write(as_bytes(greeting_->answer_to_plain_text));
    parting_ = true;
  }
  fail_handshake({Errc::protocol_error, "the client speaks plain text, HTTP perhaps, not TLS"});
  return false;
}

Error SecureStream::handshake_error(int ssl_error) {
  if (io_->take_starved()) return out_of_memory();
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && !SSL_is_init_finished(ssl_.get())) {
    clear_openssl_errors();
    return {Errc::untrusted, std::string("the peer's certificate: ") + X509_verify_cert_error_string(verified)};
  }
  return openssl_error(Errc::protocol_error, ssl_error == SSL_ERROR_SYSCALL ? "cut off" : "");
}

/// The one way out of a handshake.
void SecureStream::fail_handshake(const Error& error, LogLevel level) noexcept {
  log_end(level, "TLS handshake", greeting_->peer, error);
  fail(error);
}

void SecureStream::log_end(LogLevel level, std::string_view kind, std::string_view peer, const Error& error) noexcept {
  log_limited(loop(), level, kind, [&] {
    std::string line(kind);
    line += " with ";
    line += peer.empty() ? "a peer without an address" : peer;
    return line + " failed: " + error.message();
  });
}

void SecureStream::on_deadline() noexcept {
  if (closing_) return inner_->abort();
  fail_handshake({Errc::timeout, {}});
}

// From the stream below

void SecureStream::on_end() {
  if (dead() || peer_ended_) return;
  if (!established_) {
    // Who says nothing at all wanted to know whether somebody listens.
    const Error error{Errc::truncated, "the peer ended the connection"};
    return fail_handshake(error, begun_ ? LogLevel::info : LogLevel::debug);
  }
  fail({Errc::truncated, "TLS"});
}

/// The stream below is paused when ours is, or for a moment while records wait to be decrypted.
void SecureStream::on_peer_ended() {
  if (dead() || peer_ended_ || leaving_ || !established_) return;
  deliver([](transport::Consumer& consumer) { consumer.on_peer_ended(); });
}

void SecureStream::on_failed(const Error& error) {
  if (closing_) return inner_->close();
  if (dead()) return;
  if (!established_) return fail_handshake(error);
  fail(error);
}

void SecureStream::on_writable() {
  note_queued();
  waited_ = false;
  if (unread_answer_bytes_ != 0 && inner_->queued_bytes() == 0) {
    const bool awaited = awaits_reader();
    unread_answer_bytes_ = 0;
    if (awaited && !dead()) go_on_reading();
  }
  if (dead() || leaving_ || !established_) return;
  deliver([](transport::Consumer& consumer) { consumer.on_writable(); });
}

void SecureStream::on_closed() noexcept {
  closed_ = true;
  if (!dirty_) finish_close();
}

// A stream is in nobody's list of connections, its consumer may be.
void SecureStream::drain() {}
void SecureStream::abandon() noexcept {}

// The end

void SecureStream::close_when_sent() {
  pause();
  if (!refuses()) end();
  leaving_ = true;
  if (dead()) return close();
  if (ended_) inner_->close_when_sent();
}

void SecureStream::close() noexcept {
  if (closing_) {
    if (parting_) inner_->close();
    return;
  }
  closing_ = true;
  reading_ = false;
  cancel_resume();
  loop().disarm(*this);
  io_->held.take(*this);
  output_.reset();
  input_.reset();
  unread_.reset();
  has_queued_ = false;
  if (!parting_ || inner_->closing()) return inner_->close();
  loop().arm(*this, parting_timeout);
  if (!loop().guard("tls", [this] { inner_->close_when_sent(); })) inner_->close();
}

void SecureStream::abort() noexcept {
  parting_ = false;
  inner_->abort();
  close();
}

void SecureStream::finish_close() noexcept {
  finished_ = true;
  if (released_) {
    delete this;
  } else if (consumer_ != nullptr) {
    consumer_->on_closed();
  }
}

void SecureStream::release() noexcept {
  consumer_ = nullptr;
  released_ = true;
  if (finished_) {
    delete this;
  } else {
    parting_ = false;
    close();
    if (!inner_->closing()) inner_->close();
  }
}

/// Never called from within a call of the consumer's: see fail_later.
void SecureStream::fail(const Error& error) noexcept {
  if (dead()) return;
  broken_ = true;
  reading_ = false;
  cancel_resume();
  loop().disarm(*this);
  inner_->pause();
  io_->held.take(*this);
  if (consumer_ != nullptr && transport::attempt([&] { consumer_->on_failed(error); })) close();
}

/// Has the failure told when the consumer is not on the stack.
void SecureStream::fail_later(Error error) noexcept {
  if (!failure_) {
    // Without memory for the reason, the lack of it is the reason.
    const bool kept = !transport::attempt([&] { failure_ = std::make_unique<Error>(std::move(error)); });
    if (!kept) return close();
  }
  mark_dirty();
}

void SecureStream::mark_dirty() noexcept {
  if (dirty_) return;
  dirty_ = true;
  loop().flush_later(*this);
}

/// The end of the turn.
void SecureStream::flush() noexcept {
  dirty_ = false;
  if (closed_) return finish_close();
  if (dead()) return;
  if (failure_) return fail(*failure_);
  if (!begun_ && side_ == Side::client) {
    Bytes nothing;
    static_cast<void>(shake_hands(nothing));
    return;
  }
  push();
  if (failure_) return fail(*failure_);
  // What waits in the stream below is for that to tell.
  if (waited_ && !inner_->has_queued()) on_writable();
  if (dead()) return;
}

// What the handshake has settled

Version SecureStream::version() const noexcept {
  return SSL_version(ssl_.get()) == TLS1_3_VERSION ? Version::tls_1_3 : Version::tls_1_2;
}

std::string_view SecureStream::cipher() const noexcept {
  return established_ ? std::string_view(SSL_get_cipher_name(ssl_.get())) : std::string_view();
}

std::string_view SecureStream::server_name() const noexcept {
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? std::string_view(name) : std::string_view();
}

std::string_view SecureStream::application_protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool SecureStream::resumed() const noexcept { return established_ && SSL_session_reused(ssl_.get()) == 1; }

std::optional<PeerCertificate> SecureStream::peer_certificate() const {
  X509* const certificate = established_ ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (certificate == nullptr) return std::nullopt;
  return PeerCertificate::from(*certificate);
}

}  // namespace tidewire::tls
