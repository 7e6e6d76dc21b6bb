#include <tidewire/websocket/deflate.h>

#include <doctest/doctest.h>
#include <support/inflate_definition.h>
#include <support/json_text.h>
#include <support/noise.h>
#include <support/zlib_peer.h>
#include <zlib.h>
#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::websocket;
using support::json_text;
using support::noise;
using State = InflateState;

constexpr DeflateSettings without = {};
constexpr DeflateSettings with_takeover = {.takeover = true, .window_bits = 15, .level = 3};
constexpr DeflateSettings kept = {.takeover = true, .window_bits = 13, .level = 3, .keep_compressor = true};
constexpr std::array all_settings = {without, with_takeover, kept};

std::string bytes_of(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

/// Runs a test for each back end of this build.
void with_each_backend(const std::function<void(DeflateBackend)>& test) {
  for (const DeflateBackend backend : deflate_backends()) {
    CAPTURE(deflate_backend_name(backend));
    test(backend);
  }
}

/// For each to compress with and each to inflate by.
void with_each_pair(const std::function<void(DeflateBackend, DeflateBackend)>& test) {
  with_each_backend([&](DeflateBackend one) { with_each_backend([&](DeflateBackend other) { test(one, other); }); });
}

std::string compressed(Deflater& deflater, std::string_view part, bool last = true) {
  Buffer out;
  REQUIRE(deflater.compress(as_bytes(part), last, out));
  return std::string(as_text(out.view()));
}

std::string compressed(DeflateBackend backend, std::string_view message, const DeflateSettings& settings = without) {
  DeflateEngines engines(backend);
  Deflater deflater(engines, settings);
  return compressed(deflater, message);
}

struct Outcome {
  State state;
  std::string text;

  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& to, const Outcome& outcome) {
  return to << "state " << static_cast<int>(outcome.state) << ", text '" << outcome.text << '\'';
}

/// Inflates a message, or a part of one, in pieces of so many bytes and steps of so many.
Outcome inflated(Inflater& inflater, std::string_view payload, bool last = true, std::size_t piece_bytes = SIZE_MAX,
                 std::size_t step_bytes = std::size_t{64} << 10) {
  Outcome outcome = {State::needs_input, {}};
  std::vector<std::byte> step(step_bytes);
  Bytes rest = as_bytes(payload);
  do {
    Bytes piece = rest.first(std::min(rest.size(), piece_bytes));
    rest = rest.subspan(piece.size());
    do {
      const auto [produced, state] = inflater.inflate(piece, last && rest.empty(), step);
      outcome.text += as_text(Bytes(step).first(produced));
      outcome.state = state;
    } while (outcome.state == State::output_full);
    if (outcome.state == State::corrupt || outcome.state == State::no_memory) return outcome;
    REQUIRE(piece.empty());
  } while (!rest.empty());
  return outcome;
}

Outcome inflated(DeflateBackend backend, std::string_view payload, const DeflateSettings& settings = without) {
  DeflateEngines engines(backend);
  Inflater inflater(engines, settings);
  return inflated(inflater, payload);
}

Outcome complete(std::string_view text) { return {State::complete, std::string(text)}; }

/// What zlib itself makes of a message: with sync flush, or as one final block.
std::string zlib_compressed(std::string_view message, int level, int flush = Z_SYNC_FLUSH) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(message.size() + message.size() / 8 + 512, '\0');
  std::string in(message);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, flush);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (flush == Z_SYNC_FLUSH) out.resize(out.size() - 4);
  return out;
}

const std::string hello = bytes_of({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});

}  // namespace

TEST_CASE("zlib is in every build, and what is preferred comes first") {
  const auto backends = deflate_backends();
  REQUIRE(!backends.empty());
  CHECK(std::ranges::find(backends, DeflateBackend::zlib) != backends.end());
  CHECK(deflate_backend_name() == deflate_backend_name(backends.front()));
  CHECK(std::string(deflate_backend_name(DeflateBackend::zlib)) == "zlib");
  CHECK(std::string(deflate_backend_name(DeflateBackend::isal)) == "isal");
  CHECK(DeflateEngines().backend() == backends.front());
}

