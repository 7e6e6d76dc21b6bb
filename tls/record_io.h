#pragma once

#include <openssl/bio.h>
#include <tidewire/core/buffer.h>
#include <tidewire/core/bytes.h>
#include <tidewire/core/loop.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/record_cursor.h>
#include <tidewire/transport/loop_buffers.h>
#include <memory>
#include <utility>
#include <vector>

namespace tidewire::tls {

/// What all TLS streams of a loop share, so that none of them has buffers of its own while it is idle: where OpenSSL
/// reads records from and writes them to, where text is decrypted to, and where small pieces are put together.
///
/// OpenSSL knows it as one BIO, which all its connections hold: which of them it reads and writes for is said by a
/// Scope around each call.
class RecordIo {
 public:
  /// What is decrypted at once: several records, and the fastest cache still has room for more.
  static constexpr std::size_t text_bytes = 64 * 1024;
  /// What OpenSSL may put into a record (RFC 8446 section 5.1).
  static constexpr std::size_t record_bytes = 16 * 1024;
  /// How much is encrypted before it is written.
  static constexpr std::size_t batch_bytes = 64 * 1024;

  explicit RecordIo(Loop& loop);
  RecordIo(const RecordIo&) = delete;
  RecordIo& operator=(const RecordIo&) = delete;
  ~RecordIo() = default;

  /// OpenSSL reads from `input`, which shrinks, and writes to `output()`, while this exists. They nest: a call of
  /// OpenSSL's may run an application's callback. `cursor` follows what is read, and may end it before `input` does.
  class Scope {
   public:
    Scope(RecordIo& io, Bytes& input, RecordCursor* cursor = nullptr) noexcept
        : io_(io), outer_input_(io.input_), outer_cursor_(io.cursor_) {
      io.input_ = &input;
      io.cursor_ = cursor;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      io_.input_ = outer_input_;
      io_.cursor_ = outer_cursor_;
    }

   private:
    RecordIo& io_;
    Bytes* outer_input_;
    RecordCursor* outer_cursor_;
  };

  /// Has a connection use this.
  void serve(ssl_st& connection) noexcept;

  /// The records to be written. Whoever called OpenSSL writes and clears them before anyone else does.
  [[nodiscard]] Buffer& output() noexcept { return output_; }
  /// Whether records were lost for lack of memory since this was last asked.
  [[nodiscard]] bool take_starved() noexcept { return std::exchange(starved_, false); }

  [[nodiscard]] MutableBytes text() noexcept { return {text_.get(), text_bytes}; }
  [[nodiscard]] Buffer& gathered() noexcept { return gathered_; }

  /// An empty buffer for what has to wait. Throws std::bad_alloc.
  [[nodiscard]] std::unique_ptr<Buffer> take_buffer();
  /// Takes one back, for the next that needs one.
  void give_back(std::unique_ptr<Buffer> buffer) noexcept;

  /// The same for streams over those that this is for: what these deliver lies in `text()`, which is in use then.
  [[nodiscard]] RecordIo& above() {
    if (!above_) above_ = std::make_unique<RecordIo>(loop);
    return *above_;
  }

  Loop& loop;
  transport::HeldOutput& held;

 private:
  struct Method;

  [[nodiscard]] BioPtr make_bio();

  BioPtr bio_;
  Bytes* input_ = nullptr;
  RecordCursor* cursor_ = nullptr;
  Buffer output_;
  Buffer gathered_;
  std::unique_ptr<std::byte[]> text_;
  std::unique_ptr<RecordIo> above_;
  std::vector<std::unique_ptr<Buffer>> spare_;
  bool starved_ = false;
};

}  // namespace tidewire::tls
