#include <doctest/doctest.h>
#include <tidewire/websocket/message.h>
#include <array>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// As `Connection::send` takes it.
MessageType type_of(const Message& message) { return message.type(); }

}  // namespace

TEST_CASE("what reads as text is a text message") {
  CHECK(type_of("hello") == MessageType::text);
  CHECK(type_of(std::string("hello")) == MessageType::text);
  CHECK(type_of(std::string_view("hello")) == MessageType::text);
}

TEST_CASE("what is bytes is a binary message") {
  std::array<std::byte, 3> bytes{};
  CHECK(type_of(Bytes(bytes)) == MessageType::binary);
  CHECK(type_of(MutableBytes(bytes)) == MessageType::binary);
  CHECK(type_of(bytes) == MessageType::binary);
  CHECK(type_of(std::vector<std::byte>(3)) == MessageType::binary);
}

TEST_CASE("a message views its payload") {
  const std::string text = "hello";
  const Message message(text);
  CHECK(message.is_text());
  CHECK_FALSE(message.is_binary());
  CHECK(message.text().data() == text.data());
  CHECK(message.text() == "hello");
  CHECK(message.size() == 5);
  CHECK_FALSE(message.empty());
  CHECK(Message("").empty());
}

TEST_CASE("a message keeps the type that it is given with bytes") {
  const Message message(MessageType::text, as_bytes("hello"));
  CHECK(message.is_text());
  CHECK(message.text() == "hello");
}

TEST_CASE("a closing is clean if both sides said so") {
  CHECK(CloseInfo{.cause = Cause::peer_closed}.clean());
  CHECK(CloseInfo{.cause = Cause::local_closed}.clean());
  for (const Cause cause : {Cause::protocol_error, Cause::too_large, Cause::timeout, Cause::connection_lost,
                            Cause::backpressure, Cause::handler_exception, Cause::shutdown, Cause::out_of_memory}) {
    CHECK_FALSE(CloseInfo{.cause = cause}.clean());
  }
}

TEST_CASE("a closing that nobody explained is a lost connection, 1006") {
  const CloseInfo info;
  CHECK(info.code == CloseCode::abnormal);
  CHECK(info.cause == Cause::connection_lost);
}

TEST_CASE("causes have names") {
  CHECK(name(Cause::peer_closed) == "peer_closed");
  CHECK(name(Cause::out_of_memory) == "out_of_memory");
}
