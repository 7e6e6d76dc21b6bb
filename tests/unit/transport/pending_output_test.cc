#include <doctest/doctest.h>
#include <tidewire/core/loop.h>
#include <tidewire/transport/pending_output.h>

using namespace tidewire;
using transport::PendingOutput;

// A PendingOutput whose stream has gone while it was in the loop's list must free itself, once: that it does is
// what the leak and address checks of these cases see.

TEST_CASE("pending output that nobody lists is freed at once") { PendingOutput::drop(new PendingOutput); }

TEST_CASE("dropping no pending output does nothing") { PendingOutput::drop(nullptr); }

TEST_CASE("pending output that the loop lists frees itself at its turn") {
  Loop loop;
  auto* pending = new PendingOutput;
  pending->dirty = true;
  loop.flush_later(*pending);
  PendingOutput::drop(pending);
  CHECK(pending->owner == nullptr);
  loop.run_once(false);
}
