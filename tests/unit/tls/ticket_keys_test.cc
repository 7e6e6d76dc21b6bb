#include <doctest/doctest.h>
#include <support/certificates.h>
#include <tidewire/tls/ticket_keys.h>
#include <array>
#include <numeric>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;
using namespace std::chrono_literals;

namespace {

constexpr TicketKeys::Clock::time_point start{1000h};

TicketKey numbered(int number) {
  TicketKey key{};
  key.name.fill(static_cast<std::byte>(number));
  return key;
}

}  // namespace

TEST_CASE("a key of our own is made when it is needed, and stays for a ticket's lifetime") {
  TicketKeys keys(2h);
  const TicketKey first = keys.encrypting(start).value();
  CHECK(keys.encrypting(start + 2h - 1s).value().name == first.name);
  const TicketKey second = keys.encrypting(start + 2h).value();
  CHECK(second.name != first.name);
  CHECK(second.aes_key != first.aes_key);
  CHECK(second.hmac_key != first.hmac_key);
}

TEST_CASE("the key before the newest still decrypts, the one before that does not") {
  TicketKeys keys(2h);
  const TicketKey first = keys.encrypting(start).value();
  CHECK(keys.decrypting(first.name, start).value().is_newest);
  const TicketKey second = keys.encrypting(start + 3h).value();
  const auto found = keys.decrypting(first.name, start + 3h);
  REQUIRE(found);
  CHECK(found->key.aes_key == first.aes_key);
  CHECK_FALSE(found->is_newest);
  CHECK(keys.decrypting(second.name, start + 3h).value().is_newest);
  static_cast<void>(keys.encrypting(start + 6h));
  CHECK_FALSE(keys.decrypting(first.name, start + 6h));
  CHECK(keys.decrypting(second.name, start + 6h));
}

TEST_CASE("a ticket that comes when its key is due is renewed, though none was made since") {
  TicketKeys keys(2h);
  const TicketKey first = keys.encrypting(start).value();
  CHECK_FALSE(keys.decrypting(first.name, start + 3h).value().is_newest);
}

TEST_CASE("a key all of whose tickets have expired is not kept") {
  TicketKeys keys(2h);
  const TicketKey first = keys.encrypting(start).value();
  CHECK_FALSE(keys.decrypting(first.name, start + 4h));
}

TEST_CASE("of given keys the first encrypts, all decrypt, and none is renewed") {
  TicketKeys keys(2h);
  const std::vector<TicketKey> given = {numbered(1), numbered(2), numbered(3)};
  REQUIRE(keys.set(given));
  CHECK(keys.encrypting(start + 100h).value().name == given[0].name);
  CHECK(keys.decrypting(given[0].name, start).value().is_newest);
  CHECK_FALSE(keys.decrypting(given[2].name, start + 100h).value().is_newest);
  CHECK_FALSE(keys.decrypting(numbered(4).name, start));
}

TEST_CASE("no keys, and two of one name, are refused, and those of before stay") {
  TicketKeys keys(2h);
  REQUIRE(keys.set(std::vector{numbered(1)}));
  CHECK(keys.set({}).error().code == Errc::invalid_argument);
  CHECK(keys.set(std::vector{numbered(2), numbered(3), numbered(2)}).error().code == Errc::invalid_argument);
  CHECK(keys.encrypting(start).value().name == numbered(1).name);
}

TEST_CASE("a key file has the name, the HMAC key and the AES key, 80 bytes") {
  const TemporaryFolder folder;
  std::string bytes(80, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  const TicketKey key = TicketKey::from_file(folder.file("key", bytes)).value();
  CHECK(key.name[0] == std::byte{0});
  CHECK(key.hmac_key[0] == std::byte{16});
  CHECK(key.aes_key[0] == std::byte{48});
  CHECK(key.aes_key[31] == std::byte{79});
  const std::string old = folder.file("old", bytes.substr(0, 48));
  CHECK(TicketKey::from_file(old).error().detail == old + ": has 48 bytes; a ticket key has 80");
  CHECK_FALSE(TicketKey::from_file(folder.path("none")));
}

TEST_CASE("random keys differ") { CHECK(TicketKey::random().value().name != TicketKey::random().value().name); }
