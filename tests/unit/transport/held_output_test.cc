#include <doctest/doctest.h>
#include <tidewire/transport/held_output.h>
#include <array>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

using namespace tidewire;
using transport::HeldOutput;

namespace {

using Log = std::vector<std::string>;

/// A holder that notes what it is given to send.
struct Writer final : HeldOutput::Holder {
  Writer(Log& sent_by_all, char own_name) : log(&sent_by_all), name(own_name) {}
  void flush() noexcept override {}
  void send_held(Bytes bytes) noexcept override { log->push_back(name + (": " + std::string(as_text(bytes)))); }

  Log* log;
  char name;
};

/// One over another, to which it passes what it is given.
struct Layer final : HeldOutput::Holder {
  Layer(HeldOutput& its, Writer& its_lower) : held(its), lower(its_lower) {}
  void flush() noexcept override {}
  void send_held(Bytes bytes) noexcept override {
    if (held.holder() == &lower) return held.add(as_bytes("held"), bytes);
    lower.send_held(bytes);
  }

  HeldOutput& held;
  Writer& lower;
};

}  // namespace

TEST_CASE("each holder's writes leave in one piece at the end of the turn, in the order of the first") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer a(log, 'a');
  Writer b(log, 'b');
  held.begin(a, nullptr);
  CHECK(held.holder() == &a);
  CHECK(held.stream() == nullptr);  // It has none.
  held.add(as_bytes("one "), as_bytes("two "));
  std::memcpy(held.room().data(), "three", 5);
  held.add(5);
  held.end();
  CHECK(held.holder() == nullptr);
  held.begin(b, nullptr);
  held.add(as_bytes("four"), {});
  held.end();
  CHECK(log.empty());
  loop.run_once(false);
  CHECK(log == Log{"a: one two three", "b: four"});
  loop.run_once(false);
  CHECK(log.size() == 2);
}

TEST_CASE("a holder that wrote nothing sends nothing") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer a(log, 'a');
  held.begin(a, nullptr);
  held.end();
  held.flush_now();
  CHECK(log.empty());
}

TEST_CASE("what was taken is not sent, and can be read until more is added") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer a(log, 'a');
  Writer b(log, 'b');
  held.begin(a, nullptr);
  held.add(as_bytes("first"), {});
  held.begin(b, nullptr);
  held.add(as_bytes("second"), {});
  held.end();
  CHECK(as_text(held.take(a)) == "first");
  CHECK(held.take(a).empty());
  held.flush_now();
  CHECK(log == Log{"b: second"});
}

TEST_CASE("the room of what was added last is free again when it is taken") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer a(log, 'a');
  held.begin(a, nullptr);
  held.add(as_bytes("something"), {});
  CHECK(held.held_bytes(a) == 9);
  CHECK(held.room().size() == HeldOutput::capacity - 9);
  held.take(a);
  CHECK(held.held_bytes(a) == 0);
  CHECK(held.room().size() == HeldOutput::capacity);
  held.add(as_bytes("again"), {});
  held.flush_now();
  CHECK(log == Log{"a: again"});
}

TEST_CASE("a holder that comes again behind another keeps its order") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer a(log, 'a');
  Writer b(log, 'b');
  held.begin(a, nullptr);
  held.add(as_bytes("1"), {});
  held.begin(b, nullptr);
  held.add(as_bytes("2"), {});
  held.begin(a, nullptr);
  held.add(as_bytes("3"), {});
  held.end();
  held.flush_now();
  CHECK(log == Log{"a: 1", "b: 2", "a: 3"});
}

TEST_CASE("more holders than there are regions for are sent from in between") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  std::deque<Writer> writers;
  while (writers.size() <= HeldOutput::max_regions) {
    held.begin(writers.emplace_back(log, 'w'), nullptr);
    held.add(as_bytes("x"), {});
  }
  held.end();
  CHECK(log.size() == HeldOutput::max_regions);
  held.flush_now();
  CHECK(log == Log(writers.size(), "w: x"));
}

TEST_CASE("a callback within another's has its own region, and the outer one goes on behind it") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer outer(log, 'o');
  Writer inner(log, 'i');
  held.begin(outer, nullptr);
  held.add(as_bytes("1"), {});
  const HeldOutput::Callback before = held.current();
  held.begin(inner, nullptr);
  held.add(as_bytes("2"), {});
  held.restore(before);
  CHECK(held.holder() == &outer);
  held.add(as_bytes("3"), {});
  held.end();
  held.restore(held.current());
  CHECK(held.holder() == nullptr);
  held.flush_now();
  CHECK(log == Log{"o: 1", "i: 2", "o: 3"});
}

TEST_CASE("what is sent to make way for a stream goes through the one below, in whose callback it begins") {
  Loop loop;
  HeldOutput held(loop);
  Log log;
  Writer lower(log, 'l');
  Layer upper(held, lower);
  Writer other(log, 'o');
  held.begin(upper, nullptr);
  held.add(as_bytes("1"), {});
  held.begin(other, nullptr);
  held.add(as_bytes("2"), {});
  held.begin(lower, nullptr);
  held.begin(upper, nullptr);
  CHECK(log == Log{"l: 1", "o: 2"});
  CHECK(held.holder() == &upper);
  held.add(as_bytes("3"), {});
  held.end();
  held.flush_now();
  CHECK(log == Log{"l: 1", "o: 2", "l: 3"});
  CHECK(held.room().size() == HeldOutput::capacity);
}