// --- the examples of RFC 7692 section 7.2.3 ---

TEST_CASE("a message in one compressed block inflates (7.2.3.1)") {
  with_each_backend([](DeflateBackend backend) { CHECK(inflated(backend, hello) == complete("Hello")); });
}

TEST_CASE("a fragment inflates as soon as it is there (7.2.3.1)") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater inflater(engines, without);
    const Outcome first = inflated(inflater, hello.substr(0, 3), false);
    CHECK(first.state == State::needs_input);
    CHECK(inflater.in_message());
    const Outcome second = inflated(inflater, hello.substr(3));
    CHECK(second.state == State::complete);
    CHECK(first.text + second.text == "Hello");
    CHECK(!inflater.in_message());
  });
}

TEST_CASE("a message refers to the one before it where takeover was agreed, and only there (7.2.3.2)") {
  const std::string again = bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00});
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater taking_over(engines, with_takeover);
    CHECK(inflated(taking_over, hello) == complete("Hello"));
    CHECK(inflated(taking_over, again) == complete("Hello"));
    CHECK(inflated(taking_over, hello) == complete("Hello"));
    Inflater not_taking_over(engines, without);
    CHECK(inflated(not_taking_over, hello) == complete("Hello"));
    CHECK(inflated(not_taking_over, again).state == State::corrupt);
  });
}

TEST_CASE("a stored block inflates (7.2.3.3)") {
  const std::string stored = bytes_of({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00});
  with_each_backend([&](DeflateBackend backend) { CHECK(inflated(backend, stored) == complete("Hello")); });
}

TEST_CASE("a final block doesn't end the message (7.2.3.4)") {
  const std::string final_block = bytes_of({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00});
  with_each_backend([&](DeflateBackend backend) {
    CHECK(inflated(backend, final_block) == complete("Hello"));
    CHECK(inflated(backend, final_block.substr(0, 7) + final_block) == complete("HelloHello"));
    CHECK(inflated(backend, final_block.substr(0, 7) + hello) == complete("HelloHello"));
    // The empty block itself is final.
    CHECK(inflated(backend, final_block.substr(0, 7) + bytes_of({0x01})) == complete("Hello"));
  });
}

TEST_CASE("two blocks inflate (7.2.3.5)") {
  const std::string blocks = bytes_of({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00});
  with_each_backend([&](DeflateBackend backend) { CHECK(inflated(backend, blocks) == complete("Hello")); });
}

TEST_CASE("an empty message is the byte 00 (7.2.3.6)") {
  with_each_backend([&](DeflateBackend backend) {
    CHECK(inflated(backend, bytes_of({0x00})) == complete(""));
    DeflateEngines engines(backend);
    for (const DeflateSettings& settings : {without, with_takeover}) {
      Deflater deflater(engines, settings);
      CHECK(compressed(deflater, "") == bytes_of({0x00}));
      CHECK(compressed(deflater, "") == bytes_of({0x00}));
      compressed(deflater, "text");
      CHECK(compressed(deflater, "") == bytes_of({0x00}));
    }
  });
}

// --- compressing ---

