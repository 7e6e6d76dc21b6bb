#include <doctest/doctest.h>
#include <support/deflated.h>
#include <support/json_text.h>
#include <tidewire/websocket/shared_frame.h>

using namespace tidewire;
using namespace tidewire::testing;

TEST_CASE("a shared frame is what a server sends, whatever the size of its length") {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65'535U, 65'536U}) {
    const std::string text(size, 'x');
    CHECK(as_text(websocket::shared_frame(text).view()) == plain(0x81, text));
    CHECK(as_text(websocket::shared_frame(as_bytes(text)).view()) == plain(0x82, text));
  }
}

TEST_CASE("the message of a shared frame is the one that it was made of") {
  for (const std::size_t size : {0U, 125U, 126U, 65'536U}) {
    const std::string text(size, 'x');
    const SharedBytes frame = websocket::shared_frame(text);
    CHECK(websocket::message_of(frame).text() == text);
    CHECK(websocket::message_of(frame).is_text());
    CHECK(websocket::message_of(websocket::shared_frame(as_bytes(text))).is_binary());
  }
}

TEST_CASE("a deflated frame has the same message, and says that it is compressed") {
  websocket::DeflateEngines engines;
  websocket::Deflater deflater(engines, {});
  Buffer scratch;
  const std::string text = support::json_text(70'000);
  const SharedBytes frame = websocket::shared_frame(text);
  const SharedBytes deflated = websocket::deflated_frame(frame, deflater, scratch);
  CHECK(deflated.size() < frame.size());
  CHECK(DeflateReader({}).read(as_text(deflated.view())) == std::vector{text});
  CHECK(websocket::has_deflated(deflated));
  CHECK_FALSE(websocket::has_deflated(frame));
  const std::string both = plain(0x81, "plain") + std::string(as_text(deflated.view()));
  CHECK(websocket::has_deflated(SharedBytes::copy_of(as_bytes(both))));
}
