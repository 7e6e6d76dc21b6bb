#pragma once

#include <tidewire/core/budget.h>
#include <tidewire/core/buffer.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/deflate.h>
#include <cstdint>
#include <span>
#include <vector>

namespace tidewire::websocket {

/// How a connection wants frames that go to many: as they are, or compressed by its route's options and the window that
/// it agreed to.
struct FrameForm {
  std::uint8_t window_bits = 0;  ///< 0: as they are.
  std::uint8_t level = 0;
  std::size_t from_bytes = 0;  ///< Shorter messages stay as they are.

  friend bool operator==(const FrameForm&, const FrameForm&) noexcept = default;
};

/// Frames that go to many connections together, in every form that one of them wants, each made once: when it is
/// first asked for. There are as many as the routes and their clients have settings, one or two as a rule.
///
/// What is compressed refers to nothing before it, so it suits connections with and without takeover. One thread at
/// a time.
class FrameForms {
 public:
  /// Those frames, which outlive this.
  explicit FrameForms(std::span<const SharedBytes> plain) noexcept : plain_(plain) {}

  struct Frames {
    std::span<const SharedBytes> each;
    const SharedBytes& joined;  ///< All of them in one piece; empty if there is no memory for that.
  };
  /// As they are.
  [[nodiscard]] Frames plain() noexcept;
  /// In that form; as they are where compressing makes them no smaller, or there is no memory. Valid until the next
  /// call. What is compressed is charged to `budget`.
  [[nodiscard]] Frames in(const FrameForm& form, DeflateEngines& engines, Buffer& scratch, Budget& budget) noexcept;

 private:
  struct Made {
    FrameForm form;
    std::vector<SharedBytes> frames;
    SharedBytes joined;
  };

  std::span<const SharedBytes> plain_;
  SharedBytes joined_;  // Once the plain form was asked for.
  std::vector<Made> made_;
};

}  // namespace tidewire::websocket