TEST_CASE("every size of message comes back, whoever compresses and whoever inflates") {
  with_each_pair([](DeflateBackend one, DeflateBackend other) {
    DeflateEngines compressing(one), inflating(other);
    for (const DeflateSettings& settings : all_settings) {
      CAPTURE(settings.takeover);
      CAPTURE(settings.keep_compressor);
      Deflater deflater(compressing, settings);
      Inflater inflater(inflating, settings);
      for (std::size_t size = 0; size < 300; ++size) {
        const std::string message = size % 3 == 0 ? noise(size) : json_text(size, static_cast<unsigned>(size));
        REQUIRE(inflated(inflater, compressed(deflater, message)) == complete(message));
      }
      // Around the sizes of slices and windows, where histories and buffers are shifted.
      for (const std::size_t size : {1023U, 4097U, 24U << 10, 32767U, 32769U, 65535U, 65536U, 65537U, 200'000U}) {
        CAPTURE(size);
        for (const std::string& message : {json_text(size), noise(size), std::string(size, 'x')}) {
          REQUIRE(inflated(inflater, compressed(deflater, message)) == complete(message));
        }
      }
    }
  });
}

TEST_CASE("a message never refers further back than its window, nor has it a final block") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (int bits = 8; bits <= 15; ++bits) {
      CAPTURE(bits);
      const std::size_t window = std::size_t{1} << bits;
      for (int level = 1; level <= 9; ++level) {
        CAPTURE(level);
        DeflateSettings settings = {false, static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(level)};
        Deflater alone(engines, settings);
        settings.takeover = true;
        Deflater after_others(engines, settings);
        settings.keep_compressor = true;
        Deflater keeping(engines, settings);
        std::string history;
        // Noise that repeats at the window's length and just beyond it leads into temptation.
        for (const std::size_t period : {window - 1, window, window + 1, window + 2, std::size_t{300}}) {
          std::string message = noise(period, static_cast<unsigned>(period));
          message += message + json_text(200);
          const auto single = support::inflate_message_by_definition(as_bytes(compressed(alone, message)));
          CHECK(single.good);
          CHECK(single.text == message);
          CHECK(single.max_distance <= window);
          CHECK(!single.final_block);
          for (Deflater* deflater : {&after_others, &keeping}) {
            const auto next = support::inflate_message_by_definition(as_bytes(compressed(*deflater, message)), history);
            CHECK(next.good);
            CHECK(next.text == message);
            CHECK(next.max_distance <= window);
            CHECK(!next.final_block);
          }
          history = message;
        }
      }
    }
  });
}

TEST_CASE("without takeover each message stands alone; with it, the next is smaller") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    const std::string message = json_text(1000);
    Deflater alone(engines, without);
    const std::string first = compressed(alone, message);
    CHECK(compressed(alone, message) == first);
    CHECK(inflated(backend, first) == complete(message));
    Deflater after_others(engines, with_takeover);
    CHECK(compressed(after_others, message).size() == first.size());
    CHECK(compressed(after_others, message).size() < 30);
    Deflater keeping(engines, kept);
    CHECK(compressed(keeping, message).size() <= compressed(DeflateBackend::zlib, message).size());
    CHECK(compressed(keeping, message).size() < 30);
  });
}

TEST_CASE("each part of a message can be inflated as soon as it is there") {
  const std::string text = json_text(150'000);
  with_each_pair([&](DeflateBackend one, DeflateBackend other) {
    DeflateEngines compressing(one), inflating(other);
    for (const DeflateSettings& settings : all_settings) {
      Deflater deflater(compressing, settings);
      Inflater inflater(inflating, settings);
      for (int message = 0; message < 3; ++message) {
        std::size_t at = 0;
        for (const std::size_t size :
             {std::size_t{10}, std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{70'000}}) {
          const std::string part = text.substr(at, size);
          at += size;
          CHECK(inflated(inflater, compressed(deflater, part, false), false) == Outcome{State::needs_input, part});
        }
        const std::string rest = message == 0 ? std::string() : text.substr(at);
        CHECK(inflated(inflater, compressed(deflater, rest)) == complete(rest));
      }
    }
  });
}

TEST_CASE("an empty part that isn't the last is nothing") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Deflater deflater(engines, without);
    CHECK(compressed(deflater, "", false).empty());
  });
}

TEST_CASE("what is compressed is appended to what is there") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Deflater deflater(engines, without);
    Buffer out;
    out.append(as_bytes("before"));
    REQUIRE(deflater.compress(as_bytes("Hello"), true, out));
    CHECK(as_text(out.view()).substr(0, 6) == "before");
    CHECK(inflated(backend, as_text(out.view()).substr(6)) == complete("Hello"));
  });
}

