#include <support/transcript.h>

// What a peer may send where permessage-deflate (RFC 7692) was agreed, and what must come of it.

using namespace tidewire;
using namespace tidewire::testing;

namespace {

constexpr DeflateAgreement without_takeover = {};
constexpr DeflateAgreement with_takeover = {.own_takeover = true, .peer_takeover = true};

std::string hex_of(std::size_t number, int bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (int shift = bytes * 8 - 4; shift >= 0; shift -= 4) hex += digits[number >> shift & 15];
  return hex;
}

// A frame from a client, as its first byte and its payload say.
std::string sent(const std::string& first, const std::string& payload) {
  const std::size_t size = from_hex(payload).size();
  return first + (size < 126 ? hex_of(0x80 | size, 1) : "fe" + hex_of(size, 2)) + zeros + payload;
}

void play_deflated(std::vector<Transcript> transcripts, const DeflateAgreement& agreed = without_takeover) {
  for (Transcript& transcript : transcripts) {
    transcript.deflate = agreed;
    play(transcript);
  }
}

const std::string hello = "f248cdc9c90700";
const std::string flush = "000000ffff";  // An empty stored block.
const std::string close_1000 = sent("88", "03e8");

}  // namespace

TEST_CASE("the examples of RFC 7692 section 7.2.3, to a server") {
  play_deflated({
      {"one block (7.2.3.1)", server, sent("c1", hello), {"text \"Hello\""}},
      {"masked", server, "c187 37fa213d c5b2ecf4fefd21", {"text \"Hello\""}},
      {"in two frames (7.2.3.1)", server, sent("41", "f248cd") + sent("80", "c9c90700"), {"text \"Hello\""}},
      {"no compression (7.2.3.3)", server, sent("c1", "000500faff48656c6c6f00"), {"text \"Hello\""}},
      {"BFINAL (7.2.3.4)", server, sent("c1", "f348cdc9c9070000"), {"text \"Hello\""}},
      {"two blocks (7.2.3.5)", server, sent("c1", "f248050000 00ffff cac9c90700"), {"text \"Hello\""}},
      {"empty (7.2.3.6)", server, sent("c1", "00"), {"text \"\""}},
  });
  play_deflated({{"with takeover (7.2.3.2)",
                  server,
                  sent("c1", hello) + sent("c1", "f200110000"),
                  {"text \"Hello\"", "text \"Hello\""}}},
                with_takeover);
}

TEST_CASE("the examples of RFC 7692 section 7.2.3, to a client") {
  play_deflated({
      {"one block (7.2.3.1)", client, "c107 f248cdc9c90700", {"text \"Hello\""}},
      {"in two frames (7.2.3.1)", client, "4103 f248cd 8004 c9c90700", {"text \"Hello\""}},
      {"no compression (7.2.3.3)", client, "c10b 000500faff48656c6c6f00", {"text \"Hello\""}},
      {"BFINAL (7.2.3.4)", client, "c108 f348cdc9c9070000", {"text \"Hello\""}},
      {"two blocks (7.2.3.5)", client, "c10d f24805000000ffffcac9c90700", {"text \"Hello\""}},
      {"empty (7.2.3.6)", client, "c101 00", {"text \"\""}},
      {"what is corrupt", client, "c101 06", {"violation 1007"}},
  });
  play_deflated({{"with takeover (7.2.3.2)",
                  client,
                  "c107 f248cdc9c90700 c105 f200110000",
                  {"text \"Hello\"", "text \"Hello\""}}},
                with_takeover);
}

TEST_CASE("messages that are not compressed stay as they are, and may stand between those that are") {
  const std::string fragments = sent("01", "61") + sent("80", "62");
  for (const DeflateAgreement& agreed : {without_takeover, with_takeover}) {
    play_deflated({{"a conversation",
                    server,
                    text_ok + sent("c1", hello) + fragments + ping_x + sent("c2", hello) + text_ok + close_1000,
                    {"text \"ok\"", "text \"Hello\"", "text \"ab\"", "ping \"x\"", "binary \"Hello\"", "text \"ok\"",
                     "close 1000 \"\""}}},
                  agreed);
  }
}

TEST_CASE("RSV1 without an agreement is a violation, whatever it stands before") {
  play_all({
      {"a message", server, text_ok + sent("c1", hello), {"text \"ok\"", "violation 1002"}},
      {"a fragment", server, sent("41", "f248cd") + sent("80", "c9c90700"), {"violation 1002"}},
      {"to a client", client, "c107 f248cdc9c90700", {"violation 1002"}},
  });
}

