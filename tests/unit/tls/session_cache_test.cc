#include <doctest/doctest.h>
#include <tidewire/tls/session_cache.h>
#include <tidewire/tls/session_terms.h>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire::tls;

namespace {

/// A session as it is after a handshake: with an identifier, without which none is resumable.
SslSessionPtr session(int version) {
  SslSessionPtr made(SSL_SESSION_new());
  const unsigned char id[] = {1, 2, 3};
  REQUIRE(SSL_SESSION_set1_id(made.get(), id, sizeof id) == 1);
  REQUIRE(SSL_SESSION_set_protocol_version(made.get(), version) == 1);
  SSL_SESSION_set_timeout(made.get(), 1'000'000);
  const SslCtxPtr context(SSL_CTX_new(TLS_method()));
  SessionTerms::add_to(*made, *SslPtr(SSL_new(context.get())), std::chrono::system_clock::now());
  return made;
}

}  // namespace

TEST_CASE("a session of TLS 1.2 is handed out again and again, one of TLS 1.3 once") {
  SessionCache cache(10);
  cache.put("a:1", session(TLS1_2_VERSION));
  cache.put("b:1", session(TLS1_3_VERSION));
  const SslSessionPtr first = cache.take("a:1");
  CHECK(first);
  CHECK(cache.take("a:1") == first);
  CHECK(cache.take("b:1"));
  CHECK_FALSE(cache.take("b:1"));
  CHECK_FALSE(cache.take("c:1"));
  CHECK(cache.size() == 1);
}

TEST_CASE("the last session of a server takes the place of the one before") {
  SessionCache cache(10);
  cache.put("a:1", session(TLS1_2_VERSION));
  SslSessionPtr second = session(TLS1_3_VERSION);
  SSL_SESSION* const expected = second.get();
  cache.put("a:1", std::move(second));
  CHECK(cache.size() == 1);
  CHECK(cache.take("a:1").get() == expected);
}

TEST_CASE("beyond its size the cache drops what was not used for longest") {
  SessionCache cache(2);
  cache.put("a:1", session(TLS1_2_VERSION));
  cache.put("b:1", session(TLS1_2_VERSION));
  CHECK(cache.take("a:1"));
  cache.put("c:1", session(TLS1_2_VERSION));
  CHECK(cache.size() == 2);
  CHECK_FALSE(cache.take("b:1"));
  CHECK(cache.take("a:1"));
  CHECK(cache.take("c:1"));
}

TEST_CASE("a cache for no sessions keeps none") {
  SessionCache cache(0);
  cache.put("a:1", session(TLS1_2_VERSION));
  CHECK(cache.size() == 0);
}

TEST_CASE("a session that has expired is dropped, and one that was never complete") {
  SessionCache cache(2);
  SslSessionPtr old = session(TLS1_2_VERSION);
  SSL_SESSION_set_time(old.get(), 1000);
  cache.put("a:1", std::move(old));
  CHECK_FALSE(cache.take("a:1"));
  cache.put("b:1", SslSessionPtr(SSL_SESSION_new()));
  CHECK_FALSE(cache.take("b:1"));
  CHECK(cache.size() == 0);
}

TEST_CASE("a session is not handed out beyond its terms, though its tickets are newer") {
  const auto now = std::chrono::system_clock::now();
  SessionCache cache(2);
  cache.put("a:1", session(TLS1_2_VERSION));
  CHECK(cache.take("a:1", now + SessionCache::max_session_lifetime - std::chrono::minutes(1)));
  CHECK_FALSE(cache.take("a:1", now + SessionCache::max_session_lifetime + std::chrono::minutes(1)));
  CHECK(cache.size() == 0);
}

TEST_SUITE("threaded") {
  TEST_CASE("threads put and take sessions at the same time") {
    SessionCache cache(4);
    const auto work = [&](int first) {
      for (int i = 0; i < 300; ++i) {
        cache.put(std::to_string((first + i) % 7), session(i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION));
        static_cast<void>(cache.take(std::to_string(i % 7)));
      }
    };
    std::thread other(work, 0);
    work(3);
    other.join();
    CHECK(cache.size() <= 4);
  }
}
