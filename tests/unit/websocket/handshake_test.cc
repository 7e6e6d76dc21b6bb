#include <doctest/doctest.h>
#include <tidewire/core/base64.h>
#include <tidewire/websocket/handshake.h>
#include <algorithm>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;
using http::Status;

namespace {

// The fields of a head, one "Name: value" a line.
class Head {
 public:
  explicit Head(std::string_view text) : text_(text) {
    std::size_t at = 0;
    while (at < text_.size()) {
      const std::size_t colon = text_.find(": ", at);
      const std::size_t end = text_.find('\n', at);
      slices_.push_back({slice(at, colon), slice(colon + 2, end)});
      at = end + 1;
    }
  }
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;
  [[nodiscard]] http::Fields fields() const { return {text_.data(), slices_}; }

 private:
  static http::Slice slice(std::size_t from, std::size_t to) {
    return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)};
  }

  std::string text_;
  std::vector<http::FieldSlices> slices_;
};

const std::string upgrade = "Host: x\nUpgrade: websocket\nConnection: Upgrade\n";
const std::string version = "Sec-WebSocket-Version: 13\n";
const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";
const std::string good = upgrade + version + key;

// What a refused request is answered with; ok if it isn't refused.
HandshakeRefusal refusal(const std::string& text, std::string_view method = "GET", bool http_1_1 = true) {
  const Head head(text);
  const auto judged = judge_request({method, http_1_1, head.fields()});
  if (const auto* refused = std::get_if<HandshakeRefusal>(&judged)) return *refused;
  return {Status::ok, "", {}};
}

Status status_for(const std::string& text) { return refusal(text).status; }

std::string with_key(std::string_view value) {
  return upgrade + version + "Sec-WebSocket-Key: " + std::string(value) + "\n";
}

}  // namespace

