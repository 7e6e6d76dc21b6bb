#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/callback.h>
#include <tidewire/core/loop.h>
#include <tidewire/http/request.h>
#include <tidewire/transport/sessions.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/options.h>
#include <tidewire/websocket/pace.h>
#include <tidewire/websocket/protocol.h>
#include <atomic>
#include <memory>
#include <utility>

namespace tidewire::transport {
class HeldOutput;
}

namespace tidewire::websocket {

class Connection;
class EndpointRef;
class Publications;

/// Makes a connection, with the handler for it, whose handshake this request was.
using ConnectionFactory = Callback<std::unique_ptr<Connection>(const EndpointRef&, const http::Request&)>;

/// What the connections of a route share. Counted, so that it is there until the last of them has gone, also
/// when the server went before. Used on the loop's thread; a Decision may drop the last reference elsewhere.
struct Endpoint {
  Endpoint(Loop& on, Options with, ConnectionFactory make);

  /// How messages to a peer are compressed, by what was agreed with it.
  [[nodiscard]] DeflateSettings deflate_settings(const DeflateAgreement& agreement) const noexcept;

  Loop& loop;
  const Options options;
  const Limits limits;
  const PaceBounds pace_bounds;
  ConnectionFactory make_connection;
  /// From this size on, messages are compressed for who agreed to it.
  const std::size_t deflate_from_bytes;
  SpareAssembly& spare;
  Buffer& deflated;  ///< What the last message that was sent compressed became; see `empty_scratch`.
  transport::HeldOutput& held;
  Publications& publications;
  transport::Sessions* sessions = nullptr;  // The server's, for as long as it is there.

 private:
  friend class EndpointRef;
  std::atomic<std::size_t> references_{0};
};

/// A counted reference to an Endpoint.
class EndpointRef {
 public:
  explicit EndpointRef(Endpoint* endpoint) noexcept : endpoint_(endpoint) { ++endpoint_->references_; }
  EndpointRef(const EndpointRef& other) noexcept : EndpointRef(other.endpoint_) {}
  EndpointRef& operator=(const EndpointRef&) = delete;
  ~EndpointRef() {
    if (--endpoint_->references_ == 0) delete endpoint_;
  }

  Endpoint* operator->() const noexcept { return endpoint_; }
  Endpoint& operator*() const noexcept { return *endpoint_; }

 private:
  Endpoint* endpoint_;
};

}  // namespace tidewire::websocket