TEST_CASE("RSV1 on other than the first frame of a message, and the other bits, are violations") {
  for (const char* first : {"c8", "c9", "ca", "c0", "40", "e1", "d1", "f1", "a1", "91", "a9", "c3", "cb", "43"}) {
    play_deflated({{first, server, text_ok + sent(first, "") + text_ok, {"text \"ok\"", "violation 1002"}}});
  }
  play_deflated({
      {"continuing a compressed message", server, sent("41", "f248cd") + sent("c0", "c9c90700"), {"violation 1002"}},
      {"continuing it, not the last", server, sent("41", "f248cd") + sent("40", "c9c9"), {"violation 1002"}},
      {"continuing an uncompressed one", server, sent("01", "61") + sent("c0", "f248cdc9c90700"), {"violation 1002"}},
      {"a ping between fragments", server, sent("41", "f248cd") + sent("c9", ""), {"violation 1002"}},
      {"a message inside a fragmented one", server, sent("41", "f248cd") + sent("c1", hello), {"violation 1002"}},
      {"RSV2 on a continuation", server, sent("41", "f248cd") + sent("a0", "c9c90700"), {"violation 1002"}},
  });
}

TEST_CASE("control frames between compressed fragments are delivered, and are neither compressed nor part of them") {
  const std::string bytewise = sent("41", "f2") + ping_x + sent("00", "48") + sent("8a", "79") + sent("00", "cd") +
                               sent("00", "") + ping_x + sent("00", "c9c9") + sent("89", hello) + sent("80", "0700");
  play_deflated({
      {"a ping", server, sent("41", "f248cd") + ping_x + sent("80", "c9c90700"), {"ping \"x\"", "text \"Hello\""}},
      {"many",
       server,
       bytewise,
       {"ping \"x\"", "pong \"y\"", "ping \"x\"", std::string("ping \"\xF2\x48\xCD\xC9\xC9\x07\x00\"", 14),
        "text \"Hello\""}},
      {"a Close ends it all", server, sent("41", "f248cd") + close_1000 + sent("80", "c9c90700"), {"close 1000 \"\""}},
  });
}

TEST_CASE("compressed messages and fragments that are empty") {
  play_deflated({
      {"no byte, which the RFC has nobody send", server, sent("c1", ""), {"text \"\""}},
      {"no byte in fragments", server, sent("41", "") + sent("00", "") + sent("80", ""), {"text \"\""}},
      {"the byte 00 behind an empty fragment", server, sent("42", "") + sent("80", "00"), {"binary \"\""}},
      {"an empty fragment first", server, sent("41", "") + sent("80", hello), {"text \"Hello\""}},
      {"an empty fragment last", server, sent("41", hello) + sent("80", ""), {"text \"Hello\""}},
      {"a flush between", server, sent("41", flush) + sent("00", flush) + sent("80", hello), {"text \"Hello\""}},
      {"flushed fragments, and an empty end",
       server,
       sent("41", hello + "0000ffff") + sent("00", hello + "0000ffff") + sent("80", "00"),
       {"text \"HelloHello\""}},
      {"empty ones in a row",
       server,
       sent("c1", "00") + sent("c1", "00") + text_ok,
       {"text \"\"", "text \"\"", "text \"ok\""}},
  });
}

TEST_CASE("final blocks: several, at the end without the 00 behind them, and over fragments") {
  play_deflated({
      {"at the end", server, sent("c1", "f348cdc9c90700"), {"text \"Hello\""}},
      {"two of them", server, sent("c1", "f348cdc9c90700 f348cdc9c90700 00"), {"text \"HelloHello\""}},
      {"then another block", server, sent("c1", "f348cdc9c90700" + hello), {"text \"HelloHello\""}},
      {"one a fragment",
       server,
       sent("41", "f348cdc9c90700") + sent("80", "f348cdc9c9070000"),
       {"text \"HelloHello\""}},
      {"the next message begins anew",
       server,
       sent("c1", "f348cdc9c9070000") + sent("c1", hello),
       {"text \"Hello\"", "text \"Hello\""}},
  });
  play_deflated({{"what follows refers to it",
                  server,
                  sent("c1", "f348cdc9c9070000") + sent("c1", "f200110000"),
                  {"text \"Hello\"", "text \"Hello\""}}},
                with_takeover);
}

TEST_CASE("what is no DEFLATE is a violation, 1007, and ends it all") {
  for (const DeflateAgreement& agreed : {without_takeover, with_takeover}) {
    play_deflated(
        {{"a block of type 3", server, text_ok + sent("c2", "06") + text_ok, {"text \"ok\"", "violation 1007"}},
         {"a stored block whose sizes differ", server, sent("c2", "000500fafe48"), {"violation 1007"}},
         {"a reference to before the beginning", server, sent("c2", "f200110000"), {"violation 1007"}},
         {"too many codes", server, sent("c2", "ecffffffffffffffffffffff"), {"violation 1007"}},
         {"behind what is good", server, sent("c2", hello + "0000ffff06"), {"violation 1007"}},
         {"in a later fragment", server, sent("42", hello + "0000ffff") + sent("80", "06"), {"violation 1007"}},
         {"behind a final block", server, sent("c2", "f348cdc9c9070007"), {"violation 1007"}},
         {"a frame that isn't complete", server, "c28a" + zeros + "06", {"violation 1007"}},
         {"plain text under RSV1", server, sent("c1", "48656c6c6f"), {"violation 1007"}}},
        agreed);
  }
}

