#include <tidewire/http/parser.h>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

// A head that comes whole, byte by byte, or in two pieces, each time in memory that ends where it ends, is the same
// request or response, or the same error; and what is accepted keeps its promises.

using namespace tidewire;
using namespace tidewire::http;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

HeadLimits small_limits() {
  HeadLimits limits;
  limits.max_head_bytes = 256;
  limits.max_target_bytes = 64;
  limits.max_fields = 8;
  return limits;
}

void describe(std::string& text, Fields fields, Framing framing) {
  for (const Field field : fields) {
    require(is_token(field.name) && is_field_value(field.value));
    text.append(field.name).append("=").append(field.value).append("\n");
  }
  text += std::to_string(static_cast<int>(framing.kind)) + " " + std::to_string(framing.length);
}

std::string description(const Request& request) {
  std::string text;
  text.append(request.method_text()).append("\n").append(request.target()).append("\n");
  text.append(request.path()).append("\n").append(request.query()).append("\n").append(request.host()).append("\n");
  text += request.keep_alive() ? "k" : "-";
  text += request.wants_upgrade() ? "u" : "-";
  text += request.expects_continue() ? "e" : "-";
  text += std::to_string(request.minor_version());
  describe(text, request.headers(), request.framing());
  return text;
}

std::string description(const ResponseMessage& response) {
  std::string text = std::to_string(code_of(response.status())) + " ";
  text.append(response.reason()).append("\n");
  text += response.keep_alive() ? "k" : "-";
  text += response.has_upgrade() ? "u" : "-";
  text += std::to_string(response.minor_version());
  describe(text, response.headers(), response.framing());
  return text;
}

void check_accepted(const Request& request) {
  require(is_token(request.method_text()));
  require(request.minor_version() == 0 || is_host(request.host()));
  require(request.framing().kind != Framing::Kind::until_close);
  require(request.headers().size() <= 100);
  const std::string before = description(request);
  require(description(*request.clone()) == before);
}
void check_accepted(const ResponseMessage& response) { require(code_of(response.status()) >= 100); }

// What comes of the input when it is given up to each of these sizes; and no sooner than it must.
template <class Message, class Parse>
std::string outcome(std::string_view input, std::size_t first, std::size_t step, Parse parse) {
  Message message;
  std::unique_ptr<char[]> bytes;
  for (std::size_t size = first;; size = std::min(size + step, input.size())) {
    auto moved = std::make_unique<char[]>(size);
    input.copy(moved.get(), size);
    bytes = std::move(moved);
    const Progress progress = parse(std::string_view(bytes.get(), size), message);
    if (progress.kind == Progress::Kind::error) {
      return "error " + std::to_string(code_of(progress.status)) + " " + progress.detail;
    }
    if (progress.kind == Progress::Kind::complete) {
      require(progress.consumed <= size);
      check_accepted(message);
      return std::to_string(progress.consumed) + " " + description(message);
    }
    if (size == input.size()) return "more";
  }
}

template <class Message, class MakeParse>
void check_cuts(std::string_view input, MakeParse make_parse) {
  const std::string whole = outcome<Message>(input, input.size(), 1, make_parse());
  require(outcome<Message>(input, 0, 1, make_parse()) == whole);
  const std::size_t cut = input.empty() ? 0 : static_cast<unsigned char>(input.back()) % input.size();
  require(outcome<Message>(input, cut, input.size(), make_parse()) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4096));
  for (const HeadLimits& limits : {HeadLimits(), small_limits()}) {
    check_cuts<Request>(input, [&] {
      return [parser = RequestParser(limits)](std::string_view bytes, Request& request) mutable {
        return parser.parse(bytes, request);
      };
    });
    for (const Method to : {Method::get, Method::head, Method::connect}) {
      check_cuts<ResponseMessage>(input, [&] {
        return [parser = ResponseParser(limits), to](std::string_view bytes, ResponseMessage& response) mutable {
          return parser.parse(bytes, to, response);
        };
      });
    }
  }
  return 0;
}
