#include <doctest/doctest.h>
#include <support/web.h>
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
