#include <benchmark/benchmark.h>
#include <tidewire/bench/heads.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/http/body.h>
#include <tidewire/http/parser.h>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

std::string get(Headers headers) {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = 9001;
  return get_request(endpoint, "/plaintext", headers);
}

std::string post(std::size_t body_bytes) {
  return "POST /api/items?list=12 HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body_bytes) + "\r\nAccept: */*\r\n\r\n" + std::string(body_bytes, 'x');
}

/// A request that has come whole: its head, and its body if it has one.
void http_request(benchmark::State& state, const std::string& text) {
  http::RequestParser parser;
  http::Request request;
  http::BodyDecoder body;
  for (auto _ : state) {
    benchmark::ClobberMemory();
    const http::Progress progress = parser.parse(text, request);
    if (progress.kind != http::Progress::Kind::complete) return state.SkipWithError(progress.detail);
    if (request.framing().is_empty()) continue;
    body.start(request.framing(), {});
    Bytes rest = as_bytes(text).subspan(progress.consumed);
    http::BodyEvent event;
    do {
      event = body.next(rest);
      rest = rest.subspan(event.consumed);
      benchmark::DoNotOptimize(event.data.data());
    } while (event.kind == http::BodyEvent::Kind::data);
    if (event.kind != http::BodyEvent::Kind::done) return state.SkipWithError("the body is not complete");
  }
  benchmark::DoNotOptimize(request);
  report_bytes(state, text.size());
}

BENCHMARK_CAPTURE(http_request, minimal_get, get(Headers::minimal));
BENCHMARK_CAPTURE(http_request, browser_get, get(Headers::browser));
BENCHMARK_CAPTURE(http_request, post_with_body, post(256));

}  // namespace
