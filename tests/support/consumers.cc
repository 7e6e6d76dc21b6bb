#include <support/consumers.h>

namespace tidewire::testing {

Recorder::Recorder() = default;

Recorder::Recorder(transport::StreamPtr its, bool read) : stream(std::move(its)) {
  stream->attach(*this);
  if (read) stream->resume();
}

Recorder::~Recorder() = default;

void Recorder::on_data(MutableBytes bytes) {
  received += as_text(bytes);
  ++data_calls;
  if (data) data(as_text(bytes));
}

MutableBytes Recorder::receive_space() { return space ? space() : MutableBytes(); }

void Recorder::on_filled(std::size_t count) {
  ++filled_calls;
  if (filled) filled(count);
}

void Recorder::on_end() {
  ++ends;
  if (end) end();
}

void Recorder::on_peer_ended() {
  ++peer_ends;
  if (peer_ended) peer_ended();
}

void Recorder::on_writable() {
  ++writables;
  if (writable) writable();
}

void Recorder::on_failed(const Error& error) {
  failures.push_back(error);
  if (failed) failed();
}

void Recorder::on_closed() noexcept {
  ++closes;
  calls_when_closed = calls();
  if (closed) closed();
}

void Recorder::drain() { ++drains; }

void Recorder::abandon() noexcept { ++abandons; }

void Recorder::on_deadline() noexcept {}

void Recorder::write(std::string_view text) { stream->write(as_bytes(text)); }

int Recorder::calls() const {
  return data_calls + filled_calls + ends + peer_ends + writables + static_cast<int>(failures.size()) + closes;
}

Echo::Echo(transport::StreamPtr its) : Recorder(std::move(its)) {
  data = [this](std::string_view text) {
    received.clear();
    stream->write(as_bytes(text));
    if (stream->queued_bytes() > most_queued) stream->pause();
  };
  writable = [this] {
    if (stream->queued_bytes() <= most_queued) stream->resume();
  };
  end = [this] { stream->end(); };
  failed = [this] { stream->close(); };
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  unsigned state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('!' + (state >> 24) % 90);
  }
  return text;
}

}  // namespace tidewire::testing
