#include <support/inflate_definition.h>
#include <sys/mman.h>
#include <tidewire/websocket/deflate.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// More than the libraries keep before they shift what they have.
constexpr std::size_t max_text_bytes = std::size_t{160} << 10;

void require(bool condition) {
  if (!condition) std::abort();
}

// Bytes that end where memory does: the libraries are not instrumented, and a read behind them shows only so.
class Guarded {
 public:
  static constexpr std::size_t size = std::size_t{1} << 21;

  Guarded() {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const memory = mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED);
    end_ = static_cast<std::byte*>(memory) + size;
    require(mprotect(end_, page, PROT_NONE) == 0);
  }

  MutableBytes last(std::size_t count) const {
    require(count <= size);
    return {end_ - count, count};
  }
  Bytes hold(Bytes bytes) const {
    const MutableBytes to = last(bytes.size());
    std::copy(bytes.begin(), bytes.end(), to.begin());
    return to;
  }

 private:
  std::byte* end_;
};

const Guarded& guarded_input() {
  static const Guarded guarded;
  return guarded;
}
const Guarded& guarded_output() {
  static const Guarded guarded;
  return guarded;
}

struct Plan {
  DeflateSettings settings;
  std::size_t piece_bytes;
  std::size_t step_bytes;
};

struct Outcome {
  InflateState state = InflateState::needs_input;
  std::string text;
  bool too_long = false;
};

// One message, in the plan's pieces and steps.
Outcome inflate(Inflater& inflater, Bytes payload, const Plan& plan) {
  Outcome outcome;
  do {
    const std::size_t size = std::min(payload.size(), plan.piece_bytes);
    Bytes piece = guarded_input().hold(payload.first(size));
    payload = payload.subspan(size);
    std::size_t idle = 0;
    do {
      const MutableBytes area = guarded_output().last(plan.step_bytes + 16);
      std::fill_n(area.begin(), 16, std::byte{0xA5});
      const std::size_t before = piece.size();
      const auto [produced, state] = inflater.inflate(piece, payload.empty(), area.subspan(16));
      require(produced <= plan.step_bytes);
      require(std::count(area.begin(), area.begin() + 16, std::byte{0xA5}) == 16);
      require(state != InflateState::output_full || produced == plan.step_bytes);
      require(state != InflateState::needs_input || piece.empty());
      // Each call gets on, or it would be called for ever.
      idle = produced == 0 && piece.size() == before ? idle + 1 : 0;
      require(idle < 2);
      outcome.text += as_text(Bytes(area).subspan(16, produced));
      outcome.state = state;
      outcome.too_long = outcome.text.size() > max_text_bytes;
    } while (outcome.state == InflateState::output_full && !outcome.too_long);
    require(outcome.state != InflateState::no_memory);
  } while (!outcome.too_long && !payload.empty() && outcome.state == InflateState::needs_input);
  require(outcome.too_long || outcome.state == InflateState::complete || outcome.state == InflateState::corrupt);
  return outcome;
}

// What the RFCs say of the payload, with what deflate.h says of its end.
bool is_good(Bytes payload, const support::Inflated& defined, std::string_view history) {
  if (payload.empty()) return true;
  const auto bare = support::inflate_by_definition(payload, history);
  if (bare.good && bare.ends_with_final_block) return true;
  return defined.good && defined.text.size() == bare.text.size();
}

