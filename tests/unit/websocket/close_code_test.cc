#include <doctest/doctest.h>
#include <tidewire/websocket/close_code.h>

using namespace tidewire::websocket;

namespace {

CloseCode code(unsigned number) { return static_cast<CloseCode>(number); }

}  // namespace

TEST_CASE("close codes that may appear on the wire are 1000 to 1003, 1007 to 1014 and 3000 to 4999") {
  for (unsigned number = 0; number <= 0xFFFF; ++number) {
    const bool good =
        (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014) || (number >= 3000 && number <= 4999);
    if (may_appear_on_wire(code(number)) != good) FAIL_CHECK("code ", number);
  }
}

TEST_CASE("an application may choose any code of the wire but the one for a client's handshake") {
  CHECK(may_be_chosen(CloseCode::normal));
  CHECK(may_be_chosen(code(4999)));
  CHECK_FALSE(may_be_chosen(CloseCode::mandatory_extension));
  CHECK_FALSE(may_be_chosen(CloseCode::no_status));
  CHECK_FALSE(may_be_chosen(CloseCode::abnormal));
  CHECK_FALSE(may_be_chosen(code(0)));
}

TEST_CASE("close codes have names") {
  CHECK(name(CloseCode::normal) == "normal");
  CHECK(name(CloseCode::bad_gateway) == "bad gateway");
  CHECK(name(code(1004)) == "reserved");
  CHECK(name(code(1015)) == "reserved");
  CHECK(name(code(2999)) == "reserved");
  CHECK(name(code(3000)) == "registered");
  CHECK(name(code(3999)) == "registered");
  CHECK(name(code(4000)) == "application");
  CHECK(name(code(4999)) == "application");
  CHECK(name(code(5000)) == "reserved");
}
