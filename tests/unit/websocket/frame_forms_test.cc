#include <doctest/doctest.h>
#include <support/deflated.h>
#include <support/json_text.h>
#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/shared_frame.h>
#include <array>

using namespace tidewire;
using namespace tidewire::testing;
using support::json_text;
using websocket::FrameForms;
using websocket::shared_frame;

namespace {

struct Workbench {
  websocket::DeflateEngines engines;
  Buffer scratch;
  Budget budget;

  FrameForms::Frames in(FrameForms& forms, const websocket::FrameForm& form) {
    return forms.in(form, engines, scratch, budget);
  }
};

}  // namespace

TEST_CASE("the plain form of frames is the frames themselves, and all of them joined") {
  const std::array frames{shared_frame("one"), shared_frame("two")};
  FrameForms forms(frames);
  CHECK(forms.plain().each.data() == frames.data());
  CHECK(as_text(forms.plain().joined.view()) == plain(0x81, "one") + plain(0x81, "two"));
  Workbench bench;
  CHECK(bench.in(forms, {}).each.data() == frames.data());
}

TEST_CASE("a compressed form has every message, compressed from the given size on") {
  const std::string text = json_text(2000);
  const std::array frames{shared_frame("short"), shared_frame(text), shared_frame(as_bytes(text))};
  FrameForms forms(frames);
  Workbench bench;
  const auto made = bench.in(forms, {.window_bits = 15, .level = 6, .from_bytes = 64});
  REQUIRE(made.each.size() == 3);
  CHECK_FALSE(rsv1(as_text(made.each[0].view())));
  CHECK(rsv1(as_text(made.each[1].view())));
  CHECK(made.joined.size() < text.size());
  DeflateReader reader({});
  CHECK(reader.read(as_text(made.joined.view())) == std::vector<std::string>{"short", text, text});
  CHECK(bench.budget.done() == 2 * work::to_compress(text.size()));
}

TEST_CASE("a form is made once, and each setting has its own") {
  const std::array frames{shared_frame(json_text(2000))};
  FrameForms forms(frames);
  Workbench bench;
  const websocket::FrameForm small{.window_bits = 9, .level = 6, .from_bytes = 0};
  const websocket::FrameForm large{.window_bits = 15, .level = 6, .from_bytes = 0};
  const std::byte* first = bench.in(forms, small).joined.view().data();
  const std::byte* second = bench.in(forms, large).joined.view().data();
  CHECK(first != second);
  const std::uint64_t done = bench.budget.done();
  CHECK(bench.in(forms, small).joined.view().data() == first);
  CHECK(bench.in(forms, large).joined.view().data() == second);
  CHECK(bench.budget.done() == done);
}

TEST_CASE("what compressing does not make smaller stays as it is") {
  std::string noise(500, '\0');
  std::uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const std::array frames{shared_frame(as_bytes(noise))};
  FrameForms forms(frames);
  Workbench bench;
  const auto made = bench.in(forms, {.window_bits = 15, .level = 6, .from_bytes = 0});
  CHECK(made.each.front().view().data() == frames.front().view().data());
}
