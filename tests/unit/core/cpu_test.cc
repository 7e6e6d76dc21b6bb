#include <doctest/doctest.h>
#include <tidewire/core/cpu.h>
#include <string_view>
#include <thread>

using namespace tidewire;

TEST_CASE("every machine has at least the base of its architecture") { CHECK(cpu_level() >= CpuLevel::base); }

TEST_CASE("the level is the same from every thread") {
  const CpuLevel here = cpu_level();
  auto there = CpuLevel::portable;
  std::thread([&] { there = cpu_level(); }).join();
  CHECK(there == here);
}

TEST_CASE("a level has the name by which it is written") {
  CHECK(std::string_view(name_of(CpuLevel::portable)) == "portable");
  CHECK(std::string_view(name_of(CpuLevel::base)) == "base");
  CHECK(std::string_view(name_of(CpuLevel::avx2)) == "avx2");
  CHECK(std::string_view(name_of(CpuLevel::avx512)) == "avx512");
}
