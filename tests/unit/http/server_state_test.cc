#include <doctest/doctest.h>
#include <tidewire/http/server_state.h>

using namespace tidewire;
using http::ServerState;

TEST_CASE("an exchange that is given back is taken again, without the memory of a large body") {
  Loop loop;
  ServerState state(loop, {});
  auto exchange = state.take_exchange();
  auto* const first = exchange.get();
  exchange->body.append(as_bytes(std::string(1'000'000, 'x')));
  state.give_back(std::move(exchange));
  exchange = state.take_exchange();
  CHECK(exchange.get() == first);
  CHECK(exchange->body.capacity() < 1'000'000);
}

TEST_CASE("a state whose server has gone lives until its last pin") {
  Loop loop;
  const auto alive = std::make_shared<int>();
  auto* const state = new ServerState(loop, {});
  state->drained.emplace_back([alive] {});
  {
    const ServerState::Pin outer(*state);
    {
      const ServerState::Pin inner(*state);
      state->orphaned = true;
    }
    CHECK(alive.use_count() == 2);
  }
  CHECK(alive.use_count() == 1);
}
