#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/secure_stream.h>
#include <algorithm>
#include <utility>

/// What comes: records in, text out.
namespace tidewire::tls {
namespace {

// What a record without text costs beside any other: new keys, and an answer, as a rule.
constexpr std::uint64_t control_record_work = 8'000;

}  // namespace

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
  while (reading_ && !unread_ && !awaits_reader() && receive_once(input) && !budget.spent()) continue;
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
  if (reading_ && may_go_on()) loop().resume_later(*this);
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
  if (!dead() && reading_ && may_go_on()) deliver([this](transport::Consumer&) { receive({}); });
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
    log_end(LogLevel::info, "TLS", peer_address().to_string(), error);
    fail(error);
  });
}

/// Decrypts as much as there is and as fits. Returns OpenSSL's reason to stop, or SSL_ERROR_NONE where there is none
/// but that.
int SecureStream::decrypt(Bytes& input, MutableBytes to, std::size_t& count) noexcept {
  int error = SSL_ERROR_NONE;
  {
    const RecordIo::Scope scope(*io_, input, &cursor_);
    clear_openssl_errors();
    const Budget& budget = loop().budget();
    do {
      error = read_record(to, count);
      // OpenSSL reads no further than a record's end: with no input left, there is no whole one that it has not opened.
    } while (error == SSL_ERROR_NONE && count < to.size() && !budget.spent() &&
             io_->output().size() <= max_unread_answer_bytes && (!input.empty() || SSL_pending(ssl_.get()) != 0));
  }
  send_answers();
  return error;
}

/// Reads one record at the most, and its text to behind the `count` bytes that `to` has.
int SecureStream::read_record(MutableBytes to, std::size_t& count) noexcept {
  std::size_t size = 0;
  cursor_.allow_one();
  const int result = SSL_read_ex(ssl_.get(), to.data() + count, to.size() - count, &size);
  loop().budget().charge(work::record + size * work::byte_received);
  if (result == 1) {
    count += size;
    control_records_ = 0;
    return SSL_ERROR_NONE;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  // A whole record that brought no text; else more of it is to come.
  if (error != SSL_ERROR_WANT_READ || !cursor_.has_read_one()) return error;
  return take_control_record() ? SSL_ERROR_NONE : SSL_ERROR_SSL;
}

/// Counts a record without text. False if there are too many: the connection can't go on, for a reason in OpenSSL's
/// queue.
bool SecureStream::take_control_record() noexcept {
  loop().budget().charge(control_record_work);
  if (++control_records_ <= max_control_records) return true;
  send_fatal_alert();
  raise_openssl_error("the peer sends records without application data over and over");
  return false;
}

/// OpenSSL has no function for this, but sends an alert when it reads what no peer may send: a record that is too long.
void SecureStream::send_fatal_alert() noexcept {
  static constexpr std::byte impossible[] = {std::byte{SSL3_RT_HANDSHAKE}, std::byte{SSL3_VERSION_MAJOR}, std::byte{3},
                                             std::byte{0xff}, std::byte{0xff}};
  Bytes record(impossible);
  const RecordIo::Scope scope(*io_, record);
  char nothing = 0;
  std::size_t size = 0;
  SSL_read_ex(ssl_.get(), &nothing, sizeof nothing, &size);
  clear_openssl_errors();
}

/// Reading may have written: tickets are acknowledged by nothing, but keys are renewed, and alerts answered.
void SecureStream::send_answers() noexcept {
  const std::size_t size = io_->output().size();
  if (size == 0) return;
  send_records();
  if (inner_->queued_bytes() != 0) unread_answer_bytes_ += static_cast<std::uint32_t>(size);
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
  if (!receiving_) go_on_reading();
}

/// Takes what was left over, in a later turn, or reads on.
void SecureStream::go_on_reading() {
  if (reading_ && may_go_on()) return loop().resume_later(*this);
  set_reading();
}

void SecureStream::pause() noexcept {
  reading_ = false;
  cancel_resume();
  if (established_ && !receiving_) inner_->pause();
}

/// Reads from the stream below as long as what comes is wanted: in the handshake by us.
void SecureStream::set_reading() noexcept {
  const bool wanted = !established_ || (reading_ && !has_unread() && !awaits_reader());
  if (!wanted) return inner_->pause();
  if (const auto error = transport::attempt([this] { inner_->resume(); })) fail_later(*error);
}

}  // namespace tidewire::tls
