#include <doctest/doctest.h>
#include <openssl/crypto.h>
#include <support/allocations.h>
#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/tls/stream.h>

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// OpenSSL's memory, counted and failing with the rest. It must be said before OpenSSL's first allocation.
const bool openssl_counts = [] {
  const auto take = [](std::size_t size, const char*, int) -> void* {
    return size == 0 ? nullptr : Allocations::take(size, 1);
  };
  const auto resize = [](void* memory, std::size_t size, const char*, int) -> void* {
    if (size == 0) return std::free(memory), nullptr;
    void* const other = Allocations::take(size, 1);
    if (other == nullptr) return nullptr;
    // Counted, and given back for what keeps the contents.
    std::free(other);
    return std::realloc(memory, size);
  };
  return CRYPTO_set_mem_functions(take, resize, [](void* memory, const char*, int) { std::free(memory); }) == 1;
}();

/// What becomes of a conversation: an echo in each direction of what is small and what is large, and the end.
struct Conversation {
  explicit Conversation(Loop& loop) {
    auto [one, other] = transport::memory_pair(loop);
    near.emplace(tls::connect(client_context(), std::move(one), "localhost", 443).value());
    far.emplace(tls::accept(server_context(), std::move(other)));
    near->failed = [this] { near->stream->close(); };
    far->failed = [this] { far->stream->close(); };
    far->data = [this](std::string_view text) { far->write(text); };
    far->end = [this] { far->stream->end(); };
  }

  void say(std::string_view text) {
    near->write(text.substr(0, 10));
    near->write(text.substr(10));
    near->stream->end();
  }
  [[nodiscard]] bool over() const { return near->ends + near->closes > 0 && far->ends + far->closes > 0; }

  std::optional<Recorder> near, far;
};

bool survives(std::size_t number, const std::string& text) {
  Loop loop;
  loop.set_log_sink({});
  // What the loop has for all its connections is there, as it is in a server's life.
  { Conversation first(loop); }
  settle(loop);
  bool failed = false;
  {
    Allocations::fail(number, false);
    std::optional<Conversation> talk;
    try {
      talk.emplace(loop);
      talk->say(text);
    } catch (const std::exception&) {
      // That there is no connection, is told.
    }
    // Not by a timer, which would allocate.
    for (int turn = 0; talk && !talk->over() && turn < 1000; ++turn) loop.run_once(false);
    failed = Allocations::failed;
    Allocations::work();
    CHECK((!talk || talk->over()));
  }
  Conversation other(loop);
  other.say(text);
  run_until(loop, [&] { return other.over(); });
  CHECK(other.near->received == text);
  return failed;
}

}  // namespace

TEST_CASE("an allocation that fails in a TLS conversation, OpenSSL's among them, ends that connection at the most") {
  REQUIRE(openssl_counts);
  const std::string text = pattern(40'000);
  // Contexts, algorithms and tables that OpenSSL makes once.
  CHECK_FALSE(survives(1'000'000, text));
  std::size_t number = 1;
  // The handshake makes hundreds alike.
  while (survives(number, text)) number += number < 60 ? 1 : 7;
  CHECK(number > 300);
}
