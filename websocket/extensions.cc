#include <tidewire/http/headers.h>
#include <tidewire/websocket/extensions.h>
#include <algorithm>

namespace tidewire::websocket {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

Error bad_grammar() { return {make_error_code(Errc::protocol_error), "Sec-WebSocket-Extensions"}; }

// Reads one line of the field from the front. Each function takes what it names, or says that it isn't there.
class Reader {
 public:
  explicit Reader(std::string_view line) noexcept : rest_(line) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  void skip_space() noexcept {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  [[nodiscard]] bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  [[nodiscard]] bool take_token(std::string& to) {
    const std::size_t size = std::min(rest_.find_first_of(" \t,;=\""), rest_.size());
    const std::string_view token = rest_.substr(0, size);
    if (!http::is_token(token)) return false;
    to = token;
    rest_.remove_prefix(size);
    return true;
  }

  // RFC 6455 section 9.1: "When using the quoted-string syntax variant, the value after quoted-string
  // unescaping MUST conform to the 'token' ABNF."
  [[nodiscard]] bool take_quoted_token(std::string& to) {
    if (!take('"')) return false;
    to.clear();
    while (!take('"')) {
      (void)take('\\');
      if (rest_.empty()) return false;
      to += rest_.front();
      rest_.remove_prefix(1);
    }
    return http::is_token(to);
  }

  [[nodiscard]] bool take_value(std::string& to) {
    return !rest_.empty() && rest_.front() == '"' ? take_quoted_token(to) : take_token(to);
  }

 private:
  std::string_view rest_;
};

Result<void> take_parameters(Reader& reader, Extension& extension) {
  for (;;) {
    reader.skip_space();
    if (!reader.take(';')) return {};
    if (extension.parameters.size() == max_extensions) {
      return Error{make_error_code(Errc::too_large), "parameters of an extension"};
    }
    ExtensionParameter& parameter = extension.parameters.emplace_back();
    reader.skip_space();
    if (!reader.take_token(parameter.name)) return bad_grammar();
    reader.skip_space();
    if (reader.take('=')) {
      reader.skip_space();
      if (!reader.take_value(parameter.value.emplace())) return bad_grammar();
    }
  }
}

}  // namespace

Result<void> parse_extensions(std::string_view line, std::vector<Extension>& to) {
  Reader reader(line);
  for (;;) {
    reader.skip_space();
    while (reader.take(',')) reader.skip_space();
    if (reader.at_end()) return {};
    if (to.size() == max_extensions) return Error{make_error_code(Errc::too_large), "extensions"};
    Extension& extension = to.emplace_back();
    if (!reader.take_token(extension.name)) return bad_grammar();
    if (auto parameters = take_parameters(reader, extension); !parameters) return parameters;
    if (!reader.at_end() && !reader.take(',')) return bad_grammar();
  }
}

std::string format_extensions(const std::vector<Extension>& extensions) {
  std::string text;
  for (const Extension& extension : extensions) {
    if (!text.empty()) text += ", ";
    text += extension.name;
    for (const ExtensionParameter& parameter : extension.parameters) {
      text += "; " + parameter.name;
      if (parameter.value) text += "=" + *parameter.value;
    }
  }
  return text;
}

}  // namespace tidewire::websocket