TEST_CASE("a message that ends within a block is a violation, 1007, and so is a tail that was left where it was") {
  play_deflated({
      {"within a code", server, sent("c2", "f248cdc9") + text_ok, {"violation 1007"}},
      {"within a stored block", server, sent("c2", "000500faff4865"), {"violation 1007"}},
      {"where the tail would fill a stored block", server, sent("c2", "000500faff48"), {"violation 1007"}},
      {"over fragments", server, sent("42", "f248cd") + sent("80", ""), {"violation 1007"}},
      {"the tail is there", server, sent("c2", hello + "0000ffff"), {"violation 1007"}},
  });
}

TEST_CASE("text that is not UTF-8 once inflated is a violation, 1007, as soon as it shows") {
  const std::string a_ff_b = "4afc9f0400";
  const std::string half = "4a3c0c00";
  play_deflated({
      {"a bad byte", server, sent("c1", a_ff_b) + text_ok, {"violation 1007"}},
      {"the same as binary",
       server,
       sent("c2", a_ff_b),
       {"binary \"a\xFF"
        "b\""}},
      {"half a character at the end", server, sent("c1", half) + text_ok, {"violation 1007"}},
      {"the same as binary, and text behind it",
       server,
       sent("c2", half) + text_ok,
       {"binary \"a\xC3\"", "text \"ok\""}},
      {"two bytes of a character in one fragment, two in the next",
       server,
       sent("41", "4afc301f000000ffff") + ping_x + sent("80", "9ad1900400"),
       {"ping \"x\"",
        "text \"a\xF0\x9F\x98\x80"
        "b\""}},
      {"in a message that isn't complete", server, sent("41", "4afc9f04000000ffff"), {"violation 1007"}},
      {"state doesn't leak into the next message",
       server,
       sent("c1", "3abc1200") + sent("c1", "3abc1200"),
       {"text \"\xC3\xA9\"", "text \"\xC3\xA9\""}},
  });
}

TEST_CASE("the limit is on what a message inflates to") {
  const std::string thousand = "4a4c1c05a360140c770000";
  const std::string one_more = "4a4c1c05a360140c7b0000";
  const std::string ten_thousand = "ecc1010d000000c2a0acef5fc21c6e40010000000000000000c0bf01";
  const Limits limits{.max_message_bytes = 1000};
  play_deflated({
      {"the limit", server, sent("c1", thousand), {"text 1000 aa"}, limits},
      {"one byte more", server, sent("c1", one_more) + text_ok, {"refusal 1009"}, limits},
      {"ten times as much", server, sent("c1", ten_thousand) + text_ok, {"refusal 1009"}, limits},
      {"the limit in two fragments, an empty one last",
       server,
       sent("41", thousand + "0000ffff") + sent("80", "00"),
       {"text 1000 aa"},
       limits},
      {"over it in the second fragment",
       server,
       sent("42", thousand + "0000ffff") + sent("80", hello),
       {"refusal 1009"},
       limits},
      {"messages are counted one by one",
       server,
       repeated(sent("c2", thousand), 3),
       {"binary 1000 aa", "binary 1000 aa", "binary 1000 aa"},
       limits},
      {"one byte, where none but an empty message is small enough",
       server,
       sent("c1", "00") + sent("c1", "4a0400"),
       {"text \"\"", "refusal 1009"},
       {.max_message_bytes = 0}},
  });
  play_deflated({{"with takeover",
                  server,
                  repeated(sent("c2", thousand), 2) + sent("c2", one_more),
                  {"binary 1000 aa", "binary 1000 aa", "refusal 1009"},
                  limits}},
                with_takeover);
}

// Not so of data that is no DEFLATE, which may be found before the text in front of it is looked at.
TEST_CASE("of two things that are wrong with a text, the first counts, however it arrives") {
  const Limits limits{.max_message_bytes = 10};
  play_deflated({
      {"a bad byte below the limit", server, sent("c1", "4a4c8482ff89580000"), {"violation 1007"}, limits},
      {"a bad byte behind the limit", server, sent("c1", "4a4c8483ff0000"), {"refusal 1009"}, limits},
      {"a bad byte, then corrupt", server, sent("c1", "4afc9f04000000ffff06"), {"violation 1007"}, limits},
  });
}

