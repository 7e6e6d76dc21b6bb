#include <tidewire/websocket/deflate.h>

#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/json_text.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;
using tidewire::support::json_text;
using tidewire::testing::Allocations;

namespace {

constexpr DeflateSettings with_takeover = {.takeover = true, .window_bits = 12, .level = 3};
constexpr DeflateSettings kept = {.takeover = true, .window_bits = 12, .level = 3, .keep_compressor = true};

struct Received {
  InflateState state;
  std::string text;
};

Received receive(Inflater& inflater, Bytes payload) {
  static std::vector<std::byte> step(200'000);
  const auto [produced, state] = inflater.inflate(payload, true, step);
  // Text is made with working memory: the codec's allocations are looked at, not this one.
  const auto failing = Allocations::failing;
  Allocations::work();
  std::string text(as_text(Bytes(step).first(produced)));
  Allocations::failing = failing;
  return {state, std::move(text)};
}

}  // namespace

TEST_CASE("a compressor without memory leaves the output as it was, and can be used again") {
  const std::string message = json_text(100'000);
  const auto try_with = [&](DeflateBackend backend, const DeflateSettings& settings, std::size_t number, bool forever) {
    DeflateEngines engines(backend), others(backend);
    Deflater deflater(engines, settings);
    Inflater inflater(others, settings);
    Buffer out;
    out.append(as_bytes("before"));
    Allocations::fail(number, forever);
    const bool done = deflater.compress(as_bytes(message), true, out);
    const bool failed = Allocations::failed;
    Allocations::work();
    CHECK(as_text(out.view()).substr(0, 6) == "before");
    // Only the memory for the history may be lacking without harm.
    if (!done) {
      CHECK(failed);
      CHECK(out.size() == 6);
      REQUIRE(deflater.compress(as_bytes(message), true, out));
    }
    out.consume(6);
    REQUIRE(receive(inflater, out.view()).text == message);
    out.clear();
    REQUIRE(deflater.compress(as_bytes("a second message"), true, out));
    REQUIRE(receive(inflater, out.view()).text == "a second message");
    return failed;
  };
  for (const DeflateBackend backend : deflate_backends()) {
    CAPTURE(deflate_backend_name(backend));
    for (const DeflateSettings& settings : {with_takeover, kept}) {
      for (const bool forever : {false, true}) {
        std::size_t number = 1;
        while (try_with(backend, settings, number, forever)) ++number;
        CHECK(number > 2);
      }
    }
  }
}

TEST_CASE("a compressor that is kept, and was without memory amid a message, refers to nothing that the peer lacks") {
  const std::string first = json_text(3'000), lost = json_text(70'000, 1);
  for (std::size_t number = 1;; ++number) {
    DeflateEngines engines, others;
    Deflater deflater(engines, kept);
    Inflater inflater(others, kept);
    Buffer out;
    REQUIRE(deflater.compress(as_bytes(first), true, out));
    REQUIRE(receive(inflater, out.view()).text == first);
    Buffer lacking;
    Allocations::fail(number, false);
    const bool done = deflater.compress(as_bytes(lost), true, lacking);
    Allocations::work();
    if (done) {
      CHECK(number > 1);
      return;
    }
    for (int round = 0; round < 2; ++round) {
      out.clear();
      REQUIRE(deflater.compress(as_bytes(lost), true, out));
      REQUIRE(receive(inflater, out.view()).text == lost);
    }
  }
}

TEST_CASE("an inflater without memory says so, and others go on") {
  const std::string message = json_text(5'000);
  for (const DeflateBackend backend : deflate_backends()) {
    CAPTURE(deflate_backend_name(backend));
    DeflateEngines compressing(backend);
    Deflater deflater(compressing, with_takeover);
    Buffer first, second;
    REQUIRE(deflater.compress(as_bytes(message), true, first));
    REQUIRE(deflater.compress(as_bytes(message), true, second));
    for (std::size_t number = 1;; ++number) {
      DeflateEngines engines(backend);
      Inflater inflater(engines, with_takeover);
      Allocations::fail(number, false);
      InflateState state = receive(inflater, first.view()).state;
      if (state == InflateState::complete) {
        engines.release();
        state = receive(inflater, second.view()).state;
      }
      const bool failed = Allocations::failed;
      Allocations::work();
      CHECK(state == (failed ? InflateState::no_memory : InflateState::complete));
      Inflater other(engines, with_takeover);
      CHECK(receive(other, first.view()).text == message);
      CHECK(receive(other, second.view()).text == message);
      if (!failed) {
        CHECK(number > 2);
        break;
      }
    }
  }
}

TEST_CASE("messages after the first allocate nothing, with takeover once the window is full") {
  const std::string message = json_text(5'000);
  const auto exchange = [&](DeflateBackend backend, const DeflateSettings& settings) {
    DeflateEngines engines(backend);
    Deflater deflater(engines, settings);
    Inflater inflater(engines, settings);
    Buffer payload;
    for (int round = 0; round < 5; ++round) {
      Allocations::fail(round < 2 ? 0 : 1, true);
      payload.clear();
      const bool done = deflater.compress(as_bytes(message), true, payload);
      const InflateState state = receive(inflater, payload.view()).state;
      if (settings.keep_compressor) deflater.forget();  // Which keeps its memory.
      Allocations::work();
      CHECK(done);
      CHECK(state == InflateState::complete);
    }
  };
  for (const DeflateBackend backend : deflate_backends()) {
    CAPTURE(deflate_backend_name(backend));
    exchange(backend, with_takeover);
    exchange(backend, kept);
  }
}
