#include <openssl/ssl.h>
#include <tidewire/tls/record_io.h>
#include <algorithm>
#include <limits>
#include <new>

namespace tidewire::tls {
namespace {

// Enough for what a turn writes to many connections, little enough to keep.
constexpr std::size_t most_spare = 64;
constexpr std::size_t most_spare_bytes = 32 * 1024;

}  // namespace

/// What OpenSSL calls; nothing may be thrown through it.
struct RecordIo::Method {
  static RecordIo& of(BIO* bio) noexcept { return *static_cast<RecordIo*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t size, std::size_t* count) noexcept {
    Bytes* const input = of(bio).input_;
    RecordCursor* const cursor = of(bio).cursor_;
    BIO_clear_retry_flags(bio);
    if (input == nullptr || input->empty() || (cursor != nullptr && !cursor->may_read())) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *count = std::min(size, input->size());
    if (cursor != nullptr) *count = cursor->advance(input->first(*count));
    std::copy_n(input->data(), *count, reinterpret_cast<std::byte*>(to));
    *input = input->subspan(*count);
    return 1;
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* count) noexcept {
    BIO_clear_retry_flags(bio);
    RecordIo& io = of(bio);
    try {
      io.output_.append({reinterpret_cast<const std::byte*>(from), size});
    } catch (const std::bad_alloc&) {
      io.starved_ = true;
      return 0;
    }
    *count = size;
    return 1;
  }

  // Flushing succeeds; whatever else there is to ask, the answer is no.
  static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  /// Made once for the process and never freed: OpenSSL has no more to do at its end.
  static const BIO_METHOD* get() {
    static BIO_METHOD* const method = make();
    if (method == nullptr) throw std::bad_alloc();
    return method;
  }

 private:
  static BIO_METHOD* make() noexcept {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidewire");
    if (method == nullptr) return nullptr;
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }
};

RecordIo::RecordIo(Loop& its)
    : loop(its), held(its.local<transport::LoopBuffers>().held), bio_(make_bio()), text_(new std::byte[text_bytes]) {
  spare_.reserve(most_spare);
  static_cast<void>(output_.prepare(batch_bytes + batch_bytes / 8));
}

BioPtr RecordIo::make_bio() {
  BioPtr made(BIO_new(Method::get()));
  if (!made) throw std::bad_alloc();
  BIO_set_data(made.get(), this);
  BIO_set_init(made.get(), 1);
  return made;
}

std::unique_ptr<Buffer> RecordIo::take_buffer() {
  if (spare_.empty()) return std::make_unique<Buffer>();
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void RecordIo::give_back(std::unique_ptr<Buffer> buffer) noexcept {
  if (spare_.size() == most_spare || buffer->capacity() > most_spare_bytes) return;
  buffer->clear();
  spare_.push_back(std::move(buffer));
}

void RecordIo::serve(SSL& connection) noexcept {
  // One reference for both directions.
  BIO_up_ref(bio_.get());
  SSL_set_bio(&connection, bio_.get(), bio_.get());
}

}  // namespace tidewire::tls
