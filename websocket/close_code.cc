#include <tidewire/websocket/close_code.h>

namespace tidewire::websocket {

std::string_view name(CloseCode code) noexcept {
  switch (code) {
    case CloseCode::normal:
      return "normal";
    case CloseCode::going_away:
      return "going away";
    case CloseCode::protocol_error:
      return "protocol error";
    case CloseCode::unsupported_data:
      return "unsupported data";
    case CloseCode::no_status:
      return "no status";
    case CloseCode::abnormal:
      return "abnormal";
    case CloseCode::invalid_payload:
      return "invalid payload";
    case CloseCode::policy_violation:
      return "policy violation";
    case CloseCode::message_too_big:
      return "message too big";
    case CloseCode::mandatory_extension:
      return "mandatory extension";
    case CloseCode::internal_error:
      return "internal error";
    case CloseCode::service_restart:
      return "service restart";
    case CloseCode::try_again_later:
      return "try again later";
    case CloseCode::bad_gateway:
      return "bad gateway";
  }
  const auto number = static_cast<std::uint16_t>(code);
  if (number >= 3000 && number <= 3999) return "registered";
  if (number >= 4000 && number <= 4999) return "application";
  return "reserved";
}

}  // namespace tidewire::websocket
