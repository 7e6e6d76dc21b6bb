#include <tidewire/websocket/deflate_matcher.h>
#include <algorithm>
#include <cassert>
#include <cstring>

namespace tidewire::websocket::detail {
namespace {

// Less would have small windows moved for every message.
constexpr std::size_t least_added = std::size_t{4} << 10;

/// How many bytes are the same, from `from` on, where they are known to be, to `most`. Looks up to 7 bytes beyond.
std::size_t common_bytes(const std::byte* one, const std::byte* other, std::size_t from, std::size_t most) noexcept {
  for (std::size_t length = from; length < most; length += sizeof(std::uint64_t)) {
    const std::uint64_t difference =
        load_native<std::uint64_t>(one + length) ^ load_native<std::uint64_t>(other + length);
    if (difference == 0) continue;
    const int equal_bits =
        std::endian::native == std::endian::little ? std::countr_zero(difference) : std::countl_zero(difference);
    return std::min(most, length + static_cast<std::size_t>(equal_bits) / 8);
  }
  return most;
}

}  // namespace

DeflateMatcher::DeflateMatcher(unsigned window_bits, unsigned table_bits, Effort effort)
    : effort_(effort),
      shift_(32 - table_bits),
      window_(std::size_t{1} << window_bits),
      capacity_(window_ + least_added),
      text_(std::make_unique_for_overwrite<std::byte[]>(capacity_ + compared_bytes)),
      newest_(std::make_unique<std::uint16_t[]>(std::size_t{1} << table_bits)),
      before_(std::make_unique<std::uint16_t[]>(window_)) {}

std::size_t DeflateMatcher::memory() const noexcept {
  return capacity_ + compared_bytes + (chains() + window_) * sizeof(std::uint16_t);
}

void DeflateMatcher::fetch_for(std::size_t text_bytes) const noexcept {
  // Each byte is looked up once. With fewer bytes than lines, most lines would be fetched for nothing.
  constexpr std::size_t line_bytes = 64;
  if (text_bytes < memory() / line_bytes) return;
  const auto fetch_all = [](const void* memory, std::size_t bytes) {
    const auto* const first = static_cast<const std::byte*>(memory);
    for (std::size_t at = 0; at < bytes; at += line_bytes) __builtin_prefetch(first + at);
  };
  fetch_all(newest_.get(), chains() * sizeof(std::uint16_t));
  fetch_all(before_.get(), window_ * sizeof(std::uint16_t));
  fetch_all(text_.get(), end_ - base_);
}

void DeflateMatcher::add(Bytes& text) noexcept {
  assert(next_ == end_);
  const Bytes added = text.first(std::min(text.size(), capacity_ - window_));
  if (end_ - base_ + added.size() > capacity_) {
    std::memmove(text_.get(), text_at(end_ - window_), window_);
    base_ = end_ - window_;
  }
  std::memcpy(text_.get() + (end_ - base_), added.data(), added.size());
  end_ += added.size();
  std::memset(text_.get() + (end_ - base_), 0, compared_bytes);
  text = text.subspan(added.size());
}

std::size_t DeflateMatcher::parse(DeflateBlock& block) noexcept {
  const std::size_t begin = next_;
  // What comes behind the last positions is not known yet.
  const std::size_t parsable = std::max(end_, hashed_bytes) - (hashed_bytes - 1);
  insert_until(std::min(begin, parsable));
  while (next_ < parsable && !block.is_full()) {
    Match match = find(next_, hashed_bytes - 1);
    inserted_ = next_ + 1;
    if (match.distance == 0) {
      block.add_literal(*text_at(next_++));
      continue;
    }
    if (effort_.lazy) match = find_lazily(match, parsable, block);
    block.add_match(static_cast<unsigned>(match.length), static_cast<unsigned>(match.distance));
    next_ += match.length;
    insert_until(std::min(next_, parsable));
  }
  if (next_ >= parsable) {
    while (next_ < end_ && !block.is_full()) block.add_literal(*text_at(next_++));
  }
  return next_ - begin;
}

/// As long as the next byte begins a longer match, has this one be a literal.
DeflateMatcher::Match DeflateMatcher::find_lazily(Match match, std::size_t parsable, DeflateBlock& block) noexcept {
  while (match.length < effort_.enough_bytes && inserted_ < parsable && !block.is_full()) {
    const Match later = find(inserted_++, match.length);
    if (later.distance == 0) break;
    block.add_literal(*text_at(next_++));
    match = later;
  }
  return match;
}

/// Puts a position into its chain; returns the one before it there.
inline std::uint16_t DeflateMatcher::insert(std::size_t at, std::uint32_t four) noexcept {
  std::uint16_t& newest = chain_of(four);
  const std::uint16_t before = newest;
  before_[at & (window_ - 1)] = before;
  newest = static_cast<std::uint16_t>(at);
  return before;
}

void DeflateMatcher::insert_until(std::size_t end) noexcept {
  for (; inserted_ < end; ++inserted_)
    static_cast<void>(insert(inserted_, load_native<std::uint32_t>(text_at(inserted_))));
}

/// The longest match of more than so many bytes among those that are tried, the nearest of these; distance 0 if there
/// is none. Inserts the position.
inline DeflateMatcher::Match DeflateMatcher::find(std::size_t at, std::size_t longer_than) noexcept {
  const std::byte* const here = text_at(at);
  const auto four = load_native<std::uint32_t>(here);
  std::uint16_t candidate = insert(at, four);
  const std::size_t reach = std::min(window_, at - oldest_);
  const std::size_t most = std::min<std::size_t>(max_match_bytes, end_ - at);
  Match best = {longer_than, 0};
  std::size_t last = 0;
  for (unsigned tries = effort_.most_tries; tries != 0; --tries) {
    const std::size_t distance = static_cast<std::uint16_t>(at - candidate);
    // The end of the chain; or it goes on with what was overwritten since.
    if (distance <= last || distance > reach) break;
    last = distance;
    const std::byte* const there = here - distance;
    // What would make it longer is compared first.
    const std::size_t end = best.length + 1 - hashed_bytes;
    if (load_native<std::uint32_t>(there + end) == load_native<std::uint32_t>(here + end) &&
        load_native<std::uint32_t>(there) == four) {
      const std::size_t length = common_bytes(here, there, hashed_bytes, most);
      if (length > best.length) best = {length, distance};
      if (length >= std::min<std::size_t>(most, effort_.enough_bytes)) break;
    }
    candidate = before_[(at - distance) & (window_ - 1)];
  }
  return best;
}

}  // namespace tidewire::websocket::detail