TEST_CASE("the connections of a loop share its engines") {
  with_each_pair([](DeflateBackend one, DeflateBackend other) {
    DeflateEngines compressing(one), inflating(other);
    std::vector<Deflater> deflaters;
    std::vector<Inflater> inflaters;
    for (unsigned i = 0; i < 8; ++i) {
      const DeflateSettings settings = {.takeover = i % 2 == 0,
                                        .window_bits = static_cast<std::uint8_t>(8 + i),
                                        .level = static_cast<std::uint8_t>(1 + i),
                                        .keep_compressor = i % 4 == 0};
      deflaters.emplace_back(compressing, settings);
      inflaters.emplace_back(inflating, settings);
    }
    for (unsigned round = 0; round < 5; ++round) {
      std::vector<std::string> payloads, received(8);
      for (unsigned i = 0; i < 8; ++i) payloads.push_back(compressed(deflaters[i], json_text(3000, i + round)));
      // The first half of each, then the second of each: all are within a message at a time.
      for (unsigned i = 0; i < 8; ++i) {
        received[i] = inflated(inflaters[i], payloads[i].substr(0, payloads[i].size() / 2), false).text;
      }
      for (unsigned i = 0; i < 8; ++i) {
        const Outcome second = inflated(inflaters[i], payloads[i].substr(payloads[i].size() / 2));
        REQUIRE(second.state == State::complete);
        REQUIRE(received[i] + second.text == json_text(3000, i + round));
      }
    }
  });
}

TEST_CASE("the default level stays within 15% of zlib's level 6") {
  with_each_backend([](DeflateBackend backend) {
    for (const std::size_t size : {64U, 128U, 256U, 1024U, 4096U, 16384U, 65536U}) {
      CAPTURE(size);
      std::size_t ours = 0, zlibs = 0;
      for (unsigned seed = 0; seed < 16; ++seed) {
        const std::string message = json_text(size, seed);
        ours += compressed(backend, message).size();
        zlibs += zlib_compressed(message, 6).size();
      }
      CHECK(ours * 100 <= zlibs * 115);
    }
  });
}

TEST_CASE("a compressor that is kept stays within 15% of zlib's level 6 that keeps all, over many messages") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (const std::size_t size : {64U, 256U, 1024U, 2048U}) {
      CAPTURE(size);
      DeflateSettings recommended = with_takeover;
      recommended.window_bits = 12;
      Deflater ours(engines, kept), without_compressor(engines, recommended);
      testing::ZlibDeflater zlib;
      std::size_t our_bytes = 0, zlib_bytes = 0, text_bytes = 0;
      for (unsigned seed = 0; seed < 64; ++seed) {
        const std::string message = json_text(size, seed);
        our_bytes += compressed(ours, message).size();
        zlib_bytes += zlib(message).size();
        text_bytes += compressed(without_compressor, message).size();
      }
      CHECK(our_bytes * 100 <= zlib_bytes * 115);
      if (size > 64) CHECK(our_bytes < text_bytes);
    }
  });
}