void check_hostile(Bytes payload, const Plan& plan) {
  const std::string history(plan.settings.takeover ? 200 : 0, 'h');
  const auto defined = support::inflate_message_by_definition(payload, history);
  // A step may move what is kept, so tiny ones through much text take long and show nothing new.
  if (defined.text.size() > std::min(max_text_bytes, plan.step_bytes * 1000)) return;
  const bool good = is_good(payload, defined, history);
  const std::string said = support::inflate_by_definition(payload, history).text;
  for (const DeflateBackend backend : deflate_backends()) {
    static std::array<DeflateEngines, 2> engines = {DeflateEngines(DeflateBackend::zlib),
                                                    DeflateEngines(deflate_backends().front())};
    DeflateEngines& mine = engines[backend == DeflateBackend::zlib ? 0 : 1];
    for (const bool whole : {false, true}) {
      Inflater inflater(mine, plan.settings);
      if (!history.empty()) {
        Buffer first;
        Deflater deflater(mine, plan.settings);
        require(deflater.compress(as_bytes(history), true, first));
        require(inflate(inflater, first.view(), {{}, SIZE_MAX, 4096}).text == history);
      }
      const Outcome outcome = inflate(inflater, payload, whole ? Plan{{}, SIZE_MAX, max_text_bytes + 1} : plan);
      if (outcome.too_long) continue;
      // All that is DEFLATE is taken, and nothing else; but with codes that are not complete each does as it likes.
      const bool unusual = !defined.complete_codes || !defined.usual_headers;
      if (!good) require(outcome.state == InflateState::corrupt);
      if (good && !unusual) require(outcome.state == InflateState::complete);
      if (outcome.state == InflateState::complete) require(outcome.text == said);
      require(said.starts_with(outcome.text));
    }
  }
}

void check_round_trip(Bytes text, const Plan& plan) {
  static DeflateEngines zlib(DeflateBackend::zlib), preferred;
  for (DeflateEngines* const from : {&zlib, &preferred}) {
    for (DeflateEngines* const to : {&zlib, &preferred}) {
      Deflater deflater(*from, plan.settings);
      Inflater inflater(*to, plan.settings);
      std::string history;
      for (int message = 0; message < 2; ++message) {
        Buffer payload;
        Bytes rest = text;
        const std::size_t part_bytes = std::max(plan.piece_bytes, text.size() / 16 + 1);
        while (rest.size() > part_bytes) {
          require(deflater.compress(guarded_input().hold(rest.first(part_bytes)), false, payload));
          rest = rest.subspan(part_bytes);
        }
        require(deflater.compress(guarded_input().hold(rest), true, payload));
        const auto defined = support::inflate_message_by_definition(payload.view(), history);
        require(defined.good && !defined.final_block);
        require(defined.complete_codes && defined.usual_headers);
        require(defined.text == as_text(text));
        require(defined.max_distance <= std::size_t{1} << plan.settings.window_bits);
        const Plan reading = {
            {}, std::max(plan.piece_bytes, payload.size() / 256), std::max(plan.step_bytes, text.size() / 256)};
        const Outcome outcome = inflate(inflater, payload.view(), reading);
        require(outcome.state == InflateState::complete && outcome.text == as_text(text));
        if (plan.settings.takeover) history = as_text(text);
      }
    }
  }
}

}  // namespace

// Four bytes make the plan, the rest is a payload from a peer, or a text of ours.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Bytes rest(reinterpret_cast<const std::byte*>(data) + 4, size - 4);
  Plan plan = {};
  plan.settings.takeover = (data[0] & 1) != 0;
  plan.settings.window_bits = static_cast<std::uint8_t>(8 + (data[0] >> 1) % 8);
  plan.settings.level = static_cast<std::uint8_t>(1 + (data[0] >> 4) % 9);
  plan.settings.keep_compressor = (data[3] & 4) != 0;
  plan.settings.memory_level = static_cast<std::uint8_t>(1 + data[3] / 8 % 9);
  plan.piece_bytes = std::size_t{1} + data[1] * (data[1] % 4 == 0 ? std::size_t{64} : std::size_t{1});
  plan.step_bytes = std::size_t{1} + data[2] * (data[2] % 4 == 0 ? std::size_t{512} : std::size_t{1});
  if (data[3] % 4 == 0) {
    // Repeated, so that short inputs make long texts.
    std::vector<std::byte> text;
    for (int i = 0; i <= data[3] / 32 && text.size() < max_text_bytes; ++i)
      text.insert(text.end(), rest.begin(), rest.end());
    check_round_trip(text, plan);
  } else {
    check_hostile(rest, plan);
  }
  return 0;
}
