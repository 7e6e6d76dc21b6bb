#include <tidewire/bench/client.h>
#include <algorithm>
#include <utility>

namespace tidewire::bench {

Client::Client(transport::StreamPtr stream, std::size_t& received) : stream_(std::move(stream)), received_(received) {
  stream_->attach(*this);
  stream_->resume();
}

void Client::expect(std::string_view reply) noexcept {
  reply_ = reply;
  place_ = 0;
}

void Client::on_data(MutableBytes bytes) {
  received_ += bytes.size();
  if (reply_.empty()) {
    wrong_ = true;
  } else if (!comparing_) {
    place_ = (place_ + bytes.size()) % reply_.size();
  } else {
    for (std::string_view text = as_text(bytes); !text.empty();) {
      const std::size_t count = std::min(text.size(), reply_.size() - place_);
      if (text.substr(0, count) != reply_.substr(place_, count)) wrong_ = true;
      text.remove_prefix(count);
      place_ = (place_ + count) % reply_.size();
    }
  }
}

void Client::on_failed(const Error& /*error*/) {
  wrong_ = true;
  ended_ = true;
  stream_->close();
}

}  // namespace tidewire::bench
