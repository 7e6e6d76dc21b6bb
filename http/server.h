#pragma once

#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/metrics.h>
#include <tidewire/core/result.h>
#include <tidewire/core/timer.h>
#include <tidewire/http/options.h>
#include <tidewire/http/request.h>
#include <tidewire/http/response.h>
#include <tidewire/http/router.h>
#include <tidewire/http/upgrade.h>
#include <tidewire/tls/context.h>
#include <tidewire/transport/listener.h>
#include <tidewire/transport/sessions.h>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace tidewire::http {

class Connection;
struct ServerState;

/// Answers a request. Both arguments are valid until it returns. What it throws is logged, and becomes a 500.
using Handler = std::function<void(const Request&, Response&)>;

/// What a server has seen; read from any thread.
struct ServerCounters {
  Counter connections;       ///< Accepted since the start.
  Counter requests;          ///< Complete ones.
  Counter refused_requests;  ///< Broken ones, and those that broke a limit.
  Counter upgrades;          ///< Handed over to another protocol.
};

/// An HTTP/1.1 server on one loop (RFC 9110, RFC 9112).
///
/// Routes are added first, then it listens. Patterns: "/users/:id", "/files/*"; see Router. GET also serves
/// HEAD; OPTIONS, 404, 405 and 426 are answered without a route. Requests on a connection are handled one
/// after the other, in order, however they are pipelined; while an answer is pending, later ones wait.
///
/// Belongs to its loop's thread, and must be gone before the loop. Destroying it closes everything at once; `drain`
/// does so in good order. What reports the end of a connection (`Response::on_close`, and that of an upgraded one) runs
/// in a turn of the loop of its own; only the destructor calls it itself, for what is open then, since no turn may
/// follow.
class TIDEWIRE_API Server {
 public:
  explicit Server(Loop& loop, const ServerOptions& options = ServerOptions());
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  Server& get(std::string_view pattern, Handler handler) { return handle("GET", pattern, std::move(handler)); }
  Server& head(std::string_view pattern, Handler handler) { return handle("HEAD", pattern, std::move(handler)); }
  Server& post(std::string_view pattern, Handler handler) { return handle("POST", pattern, std::move(handler)); }
  Server& put(std::string_view pattern, Handler handler) { return handle("PUT", pattern, std::move(handler)); }
  Server& patch(std::string_view pattern, Handler handler) { return handle("PATCH", pattern, std::move(handler)); }
  Server& del(std::string_view pattern, Handler handler) { return handle("DELETE", pattern, std::move(handler)); }
  /// For any method. A bad pattern, and a second route for the same, make `listen` fail and say so.
  Server& handle(std::string_view method, std::string_view pattern, Handler handler);
  /// For requests that ask to switch to `protocol`; see upgrade.h.
  Server& upgrade(std::string_view protocol, std::string_view pattern, Handler handler);
  /// For layers that mount themselves on routes: `listen` will fail with this.
  void fail_configuration(Error error);

  /// Listens on "127.0.0.1:8080", "[::1]:8080", "*:8080" or "unix:/run/app.sock", beside what it listens on
  /// already. Returns the address, with the port that the system chose if that was 0. Errors: `closed` once the server
  /// shuts down; what is wrong with the routes; what is wrong with the address; what the system reports.
  Result<transport::Address> listen(std::string_view address,
                                    const transport::ListenOptions& options = transport::ListenOptions());

  /// The same for https and wss: clients speak TLS from their first byte. What is read of the certificates can change
  /// meanwhile, see `tls::Context::reload`. A client that speaks HTTP all the same is told so (400). Errors: as above,
  /// and `invalid_configuration` for a client's context.
  Result<transport::Address> listen(std::string_view address, const tls::Context& context,
                                    const transport::ListenOptions& options = transport::ListenOptions());

  /// Takes over a stream as if it had been accepted here. For tests, and for other ways of being reached.
  void serve(transport::StreamPtr stream);

  /// Shuts down in order: stops listening, lets what is under way finish, closes each connection in its protocol's way,
  /// and calls `done` when all have gone, or at `deadline` from now, when those that are left are cut off. Answers that
  /// end by themselves are waited for; others hear of it by `Response::on_shutdown`. `done` runs in a later turn, and
  /// not at all if the server is destroyed before. Called again, it adds its function to those that wait, all of which
  /// are called in order, and the earlier deadline counts. There is no way back: afterwards the server neither listens
  /// nor serves.
  void drain(std::chrono::milliseconds deadline, std::function<void()> done);

  [[nodiscard]] Loop& loop() const noexcept;
  [[nodiscard]] const ServerCounters& counters() const noexcept;
  /// How many connections are open now, whatever protocol they speak. Read from any thread.
  [[nodiscard]] const Gauge& open_connections() const noexcept;

 private:
  Result<transport::Address> listen(std::string_view address, const transport::ListenOptions& options,
                                    transport::Listener::OnAccept on_accept);

  std::unique_ptr<ServerState> state_;
};

}  // namespace tidewire::http
