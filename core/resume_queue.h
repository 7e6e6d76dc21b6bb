#pragma once

#include <tidewire/core/export.h>
#include <cstddef>

namespace tidewire {

class ResumeQueue;

/// Something that has work left for a later turn of its loop; see `Loop::resume_later`. Destroying it takes it out.
class TIDEWIRE_API Resumable {
 public:
  Resumable() noexcept = default;
  Resumable(const Resumable&) = delete;
  Resumable& operator=(const Resumable&) = delete;

  /// Whether `go_on` is due.
  [[nodiscard]] bool waits_to_resume() const noexcept { return queue_ != nullptr; }
  /// Makes it not due any more.
  void cancel_resume() noexcept;

 protected:
  ~Resumable() { cancel_resume(); }
  /// Goes on, within a slice of its own. It is not in the queue any more, and may be destroyed.
  virtual void go_on() noexcept = 0;

 private:
  friend class ResumeQueue;

  ResumeQueue* queue_ = nullptr;  // Null: in none.
  Resumable* next_ = nullptr;
  Resumable* previous_ = nullptr;
};

/// What waits for a later turn, first come, first served. Allocates nothing. One thread: the loop's.
class TIDEWIRE_API ResumeQueue {
 public:
  ResumeQueue() noexcept = default;
  ResumeQueue(const ResumeQueue&) = delete;
  ResumeQueue& operator=(const ResumeQueue&) = delete;
  ~ResumeQueue();

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Adds one to the end. One that is in a queue already keeps its place.
  void add(Resumable& waiting) noexcept;
  /// Takes the first out and calls its `go_on`. The queue must not be empty.
  void serve_first() noexcept;

 private:
  friend class Resumable;
  void remove(Resumable& waiting) noexcept;

  Resumable* first_ = nullptr;
  Resumable* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tidewire
