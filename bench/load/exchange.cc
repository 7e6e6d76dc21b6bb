#include <tidewire/bench/exchange.h>
#include <random>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t most_header_bytes = 14;

Result<void> check_batch(std::size_t request_bytes, std::size_t depth) {
  if (depth == 0 || depth > max_depth) return Error{Errc::invalid_argument, "a depth of " + std::to_string(depth)};
  if (request_bytes > max_batch_bytes / depth) return Error{Errc::too_large, "a batch of over 64 MiB"};
  return {};
}

}  // namespace

Result<Exchange> echo_exchange(Content content, std::size_t payload_bytes, std::size_t depth) {
  if (auto good = check_batch(payload_bytes + most_header_bytes, depth); !good) return good.error();
  const std::string message = payload(content, payload_bytes);
  std::mt19937 masks;
  Exchange exchange;
  exchange.depth = depth;
  for (std::size_t i = 0; i < depth; ++i) {
    exchange.batch += client_frame(content, message, static_cast<std::uint32_t>(masks()));
  }
  exchange.reply = server_frame(content, message);
  exchange.start_bytes = exchange.reply.size() - message.size();
  exchange.content_from = exchange.start_bytes;
  return exchange;
}

Result<Exchange> deflated_exchange(Content content, std::size_t payload_bytes, std::size_t depth, Offer offer,
                                   std::string_view extension) {
  if (auto good = check_batch(payload_bytes + most_header_bytes, depth); !good) return good.error();
  if (const auto bits = client_window_bits(extension, offer); !bits) return bits.error();
  Exchange exchange;
  exchange.depth = depth;
  exchange.deflated.emplace(content, payload_bytes, depth, offer, std::string(extension));
  return exchange;
}

Result<Exchange> http_exchange(const Endpoint& endpoint, std::string_view path, Headers headers, std::size_t depth) {
  const std::string get = get_request(endpoint, path, headers);
  if (auto good = check_batch(get.size(), depth); !good) return good.error();

  auto connection = open_connections(endpoint, 1);
  if (!connection) return connection.error();
  const auto response = request(connection->front(), get);
  if (!response) return response.error();
  if (!response->head.starts_with("HTTP/1.1 200")) {
    return Error{Errc::refused, "GET " + std::string(path) + " answered " + first_line(response->head)};
  }

  Exchange exchange;
  exchange.depth = depth;
  for (std::size_t i = 0; i < depth; ++i) exchange.batch += get;
  exchange.reply = response->head + response->body;
  exchange.start_bytes = response->head.find("\r\n") + 2;
  // The blank line belongs to the content: it tells that the head is still of the same size.
  exchange.content_from = response->head.size() - 4;
  return exchange;
}

}  // namespace tidewire::bench
