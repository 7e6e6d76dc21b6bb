#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/http/body.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/method.h>
#include <tidewire/http/target.h>
#include <tidewire/tls/stream.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::http {

class OwnedRequest;

/// What a route's pattern took out of a path: the values of its `:parameters`, and what its `*` stands for.
///
/// Names view the router; values are kept as offsets into the path, or decoded when they hold a '%'.
class TIDEWIRE_API PathParameters {
 public:
  void clear() noexcept {
    items_.clear();
    decoded_.clear();
  }

  /// Adds the parameter `name` ("*" for the wildcard), whose value is the still encoded `path.substr(offset, size)`.
  /// The decoded value of a wildcard is without slashes at its beginning.
  void add(std::string_view name, std::string_view path, std::size_t offset, std::size_t size);

  /// The decoded value; empty if there is no such parameter. `path` is the one of add(), or its copy.
  [[nodiscard]] std::string_view find(std::string_view name, std::string_view path) const noexcept;

  /// The value as it stands in the path, still encoded.
  [[nodiscard]] std::string_view find_raw(std::string_view name, std::string_view path) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  friend class OwnedRequest;

  struct Item {
    std::string_view name;
    Slice raw;    // in the path
    Slice value;  // in decoded_ if is_decoded, else in the path
    bool is_decoded = false;
  };

  const Item* item(std::string_view name) const noexcept;

  std::vector<Item> items_;
  std::string decoded_;
};

/// Who sent a request, and how, for those who ask: to know it may take a call to the system.
class TIDEWIRE_API PeerSource {
 public:
  /// As Request::peer(), valid as long as this object. Throws std::bad_alloc.
  [[nodiscard]] virtual std::string_view peer_text() = 0;
  /// As Request::encryption().
  [[nodiscard]] virtual const tls::Stream* encryption() const noexcept { return nullptr; }

 protected:
  PeerSource() = default;
  PeerSource(const PeerSource&) = default;
  PeerSource& operator=(const PeerSource&) = default;
  ~PeerSource() = default;
};

/// A request as a handler sees it: a view of bytes that belong to the connection.
///
/// It and everything taken from it is valid until the callback that got it returns; `clone()` makes a copy that
/// lives on its own. It is filled by RequestParser and by the connection, and its memory is used again for the next
/// request. Everything here was checked before the handler ran: the framing, the Host, the target.
class TIDEWIRE_API Request {
 public:
  Request() = default;
  Request(Request&&) noexcept = default;
  Request& operator=(Request&&) noexcept = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() = default;

  [[nodiscard]] Method method() const noexcept { return head_.method; }
  /// The method as sent, for those that are `Method::other`.
  [[nodiscard]] std::string_view method_text() const noexcept { return head_.method_text.of(base_); }

  /// The target as sent, path and query in one.
  [[nodiscard]] std::string_view target() const noexcept { return head_.target.of(base_); }
  [[nodiscard]] TargetForm target_form() const noexcept { return head_.target_form; }
  /// The path as sent, still encoded; "*" for `OPTIONS *`, empty for CONNECT. It has no dot segments (parse_target).
  [[nodiscard]] std::string_view path() const noexcept { return head_.path.of(base_); }
  /// The query as sent, without the '?'.
  [[nodiscard]] std::string_view query() const noexcept { return head_.query.of(base_); }
  /// The decoded value of a query parameter; see query_parameter().
  [[nodiscard]] std::optional<std::string> query_param(std::string_view name) const {
    return query_parameter(query(), name);
  }

  /// 1 for HTTP/1.1, 0 for HTTP/1.0.
  [[nodiscard]] unsigned minor_version() const noexcept { return head_.minor_version; }

  /// "host:port" that the request is for: of an absolute target (RFC 9112 3.2.2), or else of the Host field; empty only
  /// if an HTTP/1.0 client named none.
  [[nodiscard]] std::string_view host() const noexcept { return head_.host.of(base_); }

  [[nodiscard]] Fields headers() const noexcept { return {base_, fields_}; }
  /// The value of the first header field of that name, whatever its case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return headers().find(name); }
  [[nodiscard]] bool has_header(std::string_view name) const noexcept { return headers().contains(name); }
  /// The values of all header fields of that name. `name` must live as long as the result.
  [[nodiscard]] FieldValues header_values(std::string_view name) const noexcept { return headers().values(name); }

  /// The decoded value of a route's parameter: `param("room")` of "/rooms/:room"; empty if the route has none such. An
  /// encoded slash (%2F) in it is a slash afterwards, at its beginning too. To name a file by it, use join_path().
  [[nodiscard]] std::string_view param(std::string_view name) const noexcept { return params_.find(name, path()); }
  /// The decoded rest of the path that a route's `*` stands for. An encoded slash (%2F) in it is a slash afterwards.
  /// Slashes at its beginning, plain or encoded, are left out. To open a file by it, use join_path() (file_path.h).
  [[nodiscard]] std::string_view wildcard() const noexcept { return params_.find("*", path()); }
  /// The same as sent: still encoded, with all of its slashes.
  [[nodiscard]] std::string_view wildcard_raw() const noexcept { return params_.find_raw("*", path()); }

