#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/method.h>
#include <tidewire/http/request.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidewire::http {

/// The owner's number for a route: the router keeps it and gives it back, and knows nothing of handlers.
enum class RouteId : std::uint32_t {};

/// What Router::match found.
struct RouteMatch {
  enum class Outcome : std::uint8_t {
    found,               ///< `id` is the route of the method, or of GET for a HEAD request.
    upgrade,             ///< `id` is the route of a protocol that the client offers; `protocol` is its token.
    options,             ///< An OPTIONS request on a path that has no route of its own for it: answer with `allow`.
    not_found,           ///< 404.
    method_not_allowed,  ///< 405, with `allow`.
    upgrade_required,    ///< 426: the path serves nothing but protocols that the client did not offer: `protocol`.
  };

  Outcome outcome = Outcome::not_found;
  RouteId id{};
  std::string allow;     ///< For options and method_not_allowed: the value of the Allow field, "GET, HEAD, OPTIONS".
  std::string protocol;  ///< For upgrade and upgrade_required: the value of the Upgrade field.
};

/// Finds the route for a path.
///
/// A pattern is a path whose segments are literals, `:name` for exactly one segment that is not empty, and at the end
/// perhaps `*` for the rest, whatever it is: "/files/*" takes "/files/" and "/files/a/b", and not "/files". "/a" and
/// "/a/" are different paths. Names are of letters, digits and '_'. Literals are written decoded; each segment of a
/// path is decoded before it is compared, on its own, so %2F never ends a segment. What a pattern took is decoded after
/// that: there, %2F is a slash.
///
/// Of several patterns that take a path, the one most specific in its first differing segment wins: a literal before a
/// parameter before `*`. One that has no route for the request's method is passed over for the next: with
/// `GET /users/:id` and `POST /users/me`, `GET /users/me` goes to the first. If no pattern serves the method, the
/// answer is 405 with the methods of all that take the path.
///
/// A look-up visits each node of the tree of patterns at most once, whatever the path; it does not recurse and does
/// not allocate, its error outcomes aside. Routes are added before and between look-ups, on one thread, and never
/// removed.
class TIDEWIRE_API Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// Adds a route for a method (a token, "GET"). Errors: invalid_configuration, naming the pattern, if the pattern or
  /// the method is malformed or the same path and method have a route already. Parameter names do not tell paths
  /// apart: "/a/:x" and "/a/:y" are the same.
  [[nodiscard]] Result<void> add(std::string_view method, std::string_view pattern, RouteId id);
  [[nodiscard]] Result<void> add(Method method, std::string_view pattern, RouteId id);

  /// Adds a route for requests to switch to a protocol, whose name is a token and matched without case. Errors as
  /// add().
  [[nodiscard]] Result<void> add_upgrade(std::string_view protocol, std::string_view pattern, RouteId id);

  /// Finds the route of a request, and writes what its pattern took to `request.params()`.
  ///
  /// If the client offers to switch protocols and a pattern has an upgrade route for one of them, that one is taken,
  /// in the client's order of preference; otherwise the offer is ignored (RFC 9110 7.8). Upgrade routes take every
  /// method: whether it fits is for the protocol to say. A path that is "*" or empty is found nowhere.
  /// `result` is written anew, in the memory that it has.
  void match(Request& request, RouteMatch& result) const;

  /// The same for the parts of a request. `path` is raw, as parse_target left it.
  [[nodiscard]] RouteMatch match(std::string_view method, std::string_view path, FieldValues upgrade,
                                 PathParameters& params) const;

 private:
  struct Node;
  struct Pattern;
  struct Search;
  class LiteralPaths;
  // What a request asks for.
  struct Wanted {
    Method method;
    std::string_view method_text;
    std::string_view path;
    FieldValues upgrade;
  };
  enum class Kind : std::uint8_t { method, protocol };

  Result<void> insert(Kind kind, std::string_view key, std::string_view pattern, RouteId id);
  static Node* child_for(Node& node, std::string_view segment);
  void match(const Wanted& wanted, PathParameters& params, RouteMatch& result) const;
  void match_in_tree(const Wanted& wanted, PathParameters& params, RouteMatch& result) const;
  void explain(Search& search, std::string_view method, RouteMatch& result) const;

  std::unique_ptr<Node> root_;
  std::unique_ptr<LiteralPaths> literal_paths_;
};

}  // namespace tidewire::http
