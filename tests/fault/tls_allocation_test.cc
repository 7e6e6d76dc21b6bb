#include <doctest/doctest.h>
#include <openssl/crypto.h>
#include <support/allocations.h>
#include <support/consumers.h>
#include <support/kernel_stream.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/tls/stream.h>
#include <array>
#include <cstdint>

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

/// Who encrypts.
enum class By : std::uint8_t { openssl, kernel };

/// What becomes of a conversation: an echo in each direction of what is small and what is large, and the end.
struct Conversation {
  explicit Conversation(Loop& loop, By by) {
    auto [one, other] = transport::memory_pair(loop);
    if (by == By::kernel) {
      one.reset(new KernelStream(std::move(one), kernel));
      other.reset(new KernelStream(std::move(other), kernel));
    }
    static const std::array clients{client_context(), kernel_client_context()};
    static const std::array servers{server_context(), kernel_server_context()};
    const auto which = static_cast<std::size_t>(by);
    near.emplace(tls::connect(clients[which], std::move(one), "localhost", 443).value());
    far.emplace(tls::accept(servers[which], std::move(other)));
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

  Kernel kernel;
  std::optional<Recorder> near, far;
};

bool survives(std::size_t number, const std::string& text, By by) {
  Loop loop;
  loop.set_log_sink({});
  // What the loop has for all its connections is there, as it is in a server's life.
  { Conversation first(loop, by); }
  settle(loop);
  bool failed = false;
  {
    Allocations::fail(number, false);
    std::optional<Conversation> talk;
    try {
      talk.emplace(loop, by);
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
  Conversation other(loop, by);
  other.say(text);
  run_until(loop, [&] { return other.over(); });
  CHECK(other.near->received == text);
  return failed;
}

}  // namespace

TEST_CASE("an allocation that fails in a TLS conversation, OpenSSL's among them, ends that connection at the most") {
  REQUIRE(openssl_counts);
  const std::string text = pattern(40'000);
  for (const By by : {By::openssl, By::kernel}) {
    CAPTURE(by);
    // Contexts, algorithms and tables that OpenSSL makes once.
    CHECK_FALSE(survives(1'000'000, text, by));
    std::size_t number = 1;
    // The handshake makes hundreds alike.
    while (survives(number, text, by)) number += number < 60 ? 1 : 7;
    CHECK(number > 300);
  }
}
