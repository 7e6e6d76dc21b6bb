#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <tidewire/bench/tls.h>
#include <algorithm>
#include <cstring>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t receive_buffer_bytes = 256 * 1024;
/// A server's flight; what is there beyond that is an error.
constexpr std::size_t most_flight_bytes = 16 * 1024;
/// OpenSSL may hold so much of a record (RFC 8446 5.2, 16 KiB and some) from an earlier receive.
constexpr std::size_t most_held_bytes = 20 * 1024;
/// So much is encrypted at a time: it has to be kept where the socket does not take it.
constexpr std::size_t most_encrypted_bytes = 256 * 1024;

constexpr const char* ciphers_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* ciphers_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// What OpenSSL complains about, and nothing is left in its queue.
std::string reason() {
  const unsigned long code = ERR_get_error();
  const char* const text = ERR_reason_error_string(code);
  ERR_clear_error();
  return text != nullptr ? text : "an unknown reason";
}

Error tls_error(const std::string& what) { return {Errc::protocol_error, "TLS: " + what}; }

bool means_ended(const Error& error) {
  return error.code == std::errc::connection_reset || error.code == std::errc::broken_pipe;
}

int read_input(BIO* bio, char* out, int size) {
  auto& input = *static_cast<std::string_view*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t count = std::min(input.size(), static_cast<std::size_t>(size));
  std::memcpy(out, input.data(), count);
  input.remove_prefix(count);
  return static_cast<int>(count);
}

int write_output(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<std::string*>(BIO_get_data(bio))->append(data, static_cast<std::size_t>(size));
  return size;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

}  // namespace

void TlsClient::EndMethod::operator()(bio_method_st* method) const noexcept { BIO_meth_free(method); }
void TlsClient::EndContext::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
void TlsClient::EndSession::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }

void TlsChannel::EndSsl::operator()(ssl_st* ssl) const noexcept {
  // Or OpenSSL takes its end for a failure, for which the session must not be resumed.
  SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl);
}

TlsClient::TlsClient(bool resumes)
    : resumes_(resumes),
      method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "load")),
      context_(SSL_CTX_new(TLS_client_method())),
      receive_buffer_(receive_buffer_bytes) {}

TlsClient::~TlsClient() = default;

Result<std::unique_ptr<TlsClient>> TlsClient::create(TlsVersion version, bool resumes) {
  std::unique_ptr<TlsClient> client(new TlsClient(resumes));
  if (auto configured = client->configure(version); !configured) return configured.error();
  return client;
}

Result<void> TlsClient::configure(TlsVersion version) {
  SSL_CTX* const context = context_.get();
  if (!method_ || context == nullptr) return tls_error(reason());
  BIO_meth_set_read(method_.get(), read_input);
  BIO_meth_set_write(method_.get(), write_output);
  BIO_meth_set_ctrl(method_.get(), control);

  const int wanted = version == TlsVersion::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
  const bool set =
      SSL_CTX_set_min_proto_version(context, wanted) == 1 && SSL_CTX_set_max_proto_version(context, wanted) == 1 &&
      SSL_CTX_set_ciphersuites(context, ciphers_1_3) == 1 && SSL_CTX_set_cipher_list(context, ciphers_1_2) == 1;
  if (!set) return tls_error(reason());
  // The one check of the certificate that is left is that its key has signed the handshake.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(
      context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  // OpenSSL takes all that was received at once, and not each record's header first: nothing stays behind in the view.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // With one, OpenSSL would not let a session be used again where a server gives no new one.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return {};
}

Result<std::unique_ptr<TlsChannel>> TlsClient::channel() {
  std::unique_ptr<TlsChannel> channel(new TlsChannel(*this));
  if (auto started = channel->start(); !started) return started.error();
  return channel;
}

void TlsClient::note_agreement(const ssl_st* ssl) {
  agreement_.version = SSL_get_version(ssl);
  agreement_.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  agreement_.resumed = SSL_session_reused(ssl) == 1;
}

TlsChannel::~TlsChannel() {
  if (!open_ || !client_.resumes_) return;
  TlsClient::Session session(SSL_get1_session(ssl_.get()));
  if (session && SSL_SESSION_is_resumable(session.get()) == 1) client_.sessions_.push_back(std::move(session));
}

Result<void> TlsChannel::start() {
  ssl_.reset(SSL_new(client_.context_.get()));
  if (!ssl_) return tls_error(reason());
  BIO* const input = BIO_new(client_.method_.get());
  BIO* const output = BIO_new(client_.method_.get());
  SSL_set0_rbio(ssl_.get(), input);
  SSL_set0_wbio(ssl_.get(), output);
  if (input == nullptr || output == nullptr) return tls_error(reason());
  BIO_set_data(input, &client_.input_);
  BIO_set_data(output, &client_.output_);
  BIO_set_init(input, 1);
  BIO_set_init(output, 1);
  SSL_set_connect_state(ssl_.get());
  if (client_.has_session()) {
    offered_session_ = SSL_set_session(ssl_.get(), client_.sessions_.back().get()) == 1;
    client_.sessions_.pop_back();
  }
  auto advanced = advance();
  unsent_ = client_.output_;
  client_.output_.clear();
  return advanced;
}