TEST_CASE("on the wire a compressed message may take twice its limit and 1024 bytes") {
  const Limits two{.max_message_bytes = 2};
  play_deflated({
      {"as much as that", server, sent("c1", repeated(flush, 205) + "4a0400"), {"text \"a\""}, two},
      {"a byte more", server, "c1fe0405" + zeros + flush, {"refusal 1009"}, two},
      {"as much in fragments",
       server,
       sent("41", repeated(flush, 200)) + ping_x + sent("00", repeated(flush, 5)) + sent("80", "4a0400"),
       {"ping \"x\"", "text \"a\""},
       two},
      {"a byte more in fragments",
       server,
       sent("41", repeated(flush, 200)) + sent("00", repeated(flush, 5)) + "8084" + zeros + "4a04",
       {"refusal 1009"},
       two},
      {"what isn't compressed may not", server, "8183" + zeros + "616161", {"refusal 1009"}, two},
      {"lengths whose sum would overflow",
       server,
       sent("41", flush) + "80ff7fffffffffffffff" + zeros,
       {"refusal 1009"},
       two},
      {"a limit that can't be doubled",
       server,
       sent("c1", hello),
       {"text \"Hello\""},
       {.max_message_bytes = std::size_t{0} - 1}},
  });
}

TEST_CASE("compressed fragments are counted as others are") {
  const Limits three{.max_fragments = 3};
  play_deflated({
      {"as many as allowed",
       server,
       sent("41", "f248") + sent("00", "cdc9") + sent("80", "c90700"),
       {"text \"Hello\""},
       three},
      {"one too many", server, sent("41", "") + repeated(sent("00", ""), 3), {"refusal 1008"}, three},
  });
}

TEST_CASE("with takeover messages refer to those before them, whatever stands between") {
  const std::string first = sent("c1", "2ac9485528c94c0112a54579c50000");
  const std::string second = sent("c1", "2a41e10100");
  const std::string third = sent("c1", "42e50100");
  const std::string text = "text \"the tide turns\"";
  play_deflated({{"three in a row", server, first + second + third, {text, text, text}},
                 {"others between",
                  server,
                  first + text_ok + ping_x + sent("c1", "00") + sent("c2", "") + second + sent("01", "61") +
                      sent("80", "62") + third,
                  {text, "text \"ok\"", "ping \"x\"", "text \"\"", "binary \"\"", text, "text \"ab\"", text}},
                 {"in fragments",
                  server,
                  sent("41", "2ac9485528c9") + ping_x + sent("80", "4c0112a54579c50000") + sent("41", "2a") +
                      sent("80", "41e10100") + third,
                  {"ping \"x\"", text, text, text}}},
                with_takeover);
  play_deflated({{"which none does without it", server, first + second, {text, "violation 1007"}}});
}

TEST_CASE("with takeover no reference reaches beyond the window that was agreed") {
  constexpr DeflateAgreement smallest = {.peer_takeover = true, .peer_window_bits = 8};
  // A stored block of 256 bytes, and blocks of one reference for 5 bytes each.
  const std::string block = "000001fffe48656c6c6f" + repeated("61", 251) + "00";
  const std::string from_256_before = "02fb1f00";
  const std::string from_257_before = "02070000";
  play_deflated({{"256 bytes",
                  server,
                  sent("c2", block) + sent("c2", from_256_before) + sent("c2", from_256_before),
                  {"binary 256 Ha", "binary \"Hello\"", "binary \"aaaaa\""}},
                 {"257 bytes",
                  server,
                  sent("c2", block) + sent("c2", from_256_before) + sent("c2", from_257_before),
                  {"binary 256 Ha", "binary \"Hello\"", "violation 1007"}}},
                smallest);
}

TEST_CASE("after our own Close compressed messages are dropped, unlooked at, until the peer's") {
  const auto after_close = [](const char* title, const std::string& input, std::vector<std::string> events) {
    for (const DeflateAgreement& agreed : {without_takeover, with_takeover}) {
      play_deflated({{title, server, input, events, {.max_message_bytes = 10}, true}}, agreed);
    }
  };
  after_close("a message", sent("c1", hello) + close_1000, {"close 1000 \"\""});
  after_close("fragments around a ping", sent("41", "f248cd") + ping_x + sent("80", "c9c90700") + ping_x + close_1000,
              {"ping \"x\"", "ping \"x\"", "close 1000 \"\""});
  after_close("what is no DEFLATE", sent("c1", "06") + close_1000, {"close 1000 \"\""});
  after_close("more than the limit", sent("c1", "4a4c1c05a360140c770000") + close_1000, {"close 1000 \"\""});
  after_close("RSV1 on a continuation", sent("41", "f248cd") + sent("c0", "c9c90700") + close_1000, {"violation 1002"});
  after_close("RSV1 on a ping", sent("c9", "") + close_1000, {"violation 1002"});
}
