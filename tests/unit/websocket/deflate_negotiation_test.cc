#include <doctest/doctest.h>
#include <tidewire/websocket/deflate_negotiation.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

constexpr DeflateOptions defaults;
constexpr DeflateOptions takeover{.own_takeover = true, .peer_takeover = true};

static_assert(sizeof(DeflateAgreement) == 4);
static_assert(DeflateAgreement{} == DeflateAgreement{false, false, 15, 15});

std::vector<Extension> parse(std::string_view line) {
  std::vector<Extension> extensions;
  parse_extensions(line, extensions).value();
  return extensions;
}

// The answer to these offers; "declined" if there is none.
std::string answer_to(std::string_view offers, const DeflateOptions& options = takeover) {
  const auto accepted = accept_deflate(options, parse(offers));
  return accepted ? format_extensions({accepted->answer}) : "declined";
}

DeflateAgreement agreed_on(std::string_view offers, const DeflateOptions& options = takeover) {
  const auto accepted = accept_deflate(options, parse(offers));
  REQUIRE(accepted);
  return accepted->agreement;
}

std::string offer_of(const DeflateOptions& options) { return format_extensions({offer_deflate(options)}); }

DeflateAgreement judged(std::string_view answers, const DeflateOptions& options = takeover) {
  const auto agreed = judge_deflate(options, parse(answers)).value();
  REQUIRE(agreed);
  return *agreed;
}

std::string fault_in(std::string_view answers, const DeflateOptions& options = takeover) {
  const auto agreed = judge_deflate(options, parse(answers));
  return agreed ? "none" : agreed.error().message();
}

bool breaks_protocol(std::string_view answers, const DeflateOptions& options = takeover) {
  const auto agreed = judge_deflate(options, parse(answers));
  return !agreed && agreed.error().code == Errc::protocol_error;
}

struct Case {
  const char* offers;
  const char* answer;
  DeflateAgreement agreement = {};
};

void check_cases(std::initializer_list<Case> cases, const DeflateOptions& options) {
  for (const Case& each : cases) {
    CAPTURE(each.offers);
    CHECK(answer_to(each.offers, options) == each.answer);
    if (std::string_view(each.answer) != "declined") CHECK(agreed_on(each.offers, options) == each.agreement);
  }
}

}  // namespace

// --- options

TEST_CASE("the default options are good, and take nothing over") {
  CHECK(check_deflate(defaults));
  CHECK_FALSE(defaults.own_takeover);
  CHECK_FALSE(defaults.peer_takeover);
  CHECK(defaults.threshold_bytes == 64);
}

TEST_CASE("options at their bounds are good") {
  CHECK(check_deflate({.own_window_bits = 9, .peer_window_bits = 9, .level = 1}));
  CHECK(check_deflate({.own_window_bits = 15, .peer_window_bits = 15, .level = 9}));
}

TEST_CASE("options outside of their bounds are named") {
  const auto wrong = [](const DeflateOptions& options) {
    const auto checked = check_deflate(options);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::invalid_configuration);
    return checked.error().detail;
  };
  CHECK(wrong({.own_window_bits = 8}) == "permessage-deflate: own_window_bits is not 9 to 15");
  CHECK(wrong({.own_window_bits = 16}) == "permessage-deflate: own_window_bits is not 9 to 15");
  CHECK(wrong({.peer_window_bits = 8}) == "permessage-deflate: peer_window_bits is not 9 to 15");
  CHECK(wrong({.peer_window_bits = 16}) == "permessage-deflate: peer_window_bits is not 9 to 15");
  CHECK(wrong({.level = 0}) == "permessage-deflate: level is not 1 to 9");
  CHECK(wrong({.level = 10}) == "permessage-deflate: level is not 1 to 9");
}

// --- a server's choice

TEST_CASE("a server answers nothing where nothing was offered") {
  CHECK(answer_to("") == "declined");
  CHECK(answer_to("permessage-bzip2, x-webkit-deflate-frame") == "declined");
}

TEST_CASE("a plain offer is accepted with all that the server permits") {
  CHECK(answer_to("permessage-deflate") == "permessage-deflate");
  CHECK(agreed_on("permessage-deflate") == DeflateAgreement{true, true, 15, 15});
}