TEST_CASE("a compressor that is kept is there from the first message on, and takes no more later") {
  DeflateEngines engines(DeflateBackend::zlib);
  Deflater deflater(engines, kept);
  CHECK(deflater.memory() == 0);
  compressed(deflater, "");
  CHECK(deflater.memory() == 0);
  compressed(deflater, "text");
  const std::size_t bytes = deflater.memory();
  CHECK((bytes + 512) / 1024 == 36);
  compressed(deflater, json_text(100'000));
  CHECK(deflater.memory() == bytes);
}

TEST_CASE("noise grows by little") {
  with_each_backend([](DeflateBackend backend) {
    for (const std::size_t size : {1U, 100U, 1000U, 100'000U}) {
      CHECK(compressed(backend, noise(size)).size() <= size + size / 8 + 16);
    }
    CHECK(compressed(backend, noise(100'000)).size() <= 100'300);
  });
}

TEST_CASE("a deflater that has forgotten goes on, and its peer notices nothing") {
  with_each_pair([](DeflateBackend one, DeflateBackend other) {
    DeflateEngines compressing(one), inflating(other);
    const std::string message = json_text(2000);
    for (const DeflateSettings& settings : {with_takeover, kept}) {
      Deflater deflater(compressing, settings);
      Inflater inflater(inflating, with_takeover);
      const std::string first = compressed(deflater, message);
      const std::size_t alone = first.size();
      CHECK(inflated(inflater, first) == complete(message));
      const std::size_t memory = deflater.memory();
      CHECK(memory >= 2000);
      const auto forgets = [&](const std::function<void()>& forget, std::size_t left) {
        forget();
        CHECK(deflater.memory() == left);
        const std::string again = compressed(deflater, message);
        CHECK(again.size() == alone);
        CHECK(inflated(inflater, again) == complete(message));
        // Between parts, too.
        CHECK(inflated(inflater, compressed(deflater, message, false), false).text == message);
        forget();
        CHECK(inflated(inflater, compressed(deflater, message)) == complete(message));
      };
      forgets([&] { deflater.release(); }, 0);
      forgets([&] { deflater.forget(); }, settings.keep_compressor ? memory : 0);
    }
  });
}

TEST_CASE("a connection holds at most its window, and nothing without takeover") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (int bits = 8; bits <= 15; ++bits) {
      for (const bool takeover : {false, true}) {
        const DeflateSettings settings = {takeover, static_cast<std::uint8_t>(bits), 3};
        Deflater deflater(engines, settings);
        Inflater inflater(engines, settings);
        CHECK(deflater.memory() + inflater.memory() == 0);
        std::size_t sent = 0;
        for (const std::size_t size : {1U, 100U, 300U, 700U, 3000U, 30'000U, 100'000U, 5U}) {
          const std::string message = json_text(size, static_cast<unsigned>(size));
          sent += size;
          REQUIRE(inflated(inflater, compressed(deflater, message)) == complete(message));
          const std::size_t window = std::size_t{1} << bits;
          CHECK(deflater.memory() <= (takeover ? std::min(window, std::max(std::size_t{256}, 2 * sent)) : 0));
          CHECK(inflater.memory() <= (takeover ? std::min(window, std::max(std::size_t{256}, 2 * sent)) : 0));
        }
      }
    }
  });
}

TEST_CASE("settings that make no sense are taken for the nearest that do") {
  const std::string message = json_text(100'000);
  with_each_backend([&](DeflateBackend backend) {
    for (const DeflateSettings& settings :
         {DeflateSettings{true, 0, 0}, DeflateSettings{true, 255, 255}, DeflateSettings{true, 0, 0, true, 0},
          DeflateSettings{true, 255, 255, true, 255}}) {
      DeflateEngines engines(backend);
      Deflater deflater(engines, settings);
      Inflater inflater(engines, settings);
      for (int round = 0; round < 2; ++round) {
        CHECK(inflated(inflater, compressed(deflater, message)) == complete(message));
      }
      if (!settings.keep_compressor) CHECK(deflater.memory() == (settings.level == 0 ? 256 : 32768));
    }
  });
}

TEST_CASE("a loop's engines can be freed between messages") {
  with_each_backend([](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Deflater deflater(engines, with_takeover);
    Inflater inflater(engines, with_takeover);
    for (unsigned i = 0; i < 3; ++i) {
      const std::string message = json_text(500, i);
      const std::string payload = compressed(deflater, message);
      engines.release();
      const Outcome first = inflated(inflater, payload.substr(0, 20), false);
      engines.release();
      const Outcome second = inflated(inflater, payload.substr(20));
      CHECK(second.state == State::complete);
      CHECK(first.text + second.text == message);
    }
  });
}

// --- inflating ---

TEST_CASE("any split of the input and any steps of the output give the same") {
  std::vector<std::string> payloads = {hello};
  for (const int level : {0, 1, 6, 9}) {
    payloads.push_back(zlib_compressed(json_text(700), level));
    payloads.push_back(zlib_compressed(json_text(700), level, Z_FINISH) + zlib_compressed(noise(50), level));
  }
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (const std::string& payload : payloads) {
      const Outcome whole = inflated(backend, payload);
      REQUIRE(whole.state == State::complete);
      for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{2}, std::size_t{7}, SIZE_MAX}) {
        for (const std::size_t step_bytes : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{300}}) {
          Inflater inflater(engines, without);
          REQUIRE(inflated(inflater, payload, true, piece_bytes, step_bytes) == whole);
        }
      }
      for (std::size_t cut = 0; cut <= payload.size(); ++cut) {
        Inflater inflater(engines, without);
        const Outcome first = inflated(inflater, payload.substr(0, cut), false, SIZE_MAX, 5);
        const Outcome second = inflated(inflater, payload.substr(cut));
        REQUIRE(second.state == State::complete);
        REQUIRE(first.text + second.text == whole.text);
      }
    }
  });
}

