#include <tidewire/http/server_state.h>
#include <ctime>
#include <utility>

namespace tidewire::http {
namespace {

// As many as are commonly under way at once; more are freed when they are done.
constexpr std::size_t spare_limit = 64;
// An exchange that had a large body does not keep its memory for the small ones.
constexpr std::size_t keep_bytes = 64 * 1024;

}  // namespace

ServerState::ServerState(Loop& on, const ServerOptions& with)
    : loop(on), options(with), body_limits{.max_body_bytes = with.max_body_bytes}, date_text(std::time(nullptr)) {
  spare_exchanges.reserve(spare_limit);
  if (auto names = ServedNames::parse(options.served_names)) {
    served_names = *std::move(names);
  } else {
    configuration_error = std::move(names).error();
  }
}

std::unique_ptr<Exchange> ServerState::take_exchange() {
  if (spare_exchanges.empty()) {
    return std::make_unique<Exchange>(HeadLimits{.max_head_bytes = options.max_head_bytes,
                                                 .max_target_bytes = options.max_target_bytes,
                                                 .max_fields = options.max_header_fields});
  }
  auto exchange = std::move(spare_exchanges.back());
  spare_exchanges.pop_back();
  return exchange;
}

void ServerState::give_back(std::unique_ptr<Exchange> exchange) noexcept {
  if (spare_exchanges.size() == spare_limit) return;
  exchange->parser.reset();
  if (exchange->body.capacity() > keep_bytes) exchange->body.release();
  spare_exchanges.push_back(std::move(exchange));
}

const DateText& ServerState::date() noexcept {
  if (loop.now() != date_tick) {
    date_tick = loop.now();
    if (const std::time_t now = std::time(nullptr); now != date_text.time()) date_text = DateText(now);
  }
  return date_text;
}

void ServerState::drain(std::chrono::milliseconds deadline, std::function<void()> done) {
  // A connection that cannot close in order is cut off, and its handler may destroy the server.
  const Pin pin(*this);
  listeners.clear();
  if (done) drained.push_back(std::move(done));
  const bool again = std::exchange(draining, true);
  const Tick due = loop.now() + Loop::ticks(deadline);
  if (!again || (static_cast<std::int32_t>(due - drain_due) < 0 && !sessions.empty())) {
    drain_due = due;
    drain_timer = Timer::after(loop, deadline, [this] {
      const Pin patient(*this);
      sessions.on_empty(nullptr);
      sessions.abandon_all();
      end_drain();
    });
  }
  if (!again) {
    sessions.on_empty([this] { end_drain_soon(); });
    sessions.drain_all();
  }
  if (sessions.empty()) end_drain_soon();
}

/// The functions that wait may destroy the server, so this runs from a timer, with nothing of ours below it on the
/// stack.
void ServerState::end_drain_soon() noexcept {
  // Without memory for that, the timer of the deadline does it.
  loop.guard("drain", [&] { drain_timer = Timer::after(loop, std::chrono::milliseconds(0), [this] { end_drain(); }); });
}

void ServerState::end_drain() {
  const Pin pin(*this);
  drain_timer.cancel();
  for (const auto& done : std::exchange(drained, {})) {
    loop.guard("drain callback", done);
    if (orphaned) return;
  }
}

}  // namespace tidewire::http
