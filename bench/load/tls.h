#pragma once

#include <tidewire/bench/socket.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct bio_method_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace tidewire::bench {

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

/// What a server has agreed to: as OpenSSL names them.
struct TlsAgreement {
  std::string version;
  std::string cipher;
  bool resumed = false;  ///< The connections that count resumed earlier sessions.
};

class TlsChannel;

/// What all TLS connections of a run have in common: one version and no other, AES-128-GCM before other ciphers, any
/// certificate taken, as those of test servers on this machine prove nothing. For one thread.
///
/// OpenSSL reads from a view of what was received and writes to a buffer, both of them here and not each connection's:
/// a batch costs one receive and one send, as it does in the clear, and connections that say nothing hold no buffer.
class TlsClient {
 public:
  /// With `resumes`, a connection resumes the session of one that has ended, if there is any, and leaves its own to a
  /// later one: the latest that the server gave it. The server's refusal is an error.
  [[nodiscard]] static Result<std::unique_ptr<TlsClient>> create(TlsVersion version, bool resumes);

  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  /// For a new connection; the client has to outlive it.
  [[nodiscard]] Result<std::unique_ptr<TlsChannel>> channel();

  [[nodiscard]] bool resumes() const noexcept { return resumes_; }
  [[nodiscard]] bool has_session() const noexcept { return !sessions_.empty(); }
  /// By the latest handshake.
  [[nodiscard]] const TlsAgreement& agreement() const noexcept { return agreement_; }

 private:
  friend class TlsChannel;
  struct EndMethod {
    void operator()(bio_method_st* method) const noexcept;
  };
  struct EndContext {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  struct EndSession {
    void operator()(ssl_session_st* session) const noexcept;
  };
  using Session = std::unique_ptr<ssl_session_st, EndSession>;

  explicit TlsClient(bool resumes);
  Result<void> configure(TlsVersion version);
  void note_agreement(const ssl_st* ssl);

  bool resumes_;
  std::unique_ptr<bio_method_st, EndMethod> method_;
  std::unique_ptr<ssl_ctx_st, EndContext> context_;
  std::vector<Session> sessions_;  ///< Of connections that have ended.
  TlsAgreement agreement_;
  std::vector<char> receive_buffer_;
  std::string_view input_;  ///< Received, and not yet read by OpenSSL.
  std::string output_;      ///< Written by OpenSSL, and not yet sent.
};

/// Where a handshake is.
enum class Handshake : std::uint8_t {
  goes_on,  ///< It can go on at once.
  waits,    ///< For the socket.
  done,
};

/// TLS on one socket, which it is given with each call.
class TlsChannel {
 public:
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;
  ~TlsChannel();

  /// A step of the handshake: sends what is to be sent, or receives once.
  [[nodiscard]] Result<Handshake> shake_hands(int socket);

  /// As `Connection` has it.
  [[nodiscard]] Result<std::size_t> send_some(int socket, std::string_view bytes);
  [[nodiscard]] Result<Received> receive(int socket, std::span<char> buffer);

 private:
  friend class TlsClient;
  struct EndSsl {
    void operator()(ssl_st* ssl) const noexcept;
  };

  explicit TlsChannel(TlsClient& client) noexcept : client_(client) {}
  Result<void> start();
  Result<void> advance();
  Result<bool> send_unsent(int socket);
  Result<bool> send_output(int socket);
  Result<std::size_t> decrypt(std::span<char> buffer);
  Result<void> answer_notice(int socket, Received& received);

  TlsClient& client_;
  std::unique_ptr<ssl_st, EndSsl> ssl_;
  std::string unsent_;            ///< Records that the socket did not take, or not all of them.
  bool offered_session_ = false;  ///< In the handshake.
  bool open_ = false;             ///< The handshake is done.
  bool owes_byte_ = false;        ///< `unsent_` has the last byte that `send_some` has not counted.
  bool notified_ = false;         ///< The server's close_notify has come.
};

}  // namespace tidewire::bench
