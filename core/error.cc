#include <tidewire/core/error.h>

namespace tidewire {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tidewire"; }

  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::invalid_argument:
        return "invalid argument";
      case Errc::invalid_configuration:
        return "invalid configuration";
      case Errc::closed:
        return "closed";
      case Errc::timeout:
        return "deadline passed";
      case Errc::protocol_error:
        return "protocol error";
      case Errc::too_large:
        return "too large";
      case Errc::refused:
        return "refused";
      case Errc::untrusted:
        return "not to be trusted";
      case Errc::truncated:
        return "cut off";
      case Errc::misuse:
        return "must not be called here";
      case Errc::exception:
        return "exception in a handler";
    }
    return "unknown error " + std::to_string(value);
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::string Error::message() const { return detail.empty() ? code.message() : detail + ": " + code.message(); }

Error Error::system(int negative_errno, std::string detail) {
  return {std::error_code(-negative_errno, std::generic_category()), std::move(detail)};
}

Failure::Failure(const Error& error) : std::system_error(error.code, error.detail) {}
Failure::~Failure() = default;

}  // namespace tidewire
