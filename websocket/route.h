#pragma once

#include <tidewire/core/export.h>
#include <tidewire/http/server.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/endpoint.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/options.h>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

/// Mounting WebSocket handlers on the paths of an HTTP server.
///
/// Requests there that are a correct handshake (RFC 6455 section 4), come from an allowed origin and are
/// authorised become connections. Others get an HTTP error that says why: 400, 403, 405, 426, or what
/// `Options::authorize` chose. A wrong pattern or option makes `Server::listen` fail.
namespace tidewire::websocket {

/// A handler made of functions, for what needs no state of its own for each connection.
struct Callbacks {
  std::function<void(Connection&)> on_open = {};
  std::function<void(Connection&, const Message&)> on_message = {};
  std::function<void(Connection&, const Fragment&)> on_fragment = {};
  std::function<void(Connection&)> on_drain = {};
  std::function<void(Connection&, const CloseInfo&)> on_close = {};
};

/// Makes the handler for a connection whose handshake this request was.
using HandlerFactory = Callback<std::unique_ptr<Handler>(const http::Request&)>;

/// Mounts what `make` makes: for handlers whose type depends on the request. What `make` throws is logged, and
/// the client gets a 500.
TIDEWIRE_API void route(http::Server& server, std::string_view pattern, Options options, HandlerFactory make);

/// Mounts functions.
TIDEWIRE_API void route(http::Server& server, std::string_view pattern, Callbacks callbacks,
                        Options options = Options());

namespace detail {

TIDEWIRE_API void mount(http::Server& server, std::string_view pattern, Options options, ConnectionFactory make);

template <class H, class... Dependencies>
std::unique_ptr<Connection> host(const EndpointRef& endpoint, const http::Request& request,
                                 Dependencies&... dependencies) {
  if constexpr (std::is_constructible_v<H, const http::Request&, Dependencies&...>) {
    return std::make_unique<HostedConnection<H>>(endpoint, request, dependencies...);
  } else {
    static_assert(std::is_constructible_v<H, Dependencies&...>,
                  "a handler is constructed from (const http::Request&, dependencies...) or (dependencies...)");
    return std::make_unique<HostedConnection<H>>(endpoint, dependencies...);
  }
}

}  // namespace detail

/// Mounts a handler class: each connection gets an object of its own, constructed from its request and
/// `dependencies`, or from `dependencies` alone. A dependency given by name is referred to, and must live as
/// long as the server; a temporary is kept, and each handler gets a reference to it.
template <class H, class... Dependencies>
void route(http::Server& server, std::string_view pattern, const Options& options, Dependencies&&... dependencies) {
  static_assert(std::is_base_of_v<Handler, H>, "what is mounted derives from websocket::Handler");
  detail::mount(server, pattern, options,
                [kept = std::tuple<Dependencies...>(std::forward<Dependencies>(dependencies)...)](
                    const EndpointRef& endpoint, const http::Request& request) mutable {
                  return std::apply([&](auto&... each) { return detail::host<H>(endpoint, request, each...); }, kept);
                });
}

/// The same with the default options.
template <class H, class... Dependencies>
requires(sizeof...(Dependencies) == 0 ||
         !std::is_same_v<std::remove_cvref_t<std::tuple_element_t<0, std::tuple<Dependencies..., void>>>,
                         Options>) void route(http::Server& server, std::string_view pattern,
                                              Dependencies&&... dependencies) {
  route<H>(server, pattern, Options(), std::forward<Dependencies>(dependencies)...);
}

}  // namespace tidewire::websocket