TEST_CASE("long messages inflate in small pieces and steps") {
  const std::string message = json_text(90'000) + noise(70'000) + std::string(90'000, 'z') + json_text(90'000);
  with_each_pair([&](DeflateBackend one, DeflateBackend other) {
    const std::string payload = compressed(one, message, {false, 15, 9});
    DeflateEngines engines(other);
    for (const std::size_t piece_bytes : {std::size_t{19}, std::size_t{1000}, SIZE_MAX}) {
      for (const std::size_t step_bytes :
           {std::size_t{37}, std::size_t{1000}, std::size_t{32768}, std::size_t{100'000}, std::size_t{500'000}}) {
        Inflater inflater(engines, without);
        REQUIRE(inflated(inflater, payload, true, piece_bytes, step_bytes).text == message);
        REQUIRE(!inflater.in_message());
      }
    }
  });
}

TEST_CASE("a step writes nothing behind its output") {
  const std::string message = json_text(5000) + std::string(3000, 'z') + noise(500);
  const std::string payload = zlib_compressed(message, 9);
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (std::size_t step_bytes = 0; step_bytes < 400; step_bytes += 1 + step_bytes / 8) {
      Inflater inflater(engines, without);
      std::vector<std::byte> area(step_bytes + 600);
      Bytes rest = as_bytes(payload);
      std::string text;
      State state = State::needs_input;
      for (int steps = 0; state != State::complete && steps < 20'000; ++steps) {
        std::ranges::fill(area, std::byte{0xA5});
        const auto [produced, now] = inflater.inflate(rest, true, MutableBytes(area).subspan(300, step_bytes));
        state = now;
        REQUIRE(produced <= step_bytes);
        REQUIRE(std::count(area.begin(), area.begin() + 300, std::byte{0xA5}) == 300);
        REQUIRE(std::count(area.end() - 300, area.end(), std::byte{0xA5}) == 300);
        text += as_text(Bytes(area).subspan(300, produced));
        REQUIRE((state == State::output_full || state == State::complete));
        if (step_bytes == 0 && steps == 10) break;
      }
      CHECK(text == (step_bytes == 0 ? std::string() : message));
    }
  });
}

TEST_CASE("a bomb goes off in steps, as large as the caller wants") {
  const std::string bomb = zlib_compressed(std::string(50'000'000, '\0'), 9);
  REQUIRE(bomb.size() < 60'000);
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater inflater(engines, without);
    std::vector<std::byte> step(16384);
    Bytes rest = as_bytes(bomb);
    std::size_t total = 0;
    State state = State::output_full;
    while (state == State::output_full) {
      const auto [produced, now] = inflater.inflate(rest, true, step);
      total += produced;
      state = now;
    }
    CHECK(state == State::complete);
    CHECK(total == 50'000'000);
    // Given up on in the middle, it takes its engine along, and the next message has another.
    Inflater victim(engines, without);
    Bytes again = as_bytes(bomb);
    CHECK(victim.inflate(again, true, step).state == State::output_full);
    CHECK(inflated(backend, hello) == complete("Hello"));
  });
}

