#include <netinet/in.h>
#include <sys/un.h>

#include <doctest/doctest.h>
#include <tidewire/transport/address.h>
#include <cstring>
#include <string>

using namespace tidewire;
using transport::Address;

TEST_CASE("addresses are read and written in the same form") {
  for (const char* text :
       {"127.0.0.1:9001", "0.0.0.0:0", "[::1]:9001", "[2001:db8::7]:65535", "*:80", "unix:/run/app.sock"}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
  }
}

TEST_CASE("an address knows its parts") {
  const Address v4 = Address::parse("10.1.2.3:80").value();
  CHECK(v4.family() == AF_INET);
  CHECK(v4.ip() == "10.1.2.3");
  CHECK(v4.port() == 80);
  CHECK(v4.path().empty());
  CHECK(v4.size() == sizeof(sockaddr_in));
  const Address v6 = Address::parse("[::1]:80").value();
  CHECK(v6.family() == AF_INET6);
  CHECK(v6.ip() == "::1");
  CHECK_FALSE(v6.any_family());
  const Address all = Address::parse("*:80").value();
  CHECK(all.family() == AF_INET6);
  CHECK(all.any_family());
  const Address local = Address::parse("unix:/tmp/x").value();
  CHECK(local.is_unix());
  CHECK(local.path() == "/tmp/x");
  CHECK(local.port() == 0);
  CHECK(local.ip().empty());
}

TEST_CASE("what is no address is refused, with what was expected") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      ":80"sv,
                                      "127.0.0.1"sv,
                                      "127.0.0.1:"sv,
                                      "127.0.0.1:65536"sv,
                                      "127.0.0.1:-1"sv,
                                      "127.0.0.1:+1"sv,
                                      "127.0.0.1:80x"sv,
                                      "127.0.0.1: 80"sv,
                                      "127.0.0:80"sv,
                                      "256.0.0.1:80"sv,
                                      "::1:80"sv,
                                      "[::1:80"sv,
                                      "[]:80"sv,
                                      "[127.0.0.1]:80"sv,
                                      "[::1]x:80"sv,
                                      "localhost:80"sv,
                                      "unix:"sv,
                                      "127.0.0.1\0x:80"sv,
                                      "unix:/a\0b"sv}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == Errc::invalid_argument);
    CHECK(address.error().detail.starts_with("address \""));
  }
}

TEST_CASE("a host name is refused with advice, a bare IPv6 address with brackets") {
  CHECK(Address::parse("localhost:80").error().detail.find("127.0.0.1") != std::string::npos);
  CHECK(Address::parse("::1:80").error().detail.find("[::1]:8080") != std::string::npos);
}

TEST_CASE("a path fits a socket's name exactly, or is refused") {
  const std::size_t room = sizeof(sockaddr_un::sun_path);
  CHECK(Address::parse("unix:" + std::string(room - 1, 'x'))->path().size() == room - 1);
  CHECK_FALSE(Address::parse("unix:" + std::string(room, 'x')));
}

TEST_CASE("no address is empty") {
  CHECK(Address().to_string().empty());
  CHECK(Address().ip().empty());
  CHECK(Address() == Address());
}

TEST_CASE("a Unix socket without a name is written without one") {
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  const Address address = Address::from(reinterpret_cast<sockaddr*>(&unnamed), sizeof unnamed.sun_family);
  CHECK(address.to_string() == "unix:");
}

TEST_CASE("an IPv4 peer of a socket of both families is known by its IPv4 address") {
  const Address mapped = Address::parse("[::ffff:10.0.0.1]:80").value();
  CHECK(mapped.ip() == "10.0.0.1");
  CHECK(mapped.to_string() == "10.0.0.1:80");
}

TEST_CASE("addresses are equal by what they mean") {
  CHECK(Address::parse("[::1]:80").value() == Address::parse("[0:0::1]:80").value());
  CHECK_FALSE(Address::parse("127.0.0.1:80").value() == Address::parse("127.0.0.1:81").value());
  CHECK_FALSE(Address::parse("unix:/a").value() == Address::parse("unix:/b").value());
}
