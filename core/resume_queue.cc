#include <tidewire/core/resume_queue.h>
#include <cassert>

namespace tidewire {

void Resumable::cancel_resume() noexcept {
  if (queue_ != nullptr) queue_->remove(*this);
}

ResumeQueue::~ResumeQueue() {
  while (first_ != nullptr) remove(*first_);
}

void ResumeQueue::add(Resumable& waiting) noexcept {
  if (waiting.queue_ != nullptr) return;
  waiting.queue_ = this;
  waiting.previous_ = last_;
  waiting.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiting;
  last_ = &waiting;
  ++size_;
}

void ResumeQueue::remove(Resumable& waiting) noexcept {
  assert(waiting.queue_ == this);
  (waiting.previous_ != nullptr ? waiting.previous_->next_ : first_) = waiting.next_;
  (waiting.next_ != nullptr ? waiting.next_->previous_ : last_) = waiting.previous_;
  waiting.queue_ = nullptr;
  --size_;
}

void ResumeQueue::serve_first() noexcept {
  assert(first_ != nullptr);
  Resumable& waiting = *first_;
  remove(waiting);
  waiting.go_on();
}

}  // namespace tidewire
