#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/secure_stream.h>
#include <cassert>
#include <new>
#include <utility>

/// What goes out: text in, records out.
namespace tidewire::tls {
namespace {

// As the socket's stream has it: what is larger is not copied to be held. It is a record, too.
constexpr std::size_t large_bytes = RecordIo::record_bytes;
// So much that waits leaves before the end of the turn.
constexpr std::size_t most_waiting_bytes = 256 * 1024;

}  // namespace

std::size_t SecureStream::queued_bytes() const noexcept {
  return has_queued_ ? inner_->queued_bytes() + (output_ ? output_->size() : 0) : 0;
}

/// Text that waits, which from now on all that follows has to.
Buffer& SecureStream::output() {
  if (!output_) {
    auto waiting = io_->take_buffer();
    // What is held was written before.
    waiting->append(io_->held.take(*this));
    output_ = std::move(waiting);
    has_queued_ = true;
  }
  return *output_;
}

/// Has what `add` appends wait for the end of the turn. Lack of memory breaks the connection: its output has a hole.
template <class Add>
void SecureStream::enqueue(Add add) noexcept {
  try {
    add(output());
  } catch (const std::bad_alloc&) {
    return fail_later(out_of_memory());
  }
  mark_dirty();
  if (established_ && output_->size() >= most_waiting_bytes) push();
}

/// Whether `size` more bytes can be held.
bool SecureStream::make_room(std::size_t size) noexcept {
  if (!holding() || size > large_bytes) return false;
  if (size > io_->held.room().size()) io_->held.flush_now();
  return holding();
}

MutableBytes SecureStream::reserve(std::size_t size) {
  reserved_in_hold_ = make_room(size);
  return reserved_in_hold_ ? io_->held.room() : output().prepare(size);
}

void SecureStream::commit(std::size_t count) {
  if (refuses()) return;
  if (reserved_in_hold_) {
    assert(holding());  // Room is reserved and committed within one callback.
    io_->held.add(count);
  } else {
    enqueue([count](Buffer& waiting) { waiting.commit(count); });
  }
}

void SecureStream::write(Bytes head, Bytes body) {
  if (refuses()) return;
  const std::size_t total = head.size() + body.size();
  if (make_room(total)) {
    io_->held.add(head, body);
  } else if (total > large_bytes && !output_ && established_) {
    write_large(head, body);
  } else {
    enqueue([&](Buffer& waiting) {
      // Both or neither.
      static_cast<void>(waiting.prepare(total));
      waiting.append(head);
      waiting.append(body);
    });
  }
}

void SecureStream::write(const SharedBytes& bytes) { write({}, bytes.view()); }

void SecureStream::write_last(Bytes bytes) {
  if (output_ || !established_ || io_->held.holder() == this) return write({}, bytes);
  // What is held of this stream goes first, into the same records.
  const Bytes before = io_->held.take(*this);
  if (!refuses()) send(before, bytes);
}

void SecureStream::send_held(Bytes bytes) noexcept {
  if (!dead() && !failure_) send(bytes);
}

/// Encrypts the body from where it lies, but for what is more than full records: that shares one with what comes
/// before.
void SecureStream::write_large(Bytes head, Bytes body) noexcept {
  const std::size_t odd = body.size() % RecordIo::record_bytes;
  Buffer& gathered = io_->gathered();
  try {
    gathered.clear();
    gathered.append(io_->held.take(*this));
    gathered.append(head);
    gathered.append(body.first(odd));
  } catch (const std::bad_alloc&) {
    return fail_later(out_of_memory());
  }
  send(gathered.view(), body.subspan(odd));
}

/// Encrypts, and sends that: all of it at once, or in batches if it is much.
void SecureStream::send(Bytes first, Bytes second) noexcept {
  encrypt(first);
  encrypt(second);
  send_records();
}

/// Encrypts; what is more than a batch is sent on the way.
void SecureStream::encrypt(Bytes text) noexcept {
  while (!text.empty() && encrypt_some(text)) {
    if (io_->output().size() >= RecordIo::batch_bytes) send_records();
  }
}

/// Encrypts what makes a batch, from the front of `bytes`. False if that failed, as will be told.
bool SecureStream::encrypt_some(Bytes& bytes) noexcept {
  const Bytes piece = bytes.first(std::min(bytes.size(), RecordIo::batch_bytes));
  Bytes nothing;
  std::size_t count = 0;
  control_records_ = 0;
  {
    const RecordIo::Scope scope(*io_, nothing);
    clear_openssl_errors();
    SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &count);
  }
  bytes = bytes.subspan(count);
  if (count == piece.size()) return true;
  fail_later(io_->take_starved() ? out_of_memory() : openssl_error(Errc::protocol_error, "TLS"));
  return false;
}

/// Sends what OpenSSL has written.
void SecureStream::send_records() noexcept {
  Buffer& records = io_->output();
  if (!records.empty()) {
    if (const auto error = transport::attempt([&] { inner_->write_last(records.view()); })) fail_later(*error);
    records.clear();
  }
  note_queued();
}

/// Sends what waits, and says goodbye behind it if that was asked for. Calls nobody.
void SecureStream::push() noexcept {
  if (established_ && output_) {
    std::unique_ptr<Buffer> waiting = std::exchange(output_, nullptr);
    encrypt(waiting->view());
    io_->give_back(std::move(waiting));
    waited_ = true;
  }
  if (ending_ && !ended_ && !output_ && !failure_) {
    say_goodbye();
  } else {
    send_records();
  }
}

void SecureStream::say_goodbye() noexcept {
  ended_ = true;
  if (established_) {
    encrypt(io_->held.take(*this));
    Bytes nothing;
    const RecordIo::Scope scope(*io_, nothing);
    clear_openssl_errors();
    SSL_shutdown(ssl_.get());
  }
  send_records();
  const auto error = transport::attempt([this] { leaving_ ? inner_->close_when_sent() : inner_->end(); });
  if (error) fail_later(*error);
}

void SecureStream::end() {
  if (refuses()) return;
  // It leaves where output leaves, at the end of the turn.
  ending_ = true;
  mark_dirty();
}

}  // namespace tidewire::tls