TEST_CASE("what is no DEFLATE is corrupt, and what came before it is given out") {
  const std::string wrong[] = {
      bytes_of({0x06}),                                // A block of type 3.
      bytes_of({0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48}),  // A stored block's size that contradicts itself.
      bytes_of({0x02, 0x02, 0x00, 0x00}),              // A reference to before the beginning.
      bytes_of({0xff, 0xff, 0xff, 0xff}),              // Type 3 again.
      bytes_of({0x05, 0xe0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0xff, 0x6b, 0x23, 0xff, 0xff}),  // Wrong codes.
      bytes_of({0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),  // Too many of each length.
  };
  with_each_backend([&](DeflateBackend backend) {
    for (const std::string& payload : wrong) {
      CAPTURE(payload);
      CHECK(!support::inflate_message_by_definition(as_bytes(payload)).good);
      CHECK(inflated(backend, payload).state == State::corrupt);
      DeflateEngines engines(backend);
      Inflater bytewise(engines, without);
      CHECK(inflated(bytewise, payload, true, 1, 1).state == State::corrupt);
      Inflater after_text(engines, without);
      const std::string flushed = hello + bytes_of({0x00, 0x00, 0xff, 0xff});
      CHECK(inflated(after_text, flushed, false) == Outcome{State::needs_input, "Hello"});
      // A reference finds the text, so it is left out here.
      if (payload[0] != 0x02) CHECK(inflated(after_text, payload) == Outcome{State::corrupt, ""});
    }
  });
}

TEST_CASE("what is behind corrupt bytes is not looked at") {
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater inflater(engines, without);
    CHECK(inflated(inflater, "\x06", false) == Outcome{State::corrupt, ""});
    CHECK(!inflater.in_message());
    CHECK(inflated(inflater, hello) == Outcome{State::corrupt, ""});
    CHECK(inflated(backend, hello) == complete("Hello"));
  });
}

TEST_CASE("a message that ends within a block is corrupt") {
  const std::string message = json_text(400);
  for (const int level : {0, 1, 6}) {
    const std::string payload = zlib_compressed(message, level);
    with_each_backend([&](DeflateBackend backend) {
      for (std::size_t size = 1; size < payload.size(); ++size) {
        CAPTURE(size);
        const std::string cut = payload.substr(0, size);
        if (cut == bytes_of({0x00})) continue;  // That is an empty message.
        CHECK(inflated(backend, cut).state == State::corrupt);
      }
    });
  }
}

TEST_CASE("what was stripped is no text") {
  // Stored blocks that lack their last bytes, and would find them there.
  with_each_backend([&](DeflateBackend backend) {
    CHECK(inflated(backend, bytes_of({0x00, 0x04, 0x00, 0xfb, 0xff})).state == State::corrupt);
    CHECK(inflated(backend, bytes_of({0x00, 0x05, 0x00, 0xfa, 0xff, 'x'})).state == State::corrupt);
    CHECK(inflated(backend, bytes_of({0x01, 0x04, 0x00, 0xfb, 0xff})).state == State::corrupt);
  });
}

TEST_CASE("what follows the end of a message is corrupt unless it is DEFLATE") {
  const std::string final_block = bytes_of({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  with_each_backend([&](DeflateBackend backend) {
    CHECK(inflated(backend, final_block + "garbage").state == State::corrupt);
    CHECK(inflated(backend, hello + bytes_of({0x00, 0x00, 0xff, 0xff}) + "\x07").state == State::corrupt);
    // What must be stripped was not: it begins a block that doesn't end.
    CHECK(inflated(backend, hello + bytes_of({0x00, 0x00, 0xff, 0xff})).state == State::corrupt);
    CHECK(inflated(backend, hello + bytes_of({0x00, 0x00, 0xff, 0xff, 0x00})) == complete("Hello"));
  });
}

TEST_CASE("a message of no bytes is an empty one, and one may end with a final block") {
  const std::string final_block = bytes_of({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater inflater(engines, with_takeover);
    CHECK(inflated(inflater, "") == complete(""));
    CHECK(inflated(inflater, final_block) == complete("Hello"));
    CHECK(inflated(inflater, "", false) == Outcome{State::needs_input, ""});
    CHECK(inflated(inflater, "") == complete(""));
    CHECK(inflated(inflater, bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00})) == complete("Hello"));
  });
}

TEST_CASE("what follows a final block may refer to what was before it") {
  // The second "Hello" of 7.2.3.2 behind a final block, at every distance that buffers are shifted at.
  const std::string tail = bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00});
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (const std::size_t size : {0U, 1U, 32760U, 32763U, 32768U, 49000U, 49152U, 65530U, 65536U, 65800U, 200'000U}) {
      CAPTURE(size);
      const std::string start = json_text(size);
      const std::string payload = zlib_compressed(start + "Hello", 6, Z_FINISH) + tail;
      for (const std::size_t step_bytes : {std::size_t{1000}, std::size_t{32768}, std::size_t{300'000}}) {
        for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
          Inflater inflater(engines, without);
          REQUIRE(inflated(inflater, payload, true, piece_bytes, step_bytes) == complete(start + "HelloHello"));
        }
      }
    }
  });
}

