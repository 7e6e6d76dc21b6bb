#include <tidewire/http/connection.h>
#include <tidewire/http/response.h>
#include <utility>

namespace tidewire::http {

void Response::begin(Connection& connection, bool head_only, unsigned minor_version) noexcept {
  connection_ = &connection;
  head_only_ = head_only;
  old_client_ = minor_version == 0;
}

void Response::clear() noexcept {
  connection_ = nullptr;
  head_.clear();
  state_ = State::open;
  head_only_ = old_client_ = deferred_ = over_high_water_ = watched_ = client_end_told_ = false;
  framing_ = {};
  unsent_bytes_ = 0;
  announced_bytes_.reset();
  refused_header_.reset();
  drain_callback_ = nullptr;
  close_callback_ = nullptr;
  client_end_callback_ = nullptr;
  shutdown_callback_ = nullptr;
  make_successor_ = nullptr;
}

Response& Response::status(Status status) noexcept {
  // An informational status ends no exchange; as an answer it would leave the client waiting.
  head_.set_status(is_informational(status) ? Status::internal_server_error : status);
  return *this;
}

Response& Response::header(std::string_view name, std::string_view value) {
  if (auto set = head_.fields().set(name, value); !set) refused_header_ = std::move(set).error();
  return *this;
}

Result<void> Response::try_header(std::string_view name, std::string_view value) {
  return head_.fields().set(name, value);
}

Response& Response::add_header(std::string_view name, std::string_view value) {
  if (auto added = head_.fields().add(name, value); !added) refused_header_ = std::move(added).error();
  return *this;
}

SendStatus Response::send(std::string_view text) {
  if (connection_ == nullptr || state_ != State::open) return SendStatus::closed;
  return connection_->send_whole(as_bytes(text), "Content-Type: text/plain; charset=utf-8\r\n");
}

SendStatus Response::send(Bytes body) {
  if (connection_ == nullptr || state_ != State::open) return SendStatus::closed;
  return connection_->send_whole(body, {});
}

Response& Response::content_length(std::uint64_t bytes) noexcept {
  if (!started()) announced_bytes_ = bytes;
  return *this;
}

SendStatus Response::write(Bytes piece) {
  if (connection_ == nullptr || finished()) return SendStatus::closed;
  return connection_->send_piece(piece);
}

SendStatus Response::end() {
  if (connection_ == nullptr || finished()) return SendStatus::closed;
  return connection_->end_pieces();
}

void Response::on_drain(std::function<void(Response&)> ready) { drain_callback_ = std::move(ready); }

void Response::on_close(std::function<void()> gone) { close_callback_ = std::move(gone); }

bool Response::peer_ended() const noexcept { return connection_ != nullptr && connection_->client_ended(); }

void Response::on_peer_end(std::function<void(Response&)> ended) {
  client_end_callback_ = std::move(ended);
  if (connection_ != nullptr) connection_->await_client_end();
}

void Response::on_shutdown(std::function<void(Response&)> begun) {
  shutdown_callback_ = std::move(begun);
  if (connection_ != nullptr) connection_->await_shutdown();
}

Deferred Response::defer() { return connection_->defer(); }

void Response::switch_protocols(std::string_view protocol, SuccessorFactory make_successor) {
  if (connection_ == nullptr || started()) return;
  switch_to_ = protocol;
  make_successor_ = std::move(make_successor);
  state_ = State::switching;
}

}  // namespace tidewire::http