TEST_CASE("by default a server takes nothing over in either direction, and says so unasked") {
  CHECK(answer_to("permessage-deflate", defaults) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  CHECK(agreed_on("permessage-deflate", defaults) == DeflateAgreement{false, false, 15, 15});
}

TEST_CASE("each direction's takeover is an option of its own") {
  CHECK(answer_to("permessage-deflate", {.own_takeover = true}) == "permessage-deflate; client_no_context_takeover");
  CHECK(agreed_on("permessage-deflate", {.own_takeover = true}) == DeflateAgreement{true, false, 15, 15});
  CHECK(answer_to("permessage-deflate", {.peer_takeover = true}) == "permessage-deflate; server_no_context_takeover");
  CHECK(agreed_on("permessage-deflate", {.peer_takeover = true}) == DeflateAgreement{false, true, 15, 15});
}

TEST_CASE("server_no_context_takeover in an offer is obeyed and confirmed") {
  const char* offer = "permessage-deflate; server_no_context_takeover";
  CHECK(answer_to(offer) == offer);
  CHECK(agreed_on(offer) == DeflateAgreement{false, true, 15, 15});
}

TEST_CASE("client_no_context_takeover in an offer is made binding") {
  const char* offer = "permessage-deflate; client_no_context_takeover";
  CHECK(answer_to(offer) == offer);
  CHECK(agreed_on(offer) == DeflateAgreement{true, false, 15, 15});
}

TEST_CASE("server_max_window_bits in an offer is answered with the same value, or with a smaller one of ours") {
  CHECK(answer_to("permessage-deflate; server_max_window_bits=10") == "permessage-deflate; server_max_window_bits=10");
  CHECK(agreed_on("permessage-deflate; server_max_window_bits=10") == DeflateAgreement{true, true, 10, 15});
  CHECK(answer_to("permessage-deflate; server_max_window_bits=15") == "permessage-deflate; server_max_window_bits=15");
  const DeflateOptions small{.own_takeover = true, .peer_takeover = true, .own_window_bits = 11};
  CHECK(answer_to("permessage-deflate; server_max_window_bits=12", small) ==
        "permessage-deflate; server_max_window_bits=11");
  CHECK(agreed_on("permessage-deflate; server_max_window_bits=12", small) == DeflateAgreement{true, true, 11, 15});
  CHECK(agreed_on("permessage-deflate; server_max_window_bits=9", small) == DeflateAgreement{true, true, 9, 15});
}

TEST_CASE("a smaller window of ours is not announced to a client that did not ask") {
  const DeflateOptions small{.own_takeover = true, .peer_takeover = true, .own_window_bits = 11};
  CHECK(answer_to("permessage-deflate", small) == "permessage-deflate");
  CHECK(agreed_on("permessage-deflate", small) == DeflateAgreement{true, true, 11, 15});
}

TEST_CASE("a window of 8 bits is declined for what the server sends") {
  CHECK(answer_to("permessage-deflate; server_max_window_bits=8") == "declined");
  CHECK(answer_to("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9") ==
        "permessage-deflate; server_max_window_bits=9");
}

TEST_CASE("a window of 8 bits will do for what the client sends") {
  CHECK(answer_to("permessage-deflate; client_max_window_bits=8") == "permessage-deflate; client_max_window_bits=8");
  CHECK(agreed_on("permessage-deflate; client_max_window_bits=8") == DeflateAgreement{true, true, 15, 8});
}

TEST_CASE("client_max_window_bits in an offer lets the server limit the client") {
  const DeflateOptions limited{.own_takeover = true, .peer_takeover = true, .peer_window_bits = 11};
  CHECK(answer_to("permessage-deflate; client_max_window_bits", limited) ==
        "permessage-deflate; client_max_window_bits=11");
  CHECK(agreed_on("permessage-deflate; client_max_window_bits", limited) == DeflateAgreement{true, true, 15, 11});
}

TEST_CASE("client_max_window_bits is answered with no more than was offered") {
  const DeflateOptions limited{.own_takeover = true, .peer_takeover = true, .peer_window_bits = 11};
  CHECK(answer_to("permessage-deflate; client_max_window_bits=10", limited) ==
        "permessage-deflate; client_max_window_bits=10");
  CHECK(answer_to("permessage-deflate; client_max_window_bits=12", limited) ==
        "permessage-deflate; client_max_window_bits=11");
  CHECK(answer_to("permessage-deflate; client_max_window_bits=12") == "permessage-deflate; client_max_window_bits=12");
}

TEST_CASE("a server without a limit of its own answers nothing to an unlimited client_max_window_bits") {
  CHECK(answer_to("permessage-deflate; client_max_window_bits") == "permessage-deflate");
  CHECK(answer_to("permessage-deflate; client_max_window_bits=15") == "permessage-deflate");
}

TEST_CASE("client_max_window_bits is never answered where it was not offered; takeover is then not permitted") {
  const DeflateOptions limited{.own_takeover = true, .peer_takeover = true, .peer_window_bits = 11};
  CHECK(answer_to("permessage-deflate", limited) == "permessage-deflate; client_no_context_takeover");
  CHECK(agreed_on("permessage-deflate", limited) == DeflateAgreement{true, false, 15, 15});
}

TEST_CASE("all four parameters at once, in any order") {
  const char* offer =
      "permessage-deflate; client_max_window_bits=12; server_max_window_bits=10; client_no_context_takeover; "
      "server_no_context_takeover";
  CHECK(answer_to(offer) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
        "client_max_window_bits=12");
  CHECK(agreed_on(offer) == DeflateAgreement{false, false, 10, 12});
}

TEST_CASE("an offer with an unknown parameter is declined") {
  for (const char* offer : {"permessage-deflate; x", "permessage-deflate; x=1",
                            "permessage-deflate; max_window_bits=10", "permessage-deflate; Server_No_Context_Takeover",
                            "permessage-deflate; server_no_context_takeover; server_no_context_takeover_"}) {
    CAPTURE(offer);
    CHECK(answer_to(offer) == "declined");
  }
}

TEST_CASE("an offer that repeats a parameter is declined") {
  for (const char* offer :
       {"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10; client_max_window_bits"}) {
    CAPTURE(offer);
    CHECK(answer_to(offer) == "declined");
  }
}

TEST_CASE("an offer with a value where none may be is declined") {
  CHECK(answer_to("permessage-deflate; server_no_context_takeover=1") == "declined");
  CHECK(answer_to("permessage-deflate; client_no_context_takeover=true") == "declined");
  CHECK(answer_to("permessage-deflate; client_no_context_takeover=\"x\"") == "declined");
}

TEST_CASE("server_max_window_bits without a value is declined") {
  CHECK(answer_to("permessage-deflate; server_max_window_bits") == "declined");
}

TEST_CASE("window bits that are no number from 8 to 15 without leading zeros are declined") {
  for (const char* value : {"0",      "1",     "7",   "16",  "19",
                            "20",     "80",    "99",  "100", "-9",
                            "+9",     "08",    "09",  "010", "1a",
                            "a1",     "0x9",   "9x",  "x9",  "9.0",
                            "1e1",    "x",     "256", "264", "18446744073709551625",
                            "\"09\"", "\"7\"", "'9'", "1*",  "8_"}) {
    CAPTURE(value);
    CHECK(answer_to(std::string("permessage-deflate; server_max_window_bits=") + value) == "declined");
    CHECK(answer_to(std::string("permessage-deflate; client_max_window_bits=") + value) == "declined");
  }
}

TEST_CASE("every number of window bits from 8 to 15 is taken for what it is") {
  for (int bits = 8; bits <= max_window_bits; ++bits) {
    CAPTURE(bits);
    const std::string value = std::to_string(bits);
    CHECK(agreed_on("permessage-deflate; client_max_window_bits=" + value).peer_window_bits == bits);
    if (bits < min_window_bits) continue;
    CHECK(agreed_on("permessage-deflate; server_max_window_bits=" + value).own_window_bits == bits);
    CHECK(judged("permessage-deflate; client_max_window_bits=" + value).own_window_bits == bits);
  }
}

TEST_CASE("a quoted value means what it means without quotes") {
  CHECK(answer_to("permessage-deflate; server_max_window_bits=\"10\"") ==
        "permessage-deflate; server_max_window_bits=10");
  CHECK(answer_to("permessage-deflate; client_max_window_bits=\"1\\2\"") ==
        "permessage-deflate; client_max_window_bits=12");
  CHECK(judged("permessage-deflate; server_max_window_bits=\"10\"").peer_window_bits == 10);
}

TEST_CASE("the first offer that can be met is answered, and no other") {
  CHECK(answer_to("permessage-deflate; server_max_window_bits=10, permessage-deflate") ==
        "permessage-deflate; server_max_window_bits=10");
  CHECK(answer_to("permessage-deflate, permessage-deflate; server_max_window_bits=10") == "permessage-deflate");
}

TEST_CASE("offers that are invalid or can't be met give way to the next") {
  CHECK(answer_to("permessage-deflate; x, permessage-deflate; server_max_window_bits, "
                  "permessage-deflate; server_max_window_bits=8, "
                  "permessage-deflate; client_no_context_takeover=1, "
                  "permessage-deflate; client_max_window_bits=16, "
                  "permessage-deflate; server_no_context_takeover") ==
        "permessage-deflate; server_no_context_takeover");
}

TEST_CASE("nothing of a declined offer is left in the agreement") {
  CHECK(agreed_on("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                  "server_max_window_bits=9; client_max_window_bits=9; x, permessage-deflate") ==
        DeflateAgreement{true, true, 15, 15});
}

TEST_CASE("offers of other extensions are skipped") {
  CHECK(answer_to("x-webkit-deflate-frame, permessage-bzip2; q=1, permessage-deflate; server_max_window_bits=9, "
                  "permessage-deflate-2") == "permessage-deflate; server_max_window_bits=9");
  CHECK(answer_to("Permessage-Deflate") == "declined");
}

TEST_CASE("odd names are neither extensions nor parameters") {
  CHECK(answer_to("__proto__, constructor, permessage-deflate; __proto__=1") == "declined");
  CHECK(answer_to("permessage-deflate; toString") == "declined");
}

TEST_CASE("10,000 offers are refused before any is looked at") {
  std::string line;
  for (int i = 0; i < 10'000; ++i) line += "permessage-deflate; server_max_window_bits=8, ";
  std::vector<Extension> offers;
  const auto parsed = parse_extensions(line, offers);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::too_large);
  CHECK(offers.size() == max_extensions);
  CHECK_FALSE(accept_deflate(defaults, offers));
}

// --- what is sent in the wild

TEST_CASE("what browsers and libraries offer, answered by default") {
  constexpr const char* plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  check_cases(
      {
          // Firefox.
          {"permessage-deflate", plain},
          // Chromium, npm `ws`, python3-websockets.
          {"permessage-deflate; client_max_window_bits", plain},
          // Safari before it took to the RFC; now it offers what Firefox does.
          {"x-webkit-deflate-frame", "declined"},
          // IXWebSocket.
          {"permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
           "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"},
          // gorilla/websocket.
          {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", plain},
          // Other algorithms before this one; then the examples of RFC 7692 section 7.1.3.
          {"permessage-foo, permessage-bar, permessage-deflate", plain},
          {"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
           "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
           {false, false, 10, 15}},
          {"permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
           "permessage-deflate; client_max_window_bits",
           "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
           {false, false, 10, 15}},
      },
      defaults);
}

TEST_CASE("what Autobahn's cases 12 and 13 offer, answered with takeover") {
  // Its offers always name client_no_context_takeover and client_max_window_bits: it means that it could.
  constexpr const char* base = "permessage-deflate; client_no_context_takeover";
  constexpr const char* reset = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  constexpr const char* common = "permessage-deflate; client_no_context_takeover; client_max_window_bits";
  const auto with = [](const char* front, const char* parameters) { return std::string(front) + parameters; };
  const std::string offers[] = {
      with(common, ""),                                                         // 12.*, 13.1
      with(common, "; server_no_context_takeover"),                             // 13.2
      with(common, "; server_max_window_bits=9"),                               // 13.3
      with(common, "; server_max_window_bits=15"),                              // 13.4
      with(common, "; server_no_context_takeover; server_max_window_bits=9"),   // 13.5
      with(common, "; server_no_context_takeover; server_max_window_bits=15"),  // 13.6
  };
  const std::string all_of_7 = offers[4] + ", " + offers[1] + ", " + offers[0];  // 13.7
  check_cases(
      {
          {offers[0].c_str(), base, {true, false, 15, 15}},
          {offers[1].c_str(), reset, {false, false, 15, 15}},
          {offers[2].c_str(), with(base, "; server_max_window_bits=9").c_str(), {true, false, 9, 15}},
          {offers[3].c_str(), with(base, "; server_max_window_bits=15").c_str(), {true, false, 15, 15}},
          {offers[4].c_str(), with(reset, "; server_max_window_bits=9").c_str(), {false, false, 9, 15}},
          {offers[5].c_str(), with(reset, "; server_max_window_bits=15").c_str(), {false, false, 15, 15}},
          {all_of_7.c_str(), with(reset, "; server_max_window_bits=9").c_str(), {false, false, 9, 15}},
      },
      takeover);
}

TEST_CASE("what older releases of Autobahn offer: 8 bits where it now has 9") {
  const std::string common = "permessage-deflate; client_no_context_takeover; client_max_window_bits";
  CHECK(answer_to(common + "; server_max_window_bits=8") == "declined");
  CHECK(answer_to(common + "; server_no_context_takeover; server_max_window_bits=8") == "declined");
  // 13.7, which has fallbacks.
  const std::string offers = common + "; server_no_context_takeover; server_max_window_bits=8, " + common +
                             "; server_no_context_takeover, " + common;
  CHECK(answer_to(offers) == "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
}

// --- a client's offer

TEST_CASE("by default a client asks for no takeover, and can be limited") {
  CHECK(offer_of(defaults) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits");
}

TEST_CASE("a client that permits takeover asks for nothing") {
  CHECK(offer_of(takeover) == "permessage-deflate; client_max_window_bits");
  CHECK(offer_of({.own_takeover = true}) == "permessage-deflate; server_no_context_takeover; client_max_window_bits");
  CHECK(offer_of({.peer_takeover = true}) == "permessage-deflate; client_no_context_takeover; client_max_window_bits");
}

TEST_CASE("a client's windows are in its offer") {
  CHECK(offer_of({.own_takeover = true, .peer_takeover = true, .own_window_bits = 12, .peer_window_bits = 10}) ==
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12");
}

// --- a client's judgement

TEST_CASE("a server that declines is no error") {
  const auto judged = judge_deflate(defaults, {});
  REQUIRE(judged);
  CHECK_FALSE(*judged);
  CHECK_FALSE(judge_deflate(defaults, parse("x; y=1")).value());
}

TEST_CASE("a plain answer permits takeover and whole windows") {
  CHECK(judged("permessage-deflate") == DeflateAgreement{true, true, 15, 15});
}

TEST_CASE("a server may give up takeover unasked") {
  CHECK(judged("permessage-deflate; server_no_context_takeover") == DeflateAgreement{true, false, 15, 15});
}

TEST_CASE("a server may forbid takeover") {
  CHECK(judged("permessage-deflate; client_no_context_takeover") == DeflateAgreement{false, true, 15, 15});
}

TEST_CASE("a server that was asked for no takeover must agree to it") {
  CHECK(breaks_protocol("permessage-deflate", defaults));
  CHECK(breaks_protocol("permessage-deflate; client_no_context_takeover", defaults));
  CHECK(fault_in("permessage-deflate", defaults).find("would not do without takeover") != std::string::npos);
}

TEST_CASE("a client that does not take over does not, whether or not the server repeats it") {
  CHECK(judged("permessage-deflate; server_no_context_takeover", defaults) == DeflateAgreement{false, false, 15, 15});
}

TEST_CASE("a server may make its window smaller unasked, even of 8 bits") {
  CHECK(judged("permessage-deflate; server_max_window_bits=12") == DeflateAgreement{true, true, 15, 12});
  CHECK(judged("permessage-deflate; server_max_window_bits=8") == DeflateAgreement{true, true, 15, 8});
}

TEST_CASE("a server's window is at most what was offered") {
  const DeflateOptions limited{.own_takeover = true, .peer_takeover = true, .peer_window_bits = 11};
  CHECK(judged("permessage-deflate; server_max_window_bits=11", limited).peer_window_bits == 11);
  CHECK(judged("permessage-deflate; server_max_window_bits=9", limited).peer_window_bits == 9);
  CHECK(breaks_protocol("permessage-deflate; server_max_window_bits=12", limited));
  CHECK(breaks_protocol("permessage-deflate", limited));
  CHECK(fault_in("permessage-deflate", limited).find("larger than was offered") != std::string::npos);
}

TEST_CASE("a server can limit the client's window") {
  CHECK(judged("permessage-deflate; client_max_window_bits=10") == DeflateAgreement{true, true, 10, 15});
  CHECK(judged("permessage-deflate; client_max_window_bits=15") == DeflateAgreement{true, true, 15, 15});
}

TEST_CASE("a client's own smaller window holds where the server would allow a larger one") {
  const DeflateOptions small{.own_takeover = true, .peer_takeover = true, .own_window_bits = 10};
  CHECK(judged("permessage-deflate", small).own_window_bits == 10);
  CHECK(judged("permessage-deflate; client_max_window_bits=12", small).own_window_bits == 10);
  CHECK(judged("permessage-deflate; client_max_window_bits=9", small).own_window_bits == 9);
}

TEST_CASE("an answer that limits the client to 8 bits is refused") {
  const auto agreed = judge_deflate(takeover, parse("permessage-deflate; client_max_window_bits=8"));
  REQUIRE_FALSE(agreed);
  CHECK(agreed.error().code == Errc::refused);
}

TEST_CASE("an answer with client_max_window_bits and no value breaks the protocol") {
  CHECK(breaks_protocol("permessage-deflate; client_max_window_bits"));
  CHECK(fault_in("permessage-deflate; client_max_window_bits").find("lack their value") != std::string::npos);
}

TEST_CASE("an invalid answer breaks the protocol") {
  for (const char* answer :
       {"permessage-deflate; x", "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=1", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16", "permessage-deflate; client_max_window_bits=010",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10"}) {
    CAPTURE(answer);
    CHECK(breaks_protocol(answer));
  }
}

TEST_CASE("two answers to one offer break the protocol, even if they are the same") {
  CHECK(breaks_protocol("permessage-deflate, permessage-deflate"));
  CHECK(breaks_protocol("permessage-deflate, x, permessage-deflate; server_max_window_bits=10"));
}

TEST_CASE("what servers answer to the default offer") {
  // uWebSockets; npm `ws`, as far as it confirms; python3-websockets 10.4.
  CHECK(judged("permessage-deflate; client_no_context_takeover; server_no_context_takeover", defaults) ==
        DeflateAgreement{false, false, 15, 15});
  CHECK(judged("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
               "server_max_window_bits=12; client_max_window_bits=12",
               defaults) == DeflateAgreement{false, false, 12, 12});
}

TEST_CASE("client and server agree on the same, whatever their options") {
  for (unsigned set = 0; set < 16; ++set) {
    for (int bits = 9; bits <= 15; ++bits) {
      CAPTURE(set);
      CAPTURE(bits);
      const DeflateOptions client{.own_takeover = (set & 1U) != 0,
                                  .peer_takeover = (set & 2U) != 0,
                                  .own_window_bits = bits,
                                  .peer_window_bits = 24 - bits};
      const DeflateOptions server{.own_takeover = (set & 4U) != 0,
                                  .peer_takeover = (set & 8U) != 0,
                                  .own_window_bits = bits,
                                  .peer_window_bits = 24 - bits};
      const Extension offer = offer_deflate(client);
      const auto accepted = accept_deflate(server, std::span(&offer, 1));
      REQUIRE(accepted);
      const auto agreed = judge_deflate(client, std::span(&accepted->answer, 1)).value();
      REQUIRE(agreed);
      CHECK(agreed->own_takeover == accepted->agreement.peer_takeover);
      CHECK(agreed->peer_takeover == accepted->agreement.own_takeover);
      CHECK(agreed->own_window_bits == accepted->agreement.peer_window_bits);
      // The server need not announce a smaller window than the client allows for.
      CHECK(agreed->peer_window_bits >= accepted->agreement.own_window_bits);
      CHECK(agreed->peer_window_bits <= client.peer_window_bits);
    }
  }
}
