#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/websocket/message.h>

namespace tidewire::websocket {

class Connection;

/// The application's side of a connection: derive from it, override what matters, and mount it with
/// `route<H>`. There is one object for each connection, made for its handshake and destroyed after its
/// `on_close`.
///
/// All of it is called on the loop's thread, one call at a time. The connection and all views are valid
/// until the call returns. Sending, closing and destroying, the server included, are allowed in all of
/// them. What they throw is logged, and closes the connection with 1011.
class TIDEWIRE_API Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;

  /// The handshake is done.
  virtual void on_open(Connection&) {}
  /// A whole message came.
  virtual void on_message(Connection&, const Message&) {}
  /// A piece of a message came; only with `Options::deliver_fragments`.
  virtual void on_fragment(Connection&, const Fragment&) {}
  /// A ping came, and has been answered; a pong came.
  virtual void on_ping(Connection&, Bytes) {}
  virtual void on_pong(Connection&, Bytes) {}
  /// After a send that was `queued`: the peer has caught up.
  virtual void on_drain(Connection&) {}
  /// The connection has ended. Called exactly once, last, if and only if `on_open` was. Nothing can be sent. It runs in
  /// the loop's own time, never within a call that the application makes (`abort`, a send that fails, `Handle::run`);
  /// the destructor of the server is the exception, since no turn may follow it.
  virtual void on_close(Connection&, const CloseInfo&) {}
};

}  // namespace tidewire::websocket
