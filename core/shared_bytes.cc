#include <tidewire/core/shared_bytes.h>

namespace tidewire {

SharedBytes::Block* SharedBytes::allocate(std::size_t size) {
  if (size > SIZE_MAX - sizeof(Block)) throw std::bad_alloc();
  void* memory = ::operator new(sizeof(Block) + size);
  return new (memory) Block{.references = 1, .size = size};
}

void SharedBytes::free(Block* block) noexcept {
  block->~Block();
  ::operator delete(block);
}

}  // namespace tidewire