  /// The content, whole, for handlers that take it whole; empty before it has come.
  [[nodiscard]] Bytes body() const noexcept { return body_; }
  [[nodiscard]] std::string_view body_text() const noexcept { return as_text(body_); }
  /// The trailer fields of a chunked body. They are never merged into headers().
  [[nodiscard]] Fields trailers() const noexcept { return trailers_; }
  /// How the body's end is found.
  [[nodiscard]] Framing framing() const noexcept { return head_.framing; }

  /// Whether the connection may serve another request after this one (RFC 9112 9.3).
  [[nodiscard]] bool keep_alive() const noexcept { return head_.keep_alive; }
  /// Whether the client waits for a 100 (Continue) before it sends its body (RFC 9110 10.1.1).
  [[nodiscard]] bool expects_continue() const noexcept { return head_.expects_continue; }
  /// Whether the client offers to switch protocols: HTTP/1.1, an Upgrade field, and "upgrade" among the
  /// connection options (RFC 9110 7.8).
  [[nodiscard]] bool wants_upgrade() const noexcept { return head_.wants_upgrade; }
  /// The protocols that it offers, in its order; nothing unless wants_upgrade().
  [[nodiscard]] FieldValues upgrade_values() const noexcept {
    return head_.wants_upgrade ? header_values("upgrade") : FieldValues();
  }

  /// Who sent it: the address as the connection knows it, "127.0.0.1:50312". It is asked for
  /// when somebody first wants to know; empty if the peer has gone by then.
  [[nodiscard]] std::string_view peer() const { return peer_source_ != nullptr ? peer_source_->peer_text() : peer_; }

  /// What its connection's TLS has settled: version, cipher, the name asked for, the client's certificate. Null if
  /// there is no TLS, or if this is a copy, which may outlive the connection.
  [[nodiscard]] const tls::Stream* encryption() const noexcept {
    return peer_source_ != nullptr ? peer_source_->encryption() : nullptr;
  }
  /// "https" if it came over TLS, else "http". What a client said to a proxy in front of us is not known.
  [[nodiscard]] std::string_view scheme() const noexcept { return is_secure() ? "https" : "http"; }
  [[nodiscard]] bool is_secure() const noexcept { return secure_ || encryption() != nullptr; }

  /// A copy that depends on nothing else, for an answer that comes later. It takes a few allocations.
  [[nodiscard]] OwnedRequest clone() const;

  /// \name For the connection that delivers it
  /// @{

  /// The head's bytes now stand at `base`: they were moved, unchanged.
  void set_base(const char* base) noexcept { base_ = base; }
  /// What follows must live as long as the request is looked at; nothing is copied.
  void set_body(Bytes body) noexcept { body_ = body; }
  void set_trailers(Fields trailers) noexcept { trailers_ = trailers; }
  void set_peer(std::string_view peer) noexcept { peer_ = peer; }
  /// Instead of set_peer().
  void set_peer_source(PeerSource& source) noexcept { peer_source_ = &source; }
  /// The router writes here what it matched.
  [[nodiscard]] PathParameters& params() noexcept { return params_; }
  /// As if new, keeping its memory.
  void clear() noexcept;
  /// @}

 private:
  friend class OwnedRequest;
  friend class RequestParser;

  // What the head's first line and fields said, all of it independent of where the bytes are.
  struct Head {
    std::uint32_t size = 0;
    Method method = Method::other;
    TargetForm target_form = TargetForm::origin;
    std::uint8_t minor_version = 1;
    bool keep_alive = false;
    bool expects_continue = false;
    bool wants_upgrade = false;
    Slice method_text;
    Slice target;
    Slice path;
    Slice query;
    Slice host;
    Framing framing;
  };

  const char* base_ = "";
  Head head_;
  std::vector<FieldSlices> fields_;
  PathParameters params_;
  Bytes body_;
  Fields trailers_;
  std::string_view peer_;
  PeerSource* peer_source_ = nullptr;
  bool secure_ = false;  // Of a copy.
};

/// A Request with bytes of its own: what `Request::clone()` returns. Movable; the Request in it stays valid.
class TIDEWIRE_API OwnedRequest {
 public:
  explicit OwnedRequest(const Request& request);

  [[nodiscard]] const Request& operator*() const noexcept { return request_; }
  [[nodiscard]] const Request* operator->() const noexcept { return &request_; }
  [[nodiscard]] const Request& get() const noexcept { return request_; }
  operator const Request&() const noexcept { return request_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::vector<FieldSlices> trailers_;
  Request request_;
};

}  // namespace tidewire::http
