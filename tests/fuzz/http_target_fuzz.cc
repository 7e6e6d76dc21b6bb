#include <tidewire/http/target.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

// Whatever target is accepted, its parts lie within it, its path decodes, and leads nowhere outside.

using namespace tidewire::http;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_path(std::string_view path) {
  std::string decoded;
  require(percent_decode(path, decoded));
  require(decoded.find('\0') == std::string::npos);
  std::replace(decoded.begin(), decoded.end(), '\\', '/');
  decoded += '/';
  require(decoded.find("/../") == std::string::npos && decoded.find("/./") == std::string::npos);
}

void check_target(std::string_view text, Method method) {
  Target target;
  if (parse_target(text, method, target) != nullptr) return;
  for (const Slice part : {target.authority, target.path, target.query}) {
    require(part.offset <= text.size() && part.size <= text.size() - part.offset);
  }
  const std::string_view path = target.path.of(text.data());
  switch (target.form) {
    case TargetForm::origin:
    case TargetForm::absolute:
      require(!path.empty() && path.front() == '/');
      check_path(path);
      break;
    case TargetForm::authority:
      require(method == Method::connect && path.empty());
      break;
    case TargetForm::asterisk:
      require(method == Method::options && path == "*");
      break;
  }
  if (target.form == TargetForm::absolute || target.form == TargetForm::authority) {
    require(is_host(target.authority.of(text.data())));
  }
  require(text.find_first_of(std::string_view("\0\r\n\t #", 6)) == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::make_unique<char[]>(size);
  std::copy_n(data, size, bytes.get());
  const std::string_view text(bytes.get(), size);
  for (const Method method : {Method::get, Method::options, Method::connect}) check_target(text, method);

  std::string decoded;
  require(percent_decode(percent_encode(text), decoded) == (text.find('\0') == std::string_view::npos));
  require(decoded.empty() || decoded == text);

  const std::size_t middle = text.find('\n');
  if (middle == std::string_view::npos) return 0;
  const std::string_view name = text.substr(0, middle);
  const auto value = query_parameter(text.substr(middle + 1), name);
  if (value) require(value->size() <= text.size());
  const std::string query = "&" + percent_encode(name) + "=" + percent_encode(text);
  if (decoded == text) require(query_parameter(query, name) == std::string(text));
  return 0;
}
