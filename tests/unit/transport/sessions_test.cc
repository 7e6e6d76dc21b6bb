#include <doctest/doctest.h>
#include <support/consumers.h>
#include <tidewire/transport/sessions.h>
#include <array>
#include <functional>
#include <stdexcept>

using namespace tidewire;
using namespace tidewire::testing;
using transport::Sessions;

namespace {

struct Member final : Recorder {
  std::function<void()> draining, abandoned;
  void drain() override {
    ++drains;
    if (draining) draining();
  }
  void abandon() noexcept override {
    ++abandons;
    if (abandoned) abandoned();
  }
};

}  // namespace

TEST_CASE("sessions count who is there, wherever they leave from") {
  Sessions sessions;
  std::array<Member, 4> members;
  for (Member& member : members) sessions.add(member);
  CHECK(sessions.size() == 4);
  CHECK(sessions.open().value() == 4);
  sessions.remove(members[1]);
  sessions.remove(members[3]);
  sessions.remove(members[0]);
  CHECK(sessions.size() == 1);
  sessions.drain_all();
  CHECK(members[2].drains == 1);
  sessions.remove(members[2]);
  CHECK(sessions.empty());
}

TEST_CASE("removing one who is not there does nothing") {
  Sessions sessions;
  Member stranger;
  Member member;
  sessions.add(member);
  sessions.remove(stranger);
  sessions.remove(member);
  sessions.remove(member);
  CHECK(sessions.empty());
  CHECK(sessions.open().value() == 0);
}

TEST_CASE("the last to leave is told") {
  Sessions sessions;
  std::array<Member, 2> members;
  int told = 0;
  sessions.on_empty([&] { ++told; });
  for (Member& member : members) sessions.add(member);
  sessions.remove(members[0]);
  CHECK(told == 0);
  sessions.remove(members[1]);
  CHECK(told == 1);
}

TEST_CASE("an heir takes the place of whom it replaces") {
  Sessions sessions;
  Member before;
  Member heir;
  sessions.add(before);
  sessions.replace(before, heir);
  sessions.remove(before);
  CHECK(sessions.size() == 1);
  sessions.drain_all();
  CHECK(before.drains == 0);
  CHECK(heir.drains == 1);
  sessions.remove(heir);
}

TEST_CASE("draining asks everyone, also those who leave or bring others meanwhile") {
  Sessions sessions;
  std::array<Member, 6> members;
  Member late;
  for (Member& member : members) sessions.add(member);
  members[5].draining = [&] { sessions.remove(members[5]); };
  members[3].draining = [&] { sessions.add(late); };
  members[2].draining = [&] { sessions.remove(members[4]); };
  sessions.drain_all();
  for (const Member& member : members) CHECK(member.drains >= 1);
  CHECK(late.drains == 0);
  CHECK(sessions.size() == 5);
}

TEST_CASE("who throws when asked to finish is ended at once, and the others are asked") {
  Sessions sessions;
  std::array<Member, 3> members;
  for (Member& member : members) sessions.add(member);
  members[1].draining = [] { throw std::runtime_error("on purpose"); };
  sessions.drain_all();
  CHECK(members[1].abandons == 1);
  CHECK(members[0].drains == 1);
  CHECK(members[2].drains == 1);
  CHECK(sessions.size() == 2);
}

TEST_CASE("abandoning removes each before it is told") {
  Sessions sessions;
  std::array<Member, 3> members;
  for (Member& member : members) {
    sessions.add(member);
    member.abandoned = [&] { sessions.remove(member); };
  }
  sessions.abandon_all();
  CHECK(sessions.empty());
  CHECK(sessions.open().value() == 0);
  for (const Member& member : members) CHECK(member.abandons == 1);
}
