#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/router.h>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

/// The routes of an application of some size.
http::Router application() {
  http::Router router;
  std::uint32_t next = 0;
  const auto add = [&](std::string_view method, const std::string& pattern) {
    router.add(method, pattern, http::RouteId{next++}).value();
  };
  add("GET", "/");
  add("GET", "/plaintext");
  add("GET", "/static/*");
  for (const char* noun : {"users", "orders", "items", "invoices", "messages", "rooms", "devices", "reports"}) {
    const std::string base = std::string("/api/v1/") + noun;
    add("GET", base);
    add("POST", base);
    add("GET", base + "/:id");
    add("PUT", base + "/:id");
    add("DELETE", base + "/:id");
    add("GET", base + "/:id/history/:entry");
  }
  return router;
}

void http_router(benchmark::State& state, const std::string& path, http::RouteMatch::Outcome expected) {
  const http::Router router = application();
  const std::string head = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  http::RequestParser parser;
  http::Request request;
  if (parser.parse(head, request).kind != http::Progress::Kind::complete) return state.SkipWithError("a wrong head");
  http::RouteMatch match;
  for (auto _ : state) {
    benchmark::ClobberMemory();
    router.match(request, match);
    benchmark::DoNotOptimize(match);
  }
  if (match.outcome != expected) state.SkipWithError("a wrong route");
  report_items(state, 1);
}

using Outcome = http::RouteMatch::Outcome;
BENCHMARK_CAPTURE(http_router, literal, "/plaintext", Outcome::found);
BENCHMARK_CAPTURE(http_router, one_parameter, "/api/v1/rooms/7321", Outcome::found);
BENCHMARK_CAPTURE(http_router, two_parameters, "/api/v1/reports/7321/history/18", Outcome::found);
BENCHMARK_CAPTURE(http_router, wildcard, "/static/scripts/main.js", Outcome::found);
BENCHMARK_CAPTURE(http_router, not_found, "/api/v1/nothing/here", Outcome::not_found);

}  // namespace
