#include <doctest/doctest.h>
#include <tidewire/websocket/connection_extra.h>

using namespace tidewire;
using websocket::ConnectionExtra;

TEST_CASE("an end that could not be noted for lack of memory is told as just that") {
  const ConnectionExtra extra;
  CHECK(extra.farewell.cause == websocket::Cause::out_of_memory);
  CHECK(extra.farewell.code == websocket::CloseCode::internal_error);
  CHECK(extra.held_bytes == 0);
  CHECK_FALSE(extra.pong.has_value());
}