TEST_CASE("a flood of final blocks is gone through, and leaves the text to refer to") {
  // One final block of fixed codes for each byte: the header, the byte, the end of the block.
  std::string text = noise(60'000);
  std::string payload;
  for (char& c : text) {
    c = static_cast<char>(c & 0x7F);  // Its code is 0x30 more, in 8 bits, the highest first.
    unsigned bits = 0b011;
    for (int bit = 0; bit < 8; ++bit) bits |= ((static_cast<unsigned>(c) + 0x30) >> (7 - bit) & 1) << (3 + bit);
    for (int shift = 0; shift < 24; shift += 8) payload += static_cast<char>(bits >> shift & 0xFF);
  }
  DeflateEngines zlib(DeflateBackend::zlib);
  Deflater deflater(zlib, with_takeover);
  compressed(deflater, text);
  const std::string repeated = text.substr(text.size() - 30'000, 20'000);
  payload += compressed(deflater, repeated);
  const auto wanted = support::inflate_message_by_definition(as_bytes(payload));
  REQUIRE(wanted.good);
  REQUIRE(wanted.max_distance > 29'000);
  REQUIRE(wanted.text == text + repeated);
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    for (const std::size_t step_bytes : {std::size_t{100}, std::size_t{65'536}, std::size_t{200'000}}) {
      for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
        Inflater inflater(engines, without);
        REQUIRE(inflated(inflater, payload, true, piece_bytes, step_bytes) == complete(wanted.text));
      }
    }
  });
}

TEST_CASE("a reference reaches as far as the window of the messages before") {
  with_each_pair([](DeflateBackend one, DeflateBackend other) {
    DeflateEngines compressing(one), inflating(other);
    for (int bits = 8; bits <= 15; ++bits) {
      CAPTURE(bits);
      const DeflateSettings settings = {true, static_cast<std::uint8_t>(bits), 9};
      Deflater deflater(compressing, settings);
      Inflater inflater(inflating, settings);
      for (unsigned round = 0; round < 20; ++round) {
        // Each message is noise, and the next repeats what is still within the window.
        const std::size_t window = std::size_t{1} << bits;
        const std::string message = noise(window / 3 + round, round % 4);
        REQUIRE(inflated(inflater, compressed(deflater, message)) == complete(message));
      }
    }
  });
}

TEST_CASE("a reference beyond the window, into messages that are forgotten, is corrupt") {
  with_each_backend([&](DeflateBackend backend) {
    // The peer's compressor has 15 bits, and had agreed to 8.
    DeflateEngines zlib(DeflateBackend::zlib), engines(backend);
    Deflater liar(zlib, with_takeover);
    Inflater inflater(engines, {true, 8, 3});
    const std::string unique = noise(200);
    CHECK(inflated(inflater, compressed(liar, unique)) == complete(unique));
    const std::string between = noise(300, 2);
    CHECK(inflated(inflater, compressed(liar, between)) == complete(between));
    CHECK(inflated(inflater, compressed(liar, unique)).state == State::corrupt);
  });
}

TEST_CASE("an inflater can be moved within a message") {
  with_each_backend([&](DeflateBackend backend) {
    DeflateEngines engines(backend);
    Inflater first(engines, with_takeover);
    CHECK(inflated(first, hello) == complete("Hello"));
    CHECK(inflated(first, hello.substr(0, 3), false).state == State::needs_input);
    Inflater second(std::move(first));
    CHECK(second.in_message());
    CHECK(inflated(second, hello.substr(3)).state == State::complete);
    CHECK(inflated(second, bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00})) == complete("Hello"));
    Inflater third(engines, without);
    CHECK(inflated(third, hello.substr(0, 3), false).state == State::needs_input);
    third = std::move(second);
    CHECK(inflated(third, bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00})) == complete("Hello"));
  });
}
