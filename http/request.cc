#include <tidewire/http/request.h>
#include <algorithm>
#include <cstring>

namespace tidewire::http {
namespace {

// Copies texts one behind the other into memory that is large enough.
class Packer {
 public:
  explicit Packer(char* memory) noexcept : begin_(memory), at_(memory) {}

  std::string_view copy(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return {at_ - text.size(), text.size()};
  }
  Slice copy_slice(std::string_view text) noexcept {
    copy(text);
    return {static_cast<std::uint32_t>(at_ - begin_ - static_cast<std::ptrdiff_t>(text.size())),
            static_cast<std::uint32_t>(text.size())};
  }

 private:
  char* begin_;
  char* at_;
};

}  // namespace

void PathParameters::add(std::string_view name, std::string_view path, std::size_t offset, std::size_t size) {
  const Slice in_path{static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size)};
  Item item{name, in_path, in_path, false};
  const std::string_view raw = path.substr(offset, size);
  if (raw.find('%') != std::string_view::npos) {
    const std::size_t begin = decoded_.size();
    // parse_target has refused what can't be decoded; a path from elsewhere keeps its raw text.
    item.is_decoded = percent_decode(raw, decoded_);
    if (item.is_decoded) {
      item.value = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(decoded_.size() - begin)};
    }
  }
  if (name == "*") {
    // Joined to a folder by std::filesystem, a rest that begins with a slash would take the folder's place.
    const char* base = item.is_decoded ? decoded_.data() : path.data();
    while (item.value.size != 0 && base[item.value.offset] == '/') {
      ++item.value.offset;
      --item.value.size;
    }
  }
  items_.push_back(item);
}

const PathParameters::Item* PathParameters::item(std::string_view name) const noexcept {
  const auto found = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.name == name; });
  return found == items_.end() ? nullptr : &*found;
}

std::string_view PathParameters::find(std::string_view name, std::string_view path) const noexcept {
  const Item* found = item(name);
  if (found == nullptr) return {};
  return found->value.of(found->is_decoded ? decoded_.data() : path.data());
}

std::string_view PathParameters::find_raw(std::string_view name, std::string_view path) const noexcept {
  const Item* found = item(name);
  return found == nullptr ? std::string_view() : found->raw.of(path.data());
}

void Request::clear() noexcept {
  base_ = "";
  head_ = {};
  fields_.clear();
  params_.clear();
  body_ = {};
  trailers_ = {};
  peer_ = {};
  peer_source_ = nullptr;
  secure_ = false;
}

OwnedRequest Request::clone() const { return OwnedRequest(*this); }

OwnedRequest::OwnedRequest(const Request& request) {
  const std::string_view head(request.base_, request.head_.size);
  const std::string_view peer = request.peer();
  std::size_t size = head.size() + request.body_.size() + peer.size();
  for (const PathParameters::Item& item : request.params_.items_) size += item.name.size();
  for (const Field field : request.trailers_) size += field.name.size() + field.value.size();
  bytes_ = std::make_unique<char[]>(size);
  Packer packer(bytes_.get());

  request_.base_ = packer.copy(head).data();
  request_.head_ = request.head_;
  request_.fields_ = request.fields_;
  request_.params_ = request.params_;
  for (PathParameters::Item& item : request_.params_.items_) item.name = packer.copy(item.name);
  request_.body_ = as_bytes(packer.copy(as_text(request.body_)));
  request_.peer_ = packer.copy(peer);
  request_.secure_ = request.is_secure();
  for (const Field field : request.trailers_) {
    trailers_.push_back({packer.copy_slice(field.name), packer.copy_slice(field.value)});
  }
  request_.trailers_ = Fields(bytes_.get(), trailers_);
}

}  // namespace tidewire::http
