#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/core/budget.h>
#include <optional>
#include <string>

// What one client can have done while another waits: counted, not timed.

using namespace tidewire;
using namespace tidewire::testing;
using http::Deferred;
using http::Request;
using http::Response;

namespace {

struct Greedy : Site {
  explicit Greedy(const StreamKind& kind) {
    server->get("/greedy", [this](const Request&, Response& response) {
      ++answered;
      response.send("a");
    });
    server->post("/greedy", [this](const Request& request, Response& response) {
      body_bytes = request.body().size();
      response.send("a");
    });
    server->get("/later", [this](const Request&, Response& response) { later = response.defer(); });
    server->get("/honest", [this](const Request&, Response& response) {
      work_before = loop.budget().done() - work_at_start;
      answered_before = answered;
      response.send("h");
    });
    flood = &connect_by(kind);
    other = &connect_by(kind);
    // Both are known to the server.
    for (Recorder* client : {flood, other}) {
      client->write(get("/none"));
      until_received(*client, "404");
      client->received.clear();
    }
  }
  ~Greedy() { server.reset(); }

  void ask() {
    work_at_start = loop.budget().done();
    other->write(get("/honest"));
    until_received(*other, "\r\n\r\nh");
  }

  static std::string many(std::size_t count) {
    std::string requests;
    for (std::size_t index = 0; index < count; ++index) requests += get("/greedy");
    return requests;
  }

  Recorder* flood = nullptr;
  Recorder* other = nullptr;
  std::optional<Deferred> later;
  std::size_t answered = 0;
  std::size_t answered_before = 0;
  std::size_t body_bytes = 0;
  std::uint64_t work_at_start = 0;
  std::uint64_t work_before = 0;
};

// A request is seen a few turns after it was written: it has to leave, to be found, and to be served.
constexpr std::uint64_t fair_work = 6 * Budget::turn_work;

}  // namespace

TEST_SUITE_BEGIN("http fairness");

OVER_STREAMS("pipelined requests leave others their turn, and are all answered", tcp, tcp_by_libuv, tls_over_tcp) {
  Greedy site(kind);
  constexpr std::size_t count = 20'000;
  site.flood->write(Greedy::many(count));
  settle(site.loop, 2);
  site.ask();
  CHECK(site.work_before < fair_work);
  CHECK(site.answered_before < count);
  site.until([&] { return site.answered == count; });
  site.until([&] { return count_of(site.flood->received, "200 OK") == count; });
}

OVER_STREAMS("requests that waited for an answer leave others their turn", tcp, memory) {
  Greedy site(kind);
  constexpr std::size_t count = 2'000;
  site.flood->write(get("/later") + Greedy::many(count));
  site.flood->stream->end();
  site.until([&] { return site.later.has_value(); });
  settle(site.loop);
  site.later->send("late");
  CHECK(site.answered < count);
  site.ask();
  CHECK(site.work_before < fair_work);
  // All are answered, though the client's end is known by now.
  site.until([&] { return site.answered == count; });
  site.until([&] { return site.flood->ends == 1; });
  CHECK(count_of(site.flood->received, "200 OK") == count + 1);
}

OVER_STREAMS("a body in tiny chunks leaves others their turn, and arrives whole", tcp, tls_over_tcp) {
  Greedy site(kind);
  constexpr std::size_t count = 60'000;
  std::string request = "POST /greedy HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t index = 0; index < count; ++index) request += "1\r\nx\r\n";
  site.flood->write(request + "0\r\n\r\n");
  settle(site.loop, 2);
  site.ask();
  CHECK(site.work_before < fair_work);
  CHECK(site.body_bytes == 0);
  site.until([&] { return site.body_bytes == count; });
}

TEST_SUITE_END();
