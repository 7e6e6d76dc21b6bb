#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/shared_frame.h>
#include <cstring>
#include <new>
#include <utility>

namespace tidewire::websocket {
namespace {

SharedBytes join(std::span<const SharedBytes> frames) noexcept {
  if (frames.size() == 1) return frames.front();
  std::size_t bytes = 0;
  for (const SharedBytes& frame : frames) bytes += frame.size();
  try {
    return SharedBytes::make(bytes, [&](MutableBytes into) {
      for (const SharedBytes& frame : frames) {
        std::memcpy(into.data(), frame.view().data(), frame.size());
        into = into.subspan(frame.size());
      }
    });
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace

FrameForms::Frames FrameForms::plain() noexcept {
  if (joined_.empty()) joined_ = join(plain_);
  return {plain_, joined_};
}

FrameForms::Frames FrameForms::in(const FrameForm& form, DeflateEngines& engines, Buffer& scratch,
                                  Budget& budget) noexcept {
  if (form.window_bits == 0) return plain();
  for (const Made& made : made_) {
    if (made.form == form) return {made.frames, made.joined};
  }
  try {
    Made made{.form = form, .frames = {}, .joined = {}};
    Deflater deflater(engines, {.window_bits = form.window_bits, .level = form.level});
    made.frames.reserve(plain_.size());
    for (const SharedBytes& frame : plain_) {
      const std::size_t bytes = message_of(frame).size();
      const bool worth = bytes >= form.from_bytes;
      if (worth) budget.charge(work::to_compress(bytes));
      made.frames.push_back(worth ? deflated_frame(frame, deflater, scratch) : frame);
    }
    made.joined = join(made.frames);
    const Made& kept = made_.emplace_back(std::move(made));
    return {kept.frames, kept.joined};
  } catch (const std::bad_alloc&) {
    return plain();
  }
}

}  // namespace tidewire::websocket
