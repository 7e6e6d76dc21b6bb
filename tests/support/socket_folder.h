#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <tidewire/transport/address.h>
#include <string>

namespace tidewire::testing {

/// A folder of its own for a Unix socket; both are gone with it.
struct SocketFolder {
  SocketFolder() { REQUIRE(::mkdtemp(name.data()) != nullptr); }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  ~SocketFolder() {
    ::unlink(path().c_str());
    ::rmdir(name.c_str());
  }
  [[nodiscard]] std::string path() const { return name + "/socket"; }
  [[nodiscard]] transport::Address address() const { return transport::Address::parse("unix:" + path()).value(); }
  std::string name = "/tmp/tidewire-test-XXXXXX";
};

}  // namespace tidewire::testing