TEST_CASE("the request of RFC 6455 section 1.3 is accepted with its answer") {
  const Head head(good);
  const auto judged = judge_request({"GET", true, head.fields()});
  const auto* offer = std::get_if<HandshakeOffer>(&judged);
  REQUIRE(offer != nullptr);
  CHECK(text_of(offer->accept) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(offer->subprotocols.empty());
  CHECK(offer->extensions.empty());
}

TEST_CASE("a request that doesn't ask for a WebSocket is told to, 426") {
  for (const char* field : {"", "Upgrade: h2c\n", "Upgrade: websocket2\n", "Upgrade: xwebsocket\n",
                            "Upgrade: not websocket\n", "Upgrade: websocket/13\n"}) {
    CAPTURE(field);
    const auto refused = refusal(std::string(field) + "Host: x\nConnection: Upgrade\n" + version + key);
    CHECK(refused.status == Status::upgrade_required);
    CHECK(refused.field.name == "Upgrade");
    CHECK(refused.field.value == "websocket");
  }
}

TEST_CASE("Upgrade and Connection are lists of tokens, in any case and over several lines") {
  CHECK(status_for("Upgrade: h2c, WebSocket\nConnection: keep-alive, UPGRADE\n" + version + key) == Status::ok);
  CHECK(status_for("Upgrade: h2c\nConnection: keep-alive\nupgrade: WEBSOCKET\nconnection: upgrade\n" + version + key) ==
        Status::ok);
}

TEST_CASE("Connection that doesn't list upgrade as a token is refused") {
  for (const char* field : {"", "Connection: close\n", "Connection: no-upgrade\n", "Connection: upgrade-insecure\n",
                            "Connection: keep-alive upgrade\n"}) {
    CAPTURE(field);
    CHECK(status_for("Upgrade: websocket\n" + std::string(field) + version + key) == Status::bad_request);
  }
}

TEST_CASE("a method other than GET is refused with what is allowed") {
  for (const char* method : {"POST", "HEAD", "OPTIONS", "get"}) {
    CAPTURE(method);
    const auto refused = refusal(good, method);
    CHECK(refused.status == Status::method_not_allowed);
    CHECK(refused.field.name == "Allow");
    CHECK(refused.field.value == "GET");
  }
}

TEST_CASE("HTTP/1.0 is refused") { CHECK(refusal(good, "GET", false).status == Status::bad_request); }

TEST_CASE("another version than 13, or none, is refused with the one that is spoken") {
  for (const char* field :
       {"", "Sec-WebSocket-Version: 8\n", "Sec-WebSocket-Version: 14\n", "Sec-WebSocket-Version: 013\n",
        "Sec-WebSocket-Version: 13, 8\n", "Sec-WebSocket-Version: 1\n", "Sec-WebSocket-Version: \n",
        "Sec-WebSocket-Version: 13\nSec-WebSocket-Version: 13\n"}) {
    CAPTURE(field);
    const auto refused = refusal(upgrade + key + field);
    CHECK(refused.status == Status::upgrade_required);
    CHECK(refused.field.name == "Sec-WebSocket-Version");
    CHECK(refused.field.value == "13");
  }
}

TEST_CASE("a missing key is refused") { CHECK(status_for(upgrade + version) == Status::bad_request); }

TEST_CASE("two keys are refused, equal or not") {
  CHECK(status_for(good + key) == Status::bad_request);
  CHECK(status_for(good + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n") == Status::bad_request);
}

TEST_CASE("a key that isn't base64 of 16 bytes is refused") {
  CHECK(status_for(with_key("AAAAAAAAAAAAAAAAAAAAAA==")) == Status::ok);
  for (const char* value : {"", "AAAA", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAA",
                            "AAAAAAAAAAAAAAAAAAAAAB==", "AAAAAAAAAAAAAAAAAAAAA-==", "AAAAAAAAAAAAAAAAAAAAAA=",
                            "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA== ,", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    CAPTURE(value);
    CHECK(status_for(with_key(value)) == Status::bad_request);
  }
  CHECK(status_for(with_key(std::string(100'000, 'A'))) == Status::bad_request);
}

TEST_CASE("subprotocols are offered in the client's order, over several lines") {
  const Head head(good + "Sec-WebSocket-Protocol: chat, superchat\nSec-WebSocket-Protocol: v2.chat\n");
  const auto judged = judge_request({"GET", true, head.fields()});
  const auto* offer = std::get_if<HandshakeOffer>(&judged);
  REQUIRE(offer != nullptr);
  CHECK(offer->subprotocols == std::vector<std::string_view>{"chat", "superchat", "v2.chat"});
}

TEST_CASE("subprotocols that repeat or aren't tokens are refused") {
  for (const char* value : {"chat, chat", "a b", "chat, \"quoted\"", "chat; q=1", "a/b"}) {
    CAPTURE(value);
    CHECK(status_for(good + "Sec-WebSocket-Protocol: " + value + "\n") == Status::bad_request);
  }
  CHECK(status_for(good + "Sec-WebSocket-Protocol: a\nSec-WebSocket-Protocol: a\n") == Status::bad_request);
  CHECK(status_for(good + "Sec-WebSocket-Protocol: chat, Chat\n") == Status::ok);
}

TEST_CASE("more subprotocols than the bound are refused") {
  std::string value = "Sec-WebSocket-Protocol: ";
  for (std::size_t i = 0; i < max_subprotocols; ++i) value += "p" + std::to_string(i) + ",";
  CHECK(status_for(good + value + "\n") == Status::ok);
  CHECK(status_for(good + value + "one-more\n") == Status::bad_request);
}

TEST_CASE("extensions are offered over several lines") {
  const Head head(
      good + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\nSec-WebSocket-Extensions: x\n");
  const auto judged = judge_request({"GET", true, head.fields()});
  const auto* offer = std::get_if<HandshakeOffer>(&judged);
  REQUIRE(offer != nullptr);
  REQUIRE(offer->extensions.size() == 2);
  CHECK(offer->extensions[0].name == "permessage-deflate");
  CHECK(offer->extensions[1].name == "x");
}

TEST_CASE("extensions of bad grammar, and 10,000 of them, are refused") {
  CHECK(status_for(good + "Sec-WebSocket-Extensions: x; a=\"\n") == Status::bad_request);
  std::string value;
  for (int i = 0; i < 10'000; ++i) value += "x,";
  CHECK(status_for(good + "Sec-WebSocket-Extensions: " + value + "\n") == Status::bad_request);
}

TEST_CASE("a fresh key is one that a server takes, and another each time") {
  const std::string first = make_key().value();
  CHECK(status_for(with_key(first)) == Status::ok);
  CHECK(first != make_key().value());
}

namespace {

const std::string switched = "Upgrade: websocket\nConnection: Upgrade\n";
const std::string accepted = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";

Result<HandshakeAnswer> judge(const std::string& text, Status status = Status::switching_protocols) {
  const Head head(text);
  auto judged = judge_answer(status, head.fields(),
                             {.key = "dGhlIHNhbXBsZSBub25jZQ==", .subprotocols = {"chat", "v2"}, .extensions = {"x"}});
  // Its view would end with the head.
  if (judged) judged->subprotocol = judged->subprotocol.empty() ? "" : judged->subprotocol == "v2" ? "v2" : "other";
  return judged;
}

bool is_fault(const std::string& text) {
  const auto judged = judge(text);
  return !judged && judged.error().code == Errc::protocol_error;
}

}  // namespace

TEST_CASE("a client takes the right answer") {
  CHECK(judge(switched + accepted));
  CHECK(judge(switched + accepted).value().subprotocol == "");
}

TEST_CASE("a client takes what it offered") {
  const auto judged = judge(switched + accepted + "Sec-WebSocket-Protocol: v2\nSec-WebSocket-Extensions: x; a=1\n");
  REQUIRE(judged);
  CHECK(judged->subprotocol == "v2");
  REQUIRE(judged->extensions.size() == 1);
  CHECK(judged->extensions[0].parameters.at(0).value == "1");
}

TEST_CASE("a client refuses any other status") {
  for (const Status status : {Status::ok, Status::found, Status::unauthorized, Status::continue_}) {
    const auto judged = judge(switched + accepted, status);
    REQUIRE_FALSE(judged);
    CHECK(judged.error().code == Errc::refused);
  }
}

TEST_CASE("a client refuses an answer that doesn't fit its key") {
  CHECK(is_fault(switched));
  CHECK(is_fault(switched + "Sec-WebSocket-Accept: \n"));
  CHECK(is_fault(switched + "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"));
  CHECK(is_fault(switched + accepted + accepted));
}

TEST_CASE("a client refuses an answer without Upgrade or Connection") {
  CHECK(is_fault("Connection: Upgrade\n" + accepted));
  CHECK(is_fault("Upgrade: websocket\n" + accepted));
}

TEST_CASE("a client refuses a subprotocol that it didn't offer, and more than one") {
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Protocol: v3\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Protocol: V2\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Protocol: chat, v2\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Protocol: chat\nSec-WebSocket-Protocol: v2\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Protocol: \n"));
}

TEST_CASE("a client refuses an extension that it didn't offer, and bad grammar") {
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Extensions: y\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Extensions: x, y\n"));
  CHECK(is_fault(switched + accepted + "Sec-WebSocket-Extensions: x;\n"));
}
