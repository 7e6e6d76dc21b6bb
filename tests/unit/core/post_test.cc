#include <doctest/doctest.h>
#include <tidewire/core/post.h>

using namespace tidewire;

TEST_CASE("a status is true if the task was taken, and two are equal if they are the same") {
  CHECK(PostStatus(PostStatus::taken));
  CHECK_FALSE(PostStatus(PostStatus::full));
  CHECK_FALSE(PostStatus(PostStatus::ended));
  CHECK(PostStatus(PostStatus::full) == PostStatus::full);
  CHECK(PostStatus(PostStatus::full) != PostStatus::ended);
}
