#pragma once

#include <array>
#include <random>
#include <string>

namespace tidewire::support {

/// JSON as an application sends it: a list of records, cut to exactly so many bytes. The same seed gives the same text
/// everywhere.
inline std::string json_text(std::size_t bytes, unsigned seed = 0) {
  constexpr std::array first = {"Ada",   "Grace",   "Edsger",  "Barbara", "Donald",
                                "Radia", "Kenneth", "Frances", "Niklaus", "Margaret"};
  constexpr std::array last = {"Lovelace", "Hopper",   "Dijkstra", "Liskov", "Knuth",
                               "Perlman",  "Thompson", "Allen",    "Wirth",  "Hamilton"};
  constexpr std::array status = {"active", "pending", "suspended", "closed"};
  constexpr std::array tag = {"priority", "weekly", "export", "eu-west", "us-east", "beta", "invoice", "retry"};
  std::mt19937 random(seed);  // Its sequence is fixed by the standard; the distributions' are not.
  const auto number = [&](unsigned below) { return std::to_string(random() % below); };
  const auto one_of = [&](const auto& words) { return std::string(words[random() % words.size()]); };
  std::string out = "[";
  while (out.size() < bytes) {
    const std::string name = one_of(first);
    const std::string family = one_of(last);
    // One call behind the other: the order of the random numbers is that of the text.
    out.append(R"({"id":)").append(number(1'000'000));
    out.append(R"(,"name":")").append(name + ' ' + family).append(R"(","email":")").append(name + '.' + family);
    out.append(R"(@example.org","status":")").append(one_of(status));
    out.append(R"(","balance":)").append(number(100'000)).append(".").append(number(90)).append(R"(,"seconds":)");
    out.append(number(2'000'000'000)).append(R"(,"tags":[")").append(one_of(tag)).append(R"(",")").append(one_of(tag));
    out.append(R"("],"position":{"lat":)").append(number(90)).append(".").append(number(100'000));
    out.append(R"(,"lon":)").append(number(180)).append(".").append(number(100'000)).append("}},");
  }
  out.resize(bytes);
  return out;
}

}  // namespace tidewire::support
