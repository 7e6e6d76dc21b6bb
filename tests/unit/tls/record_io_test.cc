#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <tidewire/tls/record_io.h>
#include <memory>

using namespace tidewire;
using tls::RecordIo;

namespace {

struct Ssl {
  explicit Ssl(RecordIo& io) : context(SSL_CTX_new(TLS_method())), ssl(SSL_new(context)) { io.serve(*ssl); }
  Ssl(const Ssl&) = delete;
  Ssl& operator=(const Ssl&) = delete;
  ~Ssl() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  BIO* in() const { return SSL_get_rbio(ssl); }
  BIO* out() const { return SSL_get_wbio(ssl); }

  SSL_CTX* context;
  SSL* ssl;
};

std::string read(BIO* bio, std::size_t size) {
  std::string text(size, '\0');
  const int count = BIO_read(bio, text.data(), static_cast<int>(size));
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

}  // namespace

TEST_CASE("OpenSSL reads what the scope has, and is to try again behind it") {
  Loop loop;
  RecordIo& io = loop.local<RecordIo>();
  const Ssl one(io);
  CHECK(read(one.in(), 5).empty());
  CHECK(BIO_should_retry(one.in()));
  Bytes input = as_bytes("records");
  {
    const RecordIo::Scope scope(io, input);
    CHECK(read(one.in(), 3) == "rec");
    CHECK(as_text(input) == "ords");
    CHECK(read(one.in(), 100) == "ords");
    CHECK(read(one.in(), 1).empty());
    CHECK(BIO_should_read(one.in()));
  }
  CHECK(input.empty());
}

TEST_CASE("scopes nest: an application's callback may use another connection") {
  Loop loop;
  RecordIo& io = loop.local<RecordIo>();
  const Ssl one(io);
  const Ssl other(io);
  Bytes outer = as_bytes("outer");
  Bytes inner = as_bytes("inner");
  const RecordIo::Scope around(io, outer);
  CHECK(read(one.in(), 2) == "ou");
  {
    const RecordIo::Scope within(io, inner);
    CHECK(read(other.in(), 5) == "inner");
  }
  CHECK(read(one.in(), 5) == "ter");
}

TEST_CASE("what OpenSSL writes is there in order, and flushing succeeds") {
  Loop loop;
  RecordIo& io = loop.local<RecordIo>();
  const Ssl one(io);
  CHECK(BIO_write(one.out(), "first ", 6) == 6);
  CHECK(BIO_write(one.out(), "second", 6) == 6);
  CHECK(BIO_flush(one.out()) == 1);
  CHECK(as_text(io.output().view()) == "first second");
  CHECK_FALSE(io.take_starved());
  io.output().clear();
}

TEST_CASE("connections may end after each other, in any order, and before the loop") {
  Loop loop;
  RecordIo& io = loop.local<RecordIo>();
  auto one = std::make_unique<Ssl>(io);
  auto other = std::make_unique<Ssl>(io);
  one.reset();
  CHECK(BIO_write(other->out(), "still", 5) == 5);
  other.reset();
  CHECK(as_text(io.output().view()) == "still");
}

TEST_CASE("buffers that were given back serve again, if they are small") {
  Loop loop;
  RecordIo& io = loop.local<RecordIo>();
  auto small = io.take_buffer();
  small->append(as_bytes("text"));
  const Buffer* const same = small.get();
  io.give_back(std::move(small));
  auto again = io.take_buffer();
  CHECK(again.get() == same);
  CHECK(again->empty());
  CHECK(again->capacity() > 0);
  static_cast<void>(again->prepare(100'000));
  io.give_back(std::move(again));
  CHECK(io.take_buffer()->capacity() == 0);
}
