#include <doctest/doctest.h>
#include <tidewire/core/histogram.h>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

using namespace tidewire;

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

std::vector<Histogram::Bucket> buckets(const Histogram& histogram) {
  std::vector<Histogram::Bucket> all;
  histogram.for_each([&all](const Histogram::Bucket& bucket) { all.push_back(bucket); });
  return all;
}

/// Values of all sizes up to `highest`, as many small ones as large ones.
std::vector<std::uint64_t> sample(std::size_t count, std::uint64_t highest) {
  std::mt19937_64 random(20);
  std::vector<std::uint64_t> values(count);
  for (auto& value : values) value = (random() >> (random() % 64)) % (highest + 1);
  return values;
}

}  // namespace

TEST_CASE("an empty histogram has zero for everything and no buckets") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.min() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.value_at_quantile(0.5) == 0);
  CHECK(buckets(histogram).empty());
}

TEST_CASE("count, minimum, maximum and mean of a histogram are exact") {
  Histogram histogram;
  for (const std::uint64_t value : {1'000'003U, 7U, 30'000'000U}) histogram.record(value);
  histogram.record(10, 4);
  CHECK(histogram.count() == 7);
  CHECK(histogram.min() == 7);
  CHECK(histogram.max() == 30'000'000);
  CHECK(histogram.mean() == doctest::Approx((1'000'003 + 7 + 30'000'000 + 40) / 7.0));
}

TEST_CASE("a histogram tells small values apart one by one") {
  Histogram histogram({.highest = 1000, .precision_bits = 7});
  for (std::uint64_t value = 0; value < 256; ++value) histogram.record(value, value + 1);
  const auto all = buckets(histogram);
  REQUIRE(all.size() == 256);
  for (std::uint64_t value = 0; value < 256; ++value) {
    CHECK(all[value].lowest == value);
    CHECK(all[value].highest == value);
    CHECK(all[value].count == value + 1);
  }
}

TEST_CASE("a histogram's buckets follow each other without gaps, none wider than the stated share") {
  for (const int bits : {1, 3, 5}) {
    CAPTURE(bits);
    Histogram histogram({.highest = largest, .precision_bits = bits});
    // Both ends of every bucket fall into it, and the next value does not.
    std::uint64_t value = 0;
    std::size_t count = 0;
    for (;;) {
      histogram.record(value);
      ++count;
      const auto bucket = buckets(histogram).back();
      REQUIRE(bucket.lowest == value);
      REQUIRE(bucket.count == 1);
      REQUIRE(static_cast<double>(bucket.highest - bucket.lowest) <= std::ldexp(static_cast<double>(value), -bits));
      histogram.record(bucket.highest);
      REQUIRE(buckets(histogram).back().count == 2);
      if (bucket.highest == largest) break;
      value = bucket.highest + 1;
    }
    CHECK(buckets(histogram).size() == count);
  }
}

TEST_CASE("a quantile is never below the recorded value and above it by less than the stated share") {
  for (const int bits : {3, 7, 10}) {
    CAPTURE(bits);
    constexpr std::uint64_t highest = 60'000'000'000;
    auto values = sample(10'000, highest);
    Histogram histogram({.highest = highest, .precision_bits = bits});
    for (const auto value : values) histogram.record(value);
    std::sort(values.begin(), values.end());
    for (const double quantile : {0.0001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      CAPTURE(quantile);
      const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(values.size())));
      const std::uint64_t exact = values[rank - 1];
      const std::uint64_t told = histogram.value_at_quantile(quantile);
      CHECK(told >= exact);
      CHECK(static_cast<double>(told - exact) <= std::ldexp(static_cast<double>(exact), -bits));
    }
    CHECK(histogram.value_at_quantile(0) == values.front());
    CHECK(histogram.value_at_quantile(1) == values.back());
  }
}

TEST_CASE("quantiles outside 0 to 1 are the minimum and the maximum") {
  Histogram histogram;
  histogram.record(1'000'001);
  histogram.record(5'000'001);
  CHECK(histogram.value_at_quantile(-1) == 1'000'001);
  CHECK(histogram.value_at_quantile(std::nan("")) == 1'000'001);
  CHECK(histogram.value_at_quantile(2) == 5'000'001);
}

