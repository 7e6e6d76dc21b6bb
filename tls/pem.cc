#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <tidewire/core/bytes.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>

namespace tidewire::tls {
namespace {

// Far above what lists of roots and revocations have; against a file that never ends.
constexpr std::size_t max_file_bytes = 64 * 1024 * 1024;

Error unreadable(const std::string& file, int number) {
  return unusable(file + ": " + std::generic_category().message(number));
}

/// What is there in place of PEM, told by trying; for people who have the right thing in the wrong form.
std::string what_is_wrong(const PemText& pem, std::string_view wanted) {
  const std::string& text = pem.text();
  if (const std::size_t begin = text.find("-----BEGIN "); begin != std::string::npos) {
    const std::size_t label = begin + std::strlen("-----BEGIN ");
    const std::size_t end = text.find("-----", label);
    if (end != std::string::npos && end - label < 64) {
      return "has no " + std::string(wanted) + ", but: " + text.substr(label, end - label);
    }
  }
  const auto size = static_cast<long>(text.size());
  const auto try_as = [&](auto decode, auto release) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    auto* object = decode(nullptr, &bytes, size);
    const bool is_one = object != nullptr;
    release(object);
    return is_one;
  };
  std::string_view advice;
  if (try_as(d2i_X509, X509_free)) {
    advice = "is DER, not PEM: convert it with `openssl x509 -inform der`";
  } else if (try_as(d2i_AutoPrivateKey, EVP_PKEY_free)) {
    advice = "is DER, not PEM: convert it with `openssl pkey -inform der`";
  } else if (try_as(d2i_X509_CRL, X509_CRL_free)) {
    advice = "is DER, not PEM: convert it with `openssl crl -inform der`";
  } else if (try_as(d2i_PKCS12, PKCS12_free)) {
    advice = "is PKCS #12, not PEM: convert it with `openssl pkcs12`";
  } else {
    advice = text.empty() ? "is empty" : "is not PEM";
  }
  clear_openssl_errors();
  return std::string(advice);
}

/// In place of OpenSSL's own, which asks at the terminal.
int no_passphrase(char*, int, int, void*) noexcept { return -1; }

/// Reads objects of one kind until there is none any more.
template <class Ptr, class Read>
Result<std::vector<Ptr>> all_in(const PemText& pem, std::string_view wanted, Read read) {
  const BioPtr in(BIO_new_mem_buf(pem.text().data(), static_cast<int>(pem.text().size())));
  if (!in) return openssl_error(Errc::invalid_configuration, pem.name());
  std::vector<Ptr> found;
  clear_openssl_errors();
  while (Ptr one{read(in.get(), nullptr, &no_passphrase, nullptr)}) found.push_back(std::move(one));
  const unsigned long last = ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    return openssl_error(Errc::invalid_configuration,
                         pem.name() + ": " + std::string(wanted) + " " + std::to_string(found.size() + 1));
  }
  clear_openssl_errors();
  if (found.empty()) return unusable(pem.name() + ": " + what_is_wrong(pem, wanted));
  return found;
}

/// Asks for a passphrase once, however often OpenSSL does while it finds out what the key is.
class Asking {
 public:
  Asking(const Passphrase& passphrase, const std::string& key) noexcept : passphrase_(passphrase), key_(key) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { OPENSSL_cleanse(answer_.data(), answer_.size()); }

  /// What OpenSSL calls (pem_password_cb).
  static int answer(char* buffer, int size, int, void* self) noexcept {
    return static_cast<Asking*>(self)->copy_answer(buffer, static_cast<std::size_t>(size));
  }

  /// Why the key couldn't be read, as far as the passphrase is the reason.
  [[nodiscard]] std::optional<Error> error() const {
    if (!asked_) return {};
    if (threw_) return Error{make_error_code(Errc::exception), key_ + ": asking for the passphrase: " + what_};
    if (answer_.empty()) return unusable(key_ + ": is encrypted, and there is no passphrase for it");
    if (too_long_) return unusable(key_ + ": the passphrase is too long");
    return unusable(key_ + ": the passphrase is wrong");
  }

 private:
  int copy_answer(char* buffer, std::size_t size) noexcept {
    if (!asked_) ask();
    too_long_ = answer_.size() > size;
    if (answer_.empty() || too_long_) return -1;
    std::memcpy(buffer, answer_.data(), answer_.size());
    return static_cast<int>(answer_.size());
  }

  void ask() noexcept {
    asked_ = true;
    try {
      if (passphrase_) answer_ = passphrase_(key_);
    } catch (const std::exception& exception) {
      threw_ = true;
      what_ = exception.what();
    } catch (...) {
      threw_ = true;
    }
  }

  const Passphrase& passphrase_;
  const std::string& key_;
  std::string answer_;
  std::string what_;
  bool asked_ = false;
  bool threw_ = false;
  bool too_long_ = false;
};

}  // namespace

PemText::~PemText() { OPENSSL_cleanse(text_.data(), text_.size()); }

Result<std::string> read_file(const std::string& file) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File in(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (!in) return unreadable(file, errno);
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), in.get())) {
    if (text.size() + size > max_file_bytes) return unusable(file + ": is larger than 64 MiB");
    text.append(piece.data(), size);
  }
  OPENSSL_cleanse(piece.data(), piece.size());
  if (std::ferror(in.get()) != 0) return unreadable(file, errno);
  return text;
}

Result<PemText> read_pem(const std::string& file, const std::string& text, std::string_view what) {
  std::string name(what);
  if (file.empty() && text.empty()) return unusable(name + ": neither a file nor a text is given");
  if (!file.empty() && !text.empty()) return unusable(name + ": both a file and a text are given");
  if (file.empty()) return PemText(std::move(name), text);
  auto read = read_file(file);
  if (!read) return std::move(read).error();
  return PemText(file, *std::move(read));
}

Result<std::vector<X509Ptr>> certificates_in(const PemText& pem) {
  auto certificates = all_in<X509Ptr>(pem, "certificate", PEM_read_bio_X509);
  if (!certificates) return certificates;
  // OpenSSL takes the extensions apart when they are first asked for. Here it is not in a handshake, and not in several
  // threads' at once.
  for (const X509Ptr& certificate : *certificates) X509_check_purpose(certificate.get(), -1, 0);
  clear_openssl_errors();
  return certificates;
}

Result<std::vector<X509CrlPtr>> revocation_lists_in(const PemText& pem) {
  return all_in<X509CrlPtr>(pem, "revocation list", PEM_read_bio_X509_CRL);
}

Result<EvpPkeyPtr> private_key_in(const PemText& pem, const Passphrase& passphrase) {
  const BioPtr in(BIO_new_mem_buf(pem.text().data(), static_cast<int>(pem.text().size())));
  if (!in) return openssl_error(Errc::invalid_configuration, pem.name());
  Asking asking(passphrase, pem.name());
  clear_openssl_errors();
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &Asking::answer, &asking));
  if (key) return key;
  auto error = asking.error();
  if (error) {
    clear_openssl_errors();
    return *std::move(error);
  }
  if (pem.text().find("PRIVATE KEY-----") != std::string::npos) {
    return openssl_error(Errc::invalid_configuration, pem.name());
  }
  clear_openssl_errors();
  return unusable(pem.name() + ": " + what_is_wrong(pem, "private key"));
}

}  // namespace tidewire::tls
