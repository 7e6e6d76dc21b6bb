#include <tidewire/websocket/deflate_negotiation.h>
#include <algorithm>
#include <string>

namespace tidewire::websocket {
namespace {

// The names of the parameters, as section 7.1 has them.
namespace parameter {
constexpr std::string_view server_no_context_takeover = "server_no_context_takeover";
constexpr std::string_view client_no_context_takeover = "client_no_context_takeover";
constexpr std::string_view server_max_window_bits = "server_max_window_bits";
constexpr std::string_view client_max_window_bits = "client_max_window_bits";
}  // namespace parameter

// Without a value, or not given at all, the window may be as large as windows can be.
struct WindowBits {
  bool given = false;
  int bits = max_window_bits;
};

struct Parameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  WindowBits server_max_window_bits;
  WindowBits client_max_window_bits;
};

enum class Value { required, optional };

// What is wrong with a parameter, or empty: literals.
using Fault = std::string_view;
constexpr Fault repeated = "a parameter occurs twice";

Fault read_flag(const ExtensionParameter& from, bool& to) noexcept {
  if (to) return repeated;
  if (from.value) return "a takeover parameter has a value";
  to = true;
  return {};
}

// "a decimal integer value without leading zeroes between 8 to 15, inclusive"; 0 if it is none.
int bits_of(std::string_view text) noexcept {
  if (text == "8") return 8;
  if (text == "9") return 9;
  if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') return 10 + (text[1] - '0');
  return 0;
}

Fault read_bits(const ExtensionParameter& from, Value value, WindowBits& to) noexcept {
  if (to.given) return repeated;
  to.given = true;
  if (!from.value) return value == Value::required ? "window bits lack their value" : Fault();
  to.bits = bits_of(*from.value);
  return to.bits == 0 ? "window bits are not 8 to 15" : Fault();
}

// Section 7: an offer must be declined, and an answer fails the connection, if it "contains an extension parameter
// not defined for use in" it, one "with an invalid value", or "multiple extension parameters with the same name".
// Offers and answers differ in `client_max_window_bits` alone (section 7.1.2.2): an offer may leave out its value.
Fault read(const Extension& from, Value of_client_bits, Parameters& to) noexcept {
  for (const ExtensionParameter& each : from.parameters) {
    Fault fault = "an unknown parameter";
    if (each.name == parameter::server_no_context_takeover) {
      fault = read_flag(each, to.server_no_context_takeover);
    } else if (each.name == parameter::client_no_context_takeover) {
      fault = read_flag(each, to.client_no_context_takeover);
    } else if (each.name == parameter::server_max_window_bits) {
      fault = read_bits(each, Value::required, to.server_max_window_bits);
    } else if (each.name == parameter::client_max_window_bits) {
      fault = read_bits(each, of_client_bits, to.client_max_window_bits);
    }
    if (!fault.empty()) return fault;
  }
  return {};
}

void add(Extension& to, std::string_view name) { to.parameters.push_back({std::string(name), std::nullopt}); }

void add(Extension& to, std::string_view name, int bits) {
  to.parameters.push_back({std::string(name), std::to_string(bits)});
}

Extension answer_to(const Parameters& offered, const DeflateAgreement& agreed) {
  Extension answer{std::string(deflate_name), {}};
  // Section 7.1.1.1: a server accepts this parameter "by including" it, and "MAY include [it] even if the extension
  // negotiation offer [...] didn't": it tells the client that it need not keep a window.
  if (!agreed.own_takeover) add(answer, parameter::server_no_context_takeover);
  // Section 7.1.1.2: "By including [it], a server prevents the peer client from using context takeover." It is
  // included even if the client offered it: on its own that is a hint, which some clients don't keep to.
  if (!agreed.peer_takeover) add(answer, parameter::client_no_context_takeover);
  // Section 7.1.2.1: a server accepts this parameter by including it "with the same or smaller value as the offer".
  // It may do so unasked, too, but there are clients that fail then, and a smaller window needs no announcement.
  if (offered.server_max_window_bits.given) add(answer, parameter::server_max_window_bits, agreed.own_window_bits);
  // Section 7.1.2.2: if the offer "doesn't have the 'client_max_window_bits' extension parameter, the [answer] MUST
  // NOT include" it; the window is then whole. If it has a value, the answer's is "equal to or smaller".
  if (agreed.peer_window_bits < max_window_bits) {
    add(answer, parameter::client_max_window_bits, agreed.peer_window_bits);
  }
  return answer;
}

std::optional<AcceptedExtension<DeflateAgreement>> accept_one(const DeflateOptions& options, const Extension& offer) {
  Parameters offered;
  if (!read(offer, Value::optional, offered).empty()) return {};
  // Section 7.1.2.1: "A server declines an extension negotiation offer with this parameter if the server doesn't
  // support it."
  if (offered.server_max_window_bits.bits < min_window_bits) return {};

  const int own_bits = std::min(options.own_window_bits, offered.server_max_window_bits.bits);
  const int peer_bits = offered.client_max_window_bits.given
                            ? std::min(options.peer_window_bits, offered.client_max_window_bits.bits)
                            : max_window_bits;
  DeflateAgreement agreed;
  agreed.own_window_bits = static_cast<std::uint8_t>(own_bits);
  agreed.peer_window_bits = static_cast<std::uint8_t>(peer_bits);
  agreed.own_takeover = options.own_takeover && !offered.server_no_context_takeover;
  agreed.peer_takeover =
      options.peer_takeover && !offered.client_no_context_takeover && peer_bits <= options.peer_window_bits;
  return AcceptedExtension<DeflateAgreement>{agreed, answer_to(offered, agreed)};
}

Error unacceptable(Errc code, Fault fault) {
  return {make_error_code(code), std::string(deflate_name) + ": " + std::string(fault)};
}

Result<DeflateAgreement> judge_one(const DeflateOptions& options, const Extension& answer) {
  Parameters answered;
  if (const Fault fault = read(answer, Value::required, answered); !fault.empty()) {
    return unacceptable(Errc::protocol_error, fault);
  }
  // What was offered must be in the answer (section 7.1.1.1), here and below; what wasn't may be.
  if (!options.peer_takeover && !answered.server_no_context_takeover) {
    return unacceptable(Errc::protocol_error, "the server would not do without takeover");
  }
  if (answered.server_max_window_bits.bits > options.peer_window_bits) {
    return unacceptable(Errc::protocol_error, "the server's window is larger than was offered");
  }
  // `client_max_window_bits` is always offered, so any answer to it is legal: section 7.1.2.2 lets the server "either
  // ignore this value or use" it, and where it ignores ours, ours still holds.
  const int own_bits = std::min(options.own_window_bits, answered.client_max_window_bits.bits);
  if (own_bits < min_window_bits) {
    return unacceptable(Errc::refused, "the server wants a window of 8 bits, which can't be kept to");
  }
  return DeflateAgreement{.own_takeover = options.own_takeover && !answered.client_no_context_takeover,
                          .peer_takeover = !answered.server_no_context_takeover,
                          .own_window_bits = static_cast<std::uint8_t>(own_bits),
                          .peer_window_bits = static_cast<std::uint8_t>(answered.server_max_window_bits.bits)};
}

}  // namespace

