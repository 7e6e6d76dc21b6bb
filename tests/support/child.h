#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace tidewire::testing {

/// Whether `act` returned true in a child process, which ends after it without running destructors. A child that is
/// killed, by an assertion for example, returned false.
template <class Act>
bool in_child(Act act) {
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(act() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace tidewire::testing
