#include <tidewire/tls/secure_stream.h>
#include <tidewire/tls/stream.h>
#include <cassert>
#include <new>
#include <utility>

namespace tidewire::tls {
namespace {

transport::StreamPtr begin(Side side, SslPtr ssl, transport::StreamPtr inner,
                           std::chrono::milliseconds handshake_timeout, std::string_view answer_to_plain_text) {
  auto* const stream =
      new SecureStream(side, std::move(ssl), std::move(inner), handshake_timeout, answer_to_plain_text);
  transport::StreamPtr owned(stream);
  stream->start();
  return owned;
}

}  // namespace

transport::StreamPtr accept(const Context& context, transport::StreamPtr inner, const AcceptOptions& options) {
  assert(context.state().is_server());
  auto ssl = context.state().new_server_connection();
  if (!ssl) throw std::bad_alloc();
  return begin(Side::server, *std::move(ssl), std::move(inner), options.handshake_timeout,
               options.answer_to_plain_text);
}

Result<transport::StreamPtr> connect(const Context& context, transport::StreamPtr inner, const std::string& host,
                                     std::uint16_t port, const ConnectOptions& options) {
  assert(!context.state().is_server());
  auto ssl = context.state().new_client_connection(host, port);
  if (!ssl) return std::move(ssl).error();
  return begin(Side::client, *std::move(ssl), std::move(inner), options.handshake_timeout, {});
}

}  // namespace tidewire::tls
