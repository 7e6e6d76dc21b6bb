#include <support/utf8_definition.h>
#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/utf8.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr CpuLevel levels[] = {CpuLevel::portable, CpuLevel::base, CpuLevel::avx2, CpuLevel::avx512};

// Feeds `text` in pieces, whose sizes `plan` chooses, in one of the ways to do so. Each piece must be taken exactly
// if no byte in it is one that can't be there.
template <class Feed>
void check_in_pieces(Bytes text, Bytes plan, Feed feed) {
  Utf8 utf8;
  std::size_t at = 0;
  std::size_t begun = 0;
  for (std::size_t step = 0; at < text.size(); ++step) {
    const std::size_t wanted = plan.empty() ? text.size() : std::to_integer<std::size_t>(plan[step % plan.size()]) * 2;
    const Bytes piece = text.subspan(at).first(std::min(text.size() - at, wanted + 1));
    const Bytes judged = text.subspan(at - begun, begun + piece.size());
    const support::Utf8Verdict verdict = support::utf8_by_definition(judged);
    const bool good = verdict.taken == judged.size();
    require(feed(utf8, piece, at) == good);
    if (!good) return;
    require(utf8.complete() == (verdict.begun == 0));
    at += piece.size();
    begun = verdict.begun;
  }
}

}  // namespace

// The first bytes say how the rest is cut. Every level, with and without a mask, agrees with the definition.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  const std::size_t plan_bytes = size == 0 ? 0 : std::min<std::size_t>(data[0] % 8, size);
  const Bytes plan = input.first(plan_bytes);
  // The same input at several alignments, and amid text that makes it long: the data chooses.
  const std::size_t before = size == 0 ? 0 : std::size_t{data[size - 1]} * 3;
  const std::size_t behind = size == 0 ? 0 : std::size_t{data[size / 2]};
  std::vector<std::byte> bytes(before, std::byte{'a'});
  bytes.insert(bytes.end(), input.begin() + static_cast<std::ptrdiff_t>(plan_bytes), input.end());
  bytes.insert(bytes.end(), behind, std::byte{'z'});
  const Bytes text(bytes);

  const support::Utf8Verdict verdict = support::utf8_by_definition(text);
  const bool good = verdict.taken == text.size() && verdict.begun == 0;
  require(is_utf8(text) == good);
  check_in_pieces(text, plan, [](Utf8& utf8, Bytes piece, std::size_t) { return utf8.feed(piece); });

  constexpr std::uint32_t key = 0x80C3E0F0;
  for (const CpuLevel level : levels) {
    if (level > cpu_level()) continue;
    check_in_pieces(text, plan, [&](Utf8& utf8, Bytes piece, std::size_t) { return utf8.feed(piece, level); });
    std::vector<std::byte> masked(text.size());
    copy_masked(masked.data(), text, key, CpuLevel::portable);
    check_in_pieces(text, plan, [&](Utf8& utf8, Bytes piece, std::size_t at) {
      std::byte* const place = masked.data() + at;
      const bool taken = utf8.feed_masked(place, {place, piece.size()}, rotate_key(key, at), level);
      if (taken) require(std::equal(piece.begin(), piece.end(), place));
      return taken;
    });
  }

  if (good) require(is_utf8(as_bytes(truncate_utf8(as_text(text), before + plan_bytes))));
  return 0;
}
