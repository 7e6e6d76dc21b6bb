#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/deflate_backend.h>
#include <tidewire/websocket/deflate_kept.h>
#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

namespace tidewire::websocket {
namespace {

#if defined(TIDEWIRE_HAVE_ISAL)
constexpr DeflateBackend backends[] = {DeflateBackend::isal, DeflateBackend::zlib};
#else
constexpr DeflateBackend backends[] = {DeflateBackend::zlib};
#endif

constexpr std::size_t smallest_history_bytes = 256;

constexpr std::size_t window_of(const DeflateSettings& settings) noexcept {
  return std::size_t{1} << settings.window_bits;
}

constexpr DeflateSettings clamped(DeflateSettings settings) noexcept {
  settings.window_bits = static_cast<std::uint8_t>(std::clamp<int>(settings.window_bits, 8, max_window_bits));
  settings.level = std::clamp(settings.level, std::uint8_t{1}, std::uint8_t{9});
  settings.memory_level = std::clamp(settings.memory_level, std::uint8_t{1}, std::uint8_t{9});
  return settings;
}

/// `Compressor::add`, slice after slice.
template <class Compressor>
void add_slices(Compressor& compressor, Bytes part, Buffer& to) {
  while (!part.empty()) {
    const Bytes slice = part.first(std::min(part.size(), detail::max_slice_bytes));
    compressor.add(slice, to);
    part = part.subspan(slice.size());
  }
}

}  // namespace

std::span<const DeflateBackend> deflate_backends() noexcept { return backends; }

const char* deflate_backend_name(DeflateBackend backend) noexcept {
  return backend == DeflateBackend::isal ? "isal" : "zlib";
}

DeflateEngines::DeflateEngines(DeflateBackend backend) noexcept : backend_(backend) {
  assert(std::ranges::find(deflate_backends(), backend) != deflate_backends().end());
}

DeflateEngines::~DeflateEngines() = default;

void DeflateEngines::release() noexcept {
  compressor_.reset();
  spare_decompressor_.reset();
}

detail::CompressorEngine& DeflateEngines::compressor() {
  if (compressor_ == nullptr) {
#if defined(TIDEWIRE_HAVE_ISAL)
    if (backend_ == DeflateBackend::isal) return *(compressor_ = detail::make_isal_compressor());
#endif
    compressor_ = detail::make_zlib_compressor();
  }
  return *compressor_;
}

std::unique_ptr<detail::DecompressorEngine> DeflateEngines::take_decompressor() {
  if (spare_decompressor_ != nullptr) return std::move(spare_decompressor_);
#if defined(TIDEWIRE_HAVE_ISAL)
  if (backend_ == DeflateBackend::isal) return detail::make_isal_decompressor();
#endif
  return detail::make_zlib_decompressor();
}

void DeflateEngines::put_decompressor(std::unique_ptr<detail::DecompressorEngine> engine) noexcept {
  if (spare_decompressor_ == nullptr) spare_decompressor_ = std::move(engine);
}

DeflateHistory::DeflateHistory(DeflateHistory&& other) noexcept
    : memory_(std::move(other.memory_)),
      begin_(std::exchange(other.begin_, 0)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

DeflateHistory& DeflateHistory::operator=(DeflateHistory&& other) noexcept {
  if (this == &other) return *this;
  memory_ = std::move(other.memory_);
  begin_ = std::exchange(other.begin_, 0);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

Bytes DeflateHistory::view() noexcept {
  if (begin_ != 0) std::rotate(memory_.get(), memory_.get() + begin_, memory_.get() + size_);
  begin_ = 0;
  return {memory_.get(), size_};
}

void DeflateHistory::append(Bytes text, std::size_t window) {
  text = text.last(std::min(text.size(), window));
  const std::size_t total = size_ + text.size();
  if (std::min(total, window) > capacity_) grow(std::min(total, window), window);
  if (text.empty()) return;
  const std::size_t end = (std::size_t{begin_} + size_) % capacity_;
  const std::size_t ahead = std::min(text.size(), capacity_ - end);
  std::copy_n(text.begin(), ahead, memory_.get() + end);
  std::copy(text.begin() + static_cast<std::ptrdiff_t>(ahead), text.end(), memory_.get());
  if (total <= capacity_) {
    size_ = static_cast<std::uint32_t>(total);
  } else {
    begin_ = static_cast<std::uint32_t>((begin_ + total - capacity_) % capacity_);
    size_ = capacity_;
  }
}

void DeflateHistory::grow(std::size_t needed, std::size_t window) {
  // Before it has grown to the window, nothing has been overwritten.
  assert(begin_ == 0);
  const std::size_t capacity = std::min(window, std::max({needed, std::size_t{capacity_} * 2, smallest_history_bytes}));
  auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::copy_n(memory_.get(), size_, memory.get());
  memory_ = std::move(memory);
  capacity_ = static_cast<std::uint32_t>(capacity);
}

void DeflateHistory::release() noexcept {
  memory_.reset();
  begin_ = size_ = capacity_ = 0;
}

Deflater::Deflater(DeflateEngines& engines, const DeflateSettings& settings) noexcept
    : engines_(&engines), settings_(clamped(settings)) {}

Deflater::Deflater(Deflater&&) noexcept = default;
Deflater& Deflater::operator=(Deflater&&) noexcept = default;
Deflater::~Deflater() = default;

bool Deflater::compress(Bytes part, bool last, Buffer& to) noexcept {
  const std::size_t before = to.size();
  try {
    if (!part.empty()) {
      add(part, to);
      assert(to.size() - before > sizeof detail::sync_marker &&
             std::memcmp(to.data() + to.size() - sizeof detail::sync_marker, detail::sync_marker,
                         sizeof detail::sync_marker) == 0);
      if (last) to.drop_back(sizeof detail::sync_marker);
    } else if (last) {
      // The header of an empty stored block. What it stands behind ends with a byte (section 7.2.3.6).
      const std::byte empty_message = {};
      to.append({&empty_message, 1});
    }
  } catch (const std::bad_alloc&) {
    to.drop_back(to.size() - before);
    goes_on_ = false;
    return false;
  }
  if (settings_.takeover && !keeps_compressor()) remember(part);
  return true;
}

void Deflater::add(Bytes part, Buffer& to) {
  if (!keeps_compressor()) {
    detail::CompressorEngine& shared = engines_->compressor();
    shared.begin({history_.view(), part.size(), settings_.window_bits, settings_.level});
    return add_slices(shared, part, to);
  }
  if (kept_ == nullptr) kept_ = std::make_unique<detail::KeptCompressor>(settings_);
  if (!std::exchange(goes_on_, true)) kept_->forget();
  add_slices(*kept_, part, to);
}

void Deflater::forget() noexcept {
  goes_on_ = false;
  history_.release();
}

void Deflater::release() noexcept {
  forget();
  kept_.reset();
}

std::size_t Deflater::memory() const noexcept { return history_.capacity() + (kept_ == nullptr ? 0 : kept_->memory()); }

void Deflater::remember(Bytes part) noexcept {
  try {
    history_.append(part, window_of(settings_));
  } catch (const std::bad_alloc&) {
    history_.release();
  }
}

Inflater::Inflater(DeflateEngines& engines, const DeflateSettings& settings) noexcept
    : engines_(&engines), settings_(clamped(settings)) {}

Inflater::Inflater(Inflater&& other) noexcept = default;

Inflater& Inflater::operator=(Inflater&& other) noexcept {
  if (this == &other) return *this;
  put_engine_back();
  engines_ = other.engines_;
  settings_ = other.settings_;
  failed_ = other.failed_;
  history_ = std::move(other.history_);
  engine_ = std::move(other.engine_);
  return *this;
}

Inflater::~Inflater() { put_engine_back(); }

void Inflater::put_engine_back() noexcept {
  if (engine_ != nullptr) engines_->put_decompressor(std::move(engine_));
}

Inflater::Step Inflater::inflate(Bytes& input, bool last, MutableBytes output) noexcept {
  Step step = {0, InflateState::corrupt};
  if (failed_) return step;
  try {
    step = try_inflate(input, last, output);
  } catch (const std::bad_alloc&) {
    step.state = InflateState::no_memory;
  }
  failed_ = step.state == InflateState::corrupt || step.state == InflateState::no_memory;
  // Whatever a failed one has written is not to be relied on: ISA-L counts bytes of references that lead nowhere.
  if (failed_) step.produced = 0;
  if (failed_ || step.state == InflateState::complete) put_engine_back();
  return step;
}

Inflater::Step Inflater::try_inflate(Bytes& input, bool last, MutableBytes output) {
  if (engine_ == nullptr) {
    engine_ = engines_->take_decompressor();
    engine_->begin(history_.view());
  }
  MutableBytes room = output;
  if (!engine_->run(input, room)) return {0, InflateState::corrupt};
  const std::size_t produced = output.size() - room.size();
  if (settings_.takeover) history_.append(output.first(produced), window_of(settings_));
  if (room.empty()) return {produced, InflateState::output_full};
  if (!last) return {produced, InflateState::needs_input};
  assert(input.empty());
  return {produced, end_message() ? InflateState::complete : InflateState::corrupt};
}

bool Inflater::end_message() {
  // Peers that know nothing of section 7.2.3.6 send an empty message as nothing, and those that end a message with
  // BFINAL may leave out the 00 that should follow (7.2.3.4). zlib takes both, and neither is ambiguous.
  if (engine_->is_fresh()) return true;
  // Section 7.2.2: what the sender has stripped is put back. It must be the end of an empty block and no text.
  Bytes tail = detail::sync_marker;
  MutableBytes none;
  return engine_->run(tail, none) && tail.empty() && engine_->at_boundary();
}

}  // namespace tidewire::websocket