Result<void> check_deflate(const DeflateOptions& options) {
  const auto outside = [](int value, int least, int most) { return value < least || value > most; };
  const char* wrong = nullptr;
  if (outside(options.own_window_bits, min_window_bits, max_window_bits)) wrong = "own_window_bits is not 9 to 15";
  if (outside(options.peer_window_bits, min_window_bits, max_window_bits)) wrong = "peer_window_bits is not 9 to 15";
  if (outside(options.level, 1, 9)) wrong = "level is not 1 to 9";
  if (outside(options.memory_level, 1, 9)) wrong = "memory_level is not 1 to 9";
  if (wrong == nullptr) return {};
  return unacceptable(Errc::invalid_configuration, wrong);
}

std::optional<AcceptedExtension<DeflateAgreement>> accept_deflate(const DeflateOptions& options,
                                                                  std::span<const Extension> offers) {
  for (const Extension& offer : offers) {
    if (offer.name != deflate_name) continue;
    if (auto accepted = accept_one(options, offer)) return accepted;
  }
  return {};
}

Extension offer_deflate(const DeflateOptions& options) {
  Extension offer{std::string(deflate_name), {}};
  if (!options.peer_takeover) add(offer, parameter::server_no_context_takeover);
  // A hint to the server that it need not keep a window (section 7.1.1.2).
  if (!options.own_takeover) add(offer, parameter::client_no_context_takeover);
  if (options.peer_window_bits < max_window_bits) {
    add(offer, parameter::server_max_window_bits, options.peer_window_bits);
  }
  if (options.own_window_bits < max_window_bits) {
    add(offer, parameter::client_max_window_bits, options.own_window_bits);
  } else {
    add(offer, parameter::client_max_window_bits);
  }
  return offer;
}

Result<std::optional<DeflateAgreement>> judge_deflate(const DeflateOptions& options,
                                                      std::span<const Extension> answers) {
  std::optional<DeflateAgreement> agreed;
  for (const Extension& answer : answers) {
    if (answer.name != deflate_name) continue;
    // One offer was made, and each answer accepts one.
    if (agreed) return unacceptable(Errc::protocol_error, "it is answered twice");
    auto judged = judge_one(options, answer);
    if (!judged) return std::move(judged).error();
    agreed = *judged;
  }
  return agreed;
}

}  // namespace tidewire::websocket
