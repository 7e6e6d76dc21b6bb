#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/timer.h>
#include <tidewire/http/body.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/response.h>
#include <tidewire/http/served_names.h>
#include <tidewire/http/server.h>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tidewire::http {

/// Who a Deferred speaks for. Forgets the connection when the exchange is over; used on the loop's thread.
struct Ticket {
  Connection* connection = nullptr;
  std::weak_ptr<Deferred::Claim> claim;
};

/// What a connection needs while a request is under way, and not while it is idle: taken from the server's
/// pool, so that the memory of its buffers serves the next request, on whatever connection.
struct Exchange {
  explicit Exchange(const HeadLimits& limits) : parser(limits) {}
  ~Exchange() = default;

  RequestParser parser;
  Request request;
  RouteMatch match;
  BodyDecoder decoder;
  Buffer head;  ///< The head's bytes, if the body comes in pieces and they can't stay where they were read.
  Buffer body;  ///< The body so far, likewise.
  Response response;
  std::shared_ptr<Ticket> ticket;
};

/// What the connections of a server share.
struct ServerState {
  ServerState(Loop& on, const ServerOptions& with);

  /// Keeps the state while one of its handlers runs: the handler may destroy the server.
  class Pin {
   public:
    explicit Pin(ServerState& state) noexcept : state_(state) { ++state_.pins; }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      if (--state_.pins == 0 && state_.orphaned) delete &state_;
    }

   private:
    ServerState& state_;
  };

  [[nodiscard]] std::unique_ptr<Exchange> take_exchange();
  void give_back(std::unique_ptr<Exchange> exchange) noexcept;
  /// The Date field's text, which changes once a second.
  [[nodiscard]] const DateText& date() noexcept;

  Loop& loop;
  const ServerOptions options;
  const BodyLimits body_limits;
  Router router;
  ServedNames served_names;
  std::deque<Handler> handlers;  // They stay where they are, for one may add another.
  std::optional<Error> configuration_error;
  transport::Sessions sessions;
  std::vector<std::unique_ptr<transport::Listener>> listeners;
  ServerCounters counters;
  Buffer scratch;  ///< For heads on their way out.

  /// Shuts down; see Server::drain.
  void drain(std::chrono::milliseconds deadline, std::function<void()> done);
  void end_drain();
  void end_drain_soon() noexcept;

  bool draining = false;
  std::vector<std::function<void()>> drained;  ///< To be called at its end.
  Tick drain_due = 0;                          ///< The earliest deadline.
  Timer drain_timer;                           ///< For the deadline, or for the end.

  std::vector<std::unique_ptr<Exchange>> spare_exchanges;
  DateText date_text;
  Tick date_tick = 0;
  unsigned pins = 0;
  bool orphaned = false;
};

}  // namespace tidewire::http