/// As far as what has come lets it.
Result<void> TlsChannel::advance() {
  const int status = SSL_do_handshake(ssl_.get());
  if (status != 1) {
    if (SSL_get_error(ssl_.get(), status) == SSL_ERROR_WANT_READ) return {};
    const std::string why = reason();
    return tls_error("the handshake failed: " + why +
                     (why == "wrong version number" ? " (does the server speak TLS on this port?)" : ""));
  }
  if (!client_.input_.empty()) return tls_error("the server said too much in the handshake");
  if (offered_session_ && SSL_session_reused(ssl_.get()) != 1) {
    return Error{Errc::refused, "TLS: the server did not resume a session"};
  }
  open_ = true;
  client_.note_agreement(ssl_.get());
  return {};
}

/// Whether nothing is left.
Result<bool> TlsChannel::send_unsent(int socket) {
  const auto sent = send_to(socket, unsent_);
  if (!sent) return sent.error();
  unsent_.erase(0, *sent);
  return unsent_.empty();
}

/// What OpenSSL has written; what the socket does not take of it waits. Whether nothing waits.
Result<bool> TlsChannel::send_output(int socket) {
  std::string& output = client_.output_;
  if (!unsent_.empty()) {
    unsent_ += output;
    output.clear();
    return send_unsent(socket);
  }
  const auto sent = send_to(socket, output);
  if (sent) unsent_ = output.substr(*sent);
  output.clear();
  if (!sent) return sent.error();
  return unsent_.empty();
}

Result<Handshake> TlsChannel::shake_hands(int socket) {
  if (!unsent_.empty()) {
    const auto all = send_unsent(socket);
    if (!all) return all.error();
    if (!*all) return Handshake::waits;
    return open_ ? Handshake::done : Handshake::goes_on;
  }
  if (open_) return Handshake::done;
  const auto received = receive_from(socket, std::span(client_.receive_buffer_).first(most_flight_bytes));
  if (!received) return received.error();
  if (received->ended) return Error{Errc::closed, "TLS: the server ended a connection in the handshake"};
  if (received->nothing) return Handshake::waits;
  client_.input_ = {client_.receive_buffer_.data(), received->bytes};
  auto advanced = advance();
  if (!client_.output_.empty()) {
    // An alert, too, that says why it failed.
    const auto all = send_output(socket);
    if (advanced && !all) return all.error();
    if (advanced && !*all) return Handshake::waits;
  }
  if (!advanced) return advanced.error();
  return open_ ? Handshake::done : Handshake::goes_on;
}

Result<std::size_t> TlsChannel::send_some(int socket, std::string_view bytes) {
  std::size_t taken = 0;
  if (!unsent_.empty()) {
    const auto all = send_unsent(socket);
    if (!all) return all.error();
    if (!*all) return std::size_t{0};
    taken = std::exchange(owes_byte_, false) ? 1 : 0;
  }
  while (taken < bytes.size()) {
    const std::string_view piece = bytes.substr(taken, most_encrypted_bytes);
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) != 1) return tls_error(reason());
    const auto all = send_output(socket);
    if (!all) return all.error();
    taken += piece.size();
    if (!*all) {
      owes_byte_ = true;
      return taken - 1;
    }
  }
  return taken;
}

Result<Received> TlsChannel::receive(int socket, std::span<char> buffer) {
  const auto room = std::span(client_.receive_buffer_)
                        .first(std::min(client_.receive_buffer_.size(), buffer.size() - most_held_bytes));
  auto received = receive_from(socket, room);
  if (!received && notified_ && means_ended(received.error())) received = Received{.ended = true};
  if (!received) return received.error();
  client_.input_ = {room.data(), received->bytes};
  received->bytes = 0;
  if (!client_.input_.empty()) {
    const auto decrypted = decrypt(buffer);
    if (!decrypted) return decrypted.error();
    received->bytes = *decrypted;
  }
  if (notified_ && !received->ended && received->all && !received->nothing) {
    if (auto answered = answer_notice(socket, *received); !answered) return answered.error();
  }
  if (!client_.output_.empty()) {
    // OpenSSL has answered something by itself.
    if (const auto sent = send_output(socket); !sent) return sent.error();
  }
  received->notified = notified_;
  return received;
}

/// All of the input. It takes less room than that and what is held of a record.
Result<std::size_t> TlsChannel::decrypt(std::span<char> buffer) {
  std::size_t bytes = 0;
  while (!client_.input_.empty() || SSL_has_pending(ssl_.get()) == 1) {
    std::size_t read = 0;
    if (SSL_read_ex(ssl_.get(), buffer.data() + bytes, buffer.size() - bytes, &read) == 1) {
      bytes += read;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) return bytes;
    if (error != SSL_ERROR_ZERO_RETURN) return tls_error(reason());
    notified_ = true;
    client_.input_ = {};
    return bytes;
  }
  return bytes;
}

/// "Each party MUST send a "close_notify" alert before closing its write side" (RFC 8446 6.1). A server that has ended
/// the connection already is spared it.
Result<void> TlsChannel::answer_notice(int socket, Received& received) {
  const auto more = receive_from(socket, client_.receive_buffer_);
  if (!more && !means_ended(more.error())) return more.error();
  received.ended = !more || more->ended;
  if (received.ended || (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return {};
  SSL_shutdown(ssl_.get());
  const auto sent = send_output(socket);
  if (!sent && !means_ended(sent.error())) return sent.error();
  received.ended = !sent;
  return {};
}

}  // namespace tidewire::bench
