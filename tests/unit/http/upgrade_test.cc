#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/http/upgrade.h>
#include <optional>
#include <stdexcept>

using namespace tidewire;
using namespace tidewire::testing;
using http::Request;
using http::Response;

namespace {

/// Speaks after HTTP: notes what comes, and owns itself.
struct Next final : http::Successor {
  Next(transport::StreamPtr its, transport::Sessions& in, std::string& to)
      : stream(std::move(its)), sessions(in), heard(to) {
    stream->attach(*this);
  }
  void begin(MutableBytes rest) override {
    heard += as_text(rest);
    stream->resume();
  }
  void on_data(MutableBytes bytes) override { heard += as_text(bytes); }
  void on_end() override {
    heard += "|end";
    stream->close();
  }
  void on_failed(const Error&) override { stream->close(); }
  void on_closed() noexcept override {
    sessions.remove(*this);
    delete this;
  }
  void drain() override { stream->close(); }
  void abandon() noexcept override { stream->close(); }
  void on_deadline() noexcept override {}

  transport::StreamPtr stream;
  transport::Sessions& sessions;
  std::string& heard;
};

const std::string asks = get("/", "Upgrade: other\r\nConnection: upgrade\r\n");

}  // namespace

TEST_CASE("what follows the request is the successor's, the end included") {
  Site site;
  std::string heard;
  std::optional<http::Deferred> later;
  const auto factory = [&](transport::StreamPtr stream, transport::Sessions& sessions) -> http::Successor* {
    return new Next(std::move(stream), sessions, heard);
  };
  SUBCASE("at once") {
    site.server->upgrade("other", "/",
                         [&](const Request&, Response& response) { response.switch_protocols("other", factory); });
  }
  SUBCASE("later, after all has come") {
    site.server->upgrade("other", "/", [&](const Request&, Response& response) { later = response.defer(); });
  }
  Recorder& client = site.connect();
  client.write(asks + "first");
  client.write("second");
  client.stream->end();
  settle(site.loop);
  if (later) later->run([&](Response& response) { response.switch_protocols("other", factory); });
  site.until([&] { return heard.ends_with("|end"); });
  CHECK(heard == "firstsecond|end");
  site.until_empty();
  CHECK(site.server->counters().upgrades.value() == 1);
}

TEST_CASE("a factory that throws or makes nothing closes the connection") {
  Site site;
  site.server->upgrade("other", "/", [&](const Request&, Response& response) {
    response.switch_protocols("other", [](transport::StreamPtr, transport::Sessions&) -> http::Successor* {
      throw std::runtime_error("no");
    });
  });
  Recorder& client = site.connect();
  client.write(asks);
  site.until_over(client);
  site.until_empty();
}

TEST_CASE("a handler can't switch a client that did not ask, and a throw takes the switch back") {
  Site site;
  const auto never = [](transport::StreamPtr, transport::Sessions&) -> http::Successor* { return nullptr; };
  site.server->get("/plain", [&](const Request&, Response& response) { response.switch_protocols("other", never); });
  site.server->upgrade("other", "/", [&](const Request&, Response& response) {
    response.switch_protocols("other", never);
    throw std::runtime_error("second thoughts");
  });
  Recorder& client = site.connect();
  client.write(get("/plain") + asks);
  site.until([&] { return count_of(client.received, "HTTP/1.1 500 ") == 2; });
}