TEST_CASE("values beyond a histogram's range are counted in its last bucket, and the true maximum is kept") {
  Histogram histogram({.highest = 1000, .precision_bits = 3});
  histogram.record(5);
  histogram.record(123'456'789, 3);
  histogram.record(largest);
  CHECK(histogram.count() == 5);
  CHECK(histogram.max() == largest);
  const auto all = buckets(histogram);
  REQUIRE(all.size() == 2);
  CHECK(all.back().count == 4);
  CHECK(all.back().highest == largest);
  CHECK(histogram.value_at_quantile(0.2) == 5);
  CHECK(histogram.value_at_quantile(0.21) == largest);
}

TEST_CASE("the precision of a histogram stays within 1 and 14 bits") {
  Histogram coarse({.highest = 1000, .precision_bits = -5});
  Histogram fine({.highest = 100'000, .precision_bits = 40});
  for (std::uint64_t value = 0; value < 8; ++value) coarse.record(value);
  CHECK(buckets(coarse).size() == 6);  // 0, 1, 2, 3, 4-5, 6-7.
  fine.record((1U << 15) - 1);
  fine.record(1U << 15);
  fine.record((1U << 15) + 1);
  CHECK(buckets(fine).size() == 2);
}

TEST_CASE("adding a histogram equals recording its values") {
  const auto values = sample(2000, 1'000'000);
  Histogram whole;
  Histogram first;
  Histogram second;
  for (std::size_t i = 0; i < values.size(); ++i) {
    whole.record(values[i]);
    (i % 3 == 0 ? first : second).record(values[i]);
  }
  first.add(second);
  CHECK(first.count() == whole.count());
  CHECK(first.min() == whole.min());
  CHECK(first.max() == whole.max());
  CHECK(first.mean() == doctest::Approx(whole.mean()));
  const auto expected = buckets(whole);
  const auto found = buckets(first);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].lowest == expected[i].lowest);
    CHECK(found[i].count == expected[i].count);
  }
}

TEST_CASE("a histogram of other options is added within the coarser one's precision") {
  Histogram coarse({.highest = 1'000'000, .precision_bits = 4});
  Histogram fine({.highest = 5'000'000, .precision_bits = 10});
  fine.record(100'000, 3);
  fine.record(4'000'000);
  coarse.add(fine);
  CHECK(coarse.count() == 4);
  CHECK(coarse.max() == 4'000'000);
  CHECK(coarse.min() == 100'000);
  CHECK(coarse.value_at_quantile(0.75) >= 100'000);
  CHECK(coarse.value_at_quantile(0.75) <= 106'250 + 100);
  CHECK(coarse.value_at_quantile(1) == 4'000'000);
}

TEST_CASE("adding an empty histogram changes nothing") {
  Histogram histogram;
  histogram.record(50);
  histogram.add(Histogram());
  CHECK(histogram.count() == 1);
  CHECK(histogram.min() == 50);
}

TEST_CASE("a histogram that was reset starts anew") {
  Histogram histogram;
  histogram.record(9);
  histogram.record(90'000'000'000);
  histogram.reset();
  CHECK(histogram.count() == 0);
  CHECK(buckets(histogram).empty());
  histogram.record(70);
  CHECK(histogram.min() == 70);
  CHECK(histogram.max() == 70);
  CHECK(histogram.mean() == 70);
}

TEST_SUITE("threaded") {
  TEST_CASE("another thread reads a histogram that only grows") {
    constexpr std::uint64_t rounds = 10'000;
    Histogram histogram;
    std::thread writer([&histogram] {
      for (std::uint64_t value = 1; value <= rounds; ++value) histogram.record(value);
    });
    std::uint64_t before = 0;
    bool grows = true;
    bool bounded = true;
    while (before < rounds) {
      const std::uint64_t now = histogram.count();
      grows = grows && now >= before;
      bounded = bounded && histogram.value_at_quantile(0.5) <= rounds;
      before = now;
    }
    writer.join();
    CHECK(grows);
    CHECK(bounded);
    CHECK(histogram.value_at_quantile(1) == rounds);
  }
}
