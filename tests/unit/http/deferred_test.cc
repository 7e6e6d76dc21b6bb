#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/http/deferred.h>
#include <atomic>
#include <optional>
#include <thread>

using namespace tidewire;
using namespace tidewire::testing;
using http::Request;
using http::Response;
using http::Status;

TEST_SUITE("threaded") {
  TEST_CASE("another thread answers while clients go and the server ends") {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::thread> threads;
      {
        Site site;
        site.server->get("/", [&](const Request&, Response& response) {
          threads.emplace_back([later = response.defer(), round] {
            if (round % 4 == 0) return;
            later.send("from afar");
            later.run([](Response& again) { CHECK(again.send("twice") == SendStatus::closed); });
          });
        });
        Recorder& client = site.connect();
        client.write(get("/") + get("/"));
        site.until([&] { return !threads.empty(); });
        if (round % 4 == 1) client.stream->close();
        if (round % 4 == 2) site.until_received(client, "from afar");
        site.server.reset();
      }
      for (std::thread& thread : threads) thread.join();
    }
  }

  TEST_CASE("an answer is taken by a loop that is full, one at a time for each promise") {
    Site site;
    std::optional<http::Deferred> later;
    site.server->get("/", [&](const Request&, Response& response) { later = response.defer(); });
    Recorder& client = site.connect();
    client.write(get("/"));
    site.until([&] { return later.has_value(); });
    site.loop.set_post_limits({.max_tasks = 0, .max_bytes = 0});
    std::thread([&] {
      CHECK(later->run([](Response& response) { response.write("in "); }) == PostStatus::taken);
      CHECK(later->run([](Response&) { FAIL("run"); }) == PostStatus::full);
      CHECK_FALSE(later->send("twice"));
    }).join();
    site.until_received(client, "in ");
    std::thread([&] {
      CHECK(later->run([](Response& response) {
        response.write("pieces");
        response.end();
      }) == PostStatus::taken);
    }).join();
    site.until_received(client, "pieces");
  }
}
