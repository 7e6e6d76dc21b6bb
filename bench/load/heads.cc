#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <algorithm>
#include <cctype>

namespace tidewire::bench {
namespace {

constexpr std::string_view browser_headers =
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: http://127.0.0.1/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=5f1d7c2e9a3b4806; theme=dark\r\n";

std::string request_start(const Endpoint& endpoint, std::string_view path) {
  std::string out = "GET ";
  out.append(path).append(" HTTP/1.1\r\nHost: ").append(endpoint.host).append(":");
  return out.append(std::to_string(endpoint.port)).append("\r\n");
}

}  // namespace

std::string get_request(const Endpoint& endpoint, std::string_view path, Headers headers) {
  std::string out = request_start(endpoint, path);
  if (headers == Headers::browser) out += browser_headers;
  return out += "\r\n";
}

std::string handshake_request(const Endpoint& endpoint, std::string_view path, Offer offer) {
  std::string out = request_start(endpoint, path);
  out.append("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ").append(handshake_key);
  out += "\r\nSec-WebSocket-Version: 13\r\n";
  if (offer != Offer::nothing) out.append("Sec-WebSocket-Extensions: ").append(text_of(offer)).append("\r\n");
  return out += "\r\n";
}

Result<void> check_handshake(std::string_view head, Offer offer) {
  if (!head.starts_with("HTTP/1.1 101 ")) return Error{Errc::refused, "handshake answered " + first_line(head)};
  if (header_field(head, "Sec-WebSocket-Accept") != handshake_accept) {
    return Error{Errc::protocol_error, "handshake answered with a wrong Sec-WebSocket-Accept"};
  }
  const std::string_view extensions = header_field(head, "Sec-WebSocket-Extensions");
  if (offer == Offer::nothing && !extensions.empty()) {
    return Error{Errc::protocol_error, "handshake answered with extensions that nobody asked for"};
  }
  if (offer == Offer::nothing) return {};
  if (const auto agreed = client_window_bits(extensions, offer); !agreed) return agreed.error();
  return {};
}

std::string_view header_field(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon != name.size() || !std::equal(name.begin(), name.end(), line.begin(), same)) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    return value;
  }
  return {};
}

std::string first_line(std::string_view head) {
  // It comes from the server and goes to a terminal, as one line.
  std::string line(head.substr(0, std::min<std::size_t>(head.find("\r\n"), 100)));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return std::isprint(c) == 0; }, '?');
  return line;
}

}  // namespace tidewire::bench
