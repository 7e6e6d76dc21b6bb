#include <doctest/doctest.h>
#include <tidewire/core/budget.h>

using tidewire::Budget;

TEST_CASE("a slice is spent when its work is done, and the next begins anew") {
  Budget budget;
  budget.begin_turn();
  budget.begin_slice();
  budget.charge(Budget::slice_work - 1);
  CHECK_FALSE(budget.spent());
  budget.charge(1);
  CHECK(budget.spent());
  CHECK_FALSE(budget.turn_spent());
  budget.begin_slice();
  CHECK_FALSE(budget.spent());
  CHECK(budget.done() == Budget::slice_work);
}

TEST_CASE("a turn is spent when all its slices are, however long each was") {
  Budget budget;
  budget.begin_turn();
  budget.begin_slice();
  budget.charge(Budget::turn_work);
  budget.begin_slice();
  CHECK_FALSE(budget.spent());
  CHECK(budget.turn_spent());
  budget.begin_turn();
  CHECK_FALSE(budget.turn_spent());
}
