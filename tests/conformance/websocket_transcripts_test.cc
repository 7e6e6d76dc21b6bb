#include <support/transcript.h>

// What a peer may send, and what must come of it, without extensions.

using namespace tidewire;
using namespace tidewire::testing;

TEST_CASE("the examples of RFC 6455 section 5.7") {
  play_all({
      {"a single-frame unmasked text message", client, "8105 48656c6c6f", {"text \"Hello\""}},
      {"a single-frame masked text message", server, "8185 37fa213d 7f9f4d5158", {"text \"Hello\""}},
      {"a fragmented unmasked text message", client, "0103 48656c 8002 6c6f", {"text \"Hello\""}},
      {"unmasked ping", client, "8905 48656c6c6f", {"ping \"Hello\""}},
      {"masked pong", server, "8a85 37fa213d 7f9f4d5158", {"pong \"Hello\""}},
      {"256 bytes of binary", client, "827e0100" + repeated("78", 256), {"binary 256 xx"}},
      {"64 KiB of binary", client, "827f0000000000010000" + repeated("79", 65536), {"binary 65536 yy"}},
  });
}

TEST_CASE("lengths at the edges of their forms") {
  play_all({
      {"no byte", server, "8280" + zeros, {"binary \"\""}},
      {"32 bytes", server, "82a0" + zeros + repeated("61", 32), {"binary \"" + std::string(32, 'a') + "\""}},
      {"33 bytes", server, "82a1" + zeros + repeated("61", 33), {"binary \"" + std::string(33, 'a') + "\""}},
      {"125 bytes", server, "82fd" + zeros + repeated("61", 124) + "62", {"binary 125 ab"}},
      {"126 bytes", server, "82fe007e" + zeros + repeated("61", 125) + "62", {"binary 126 ab"}},
      {"65,535 bytes", server, "82feffff" + zeros + repeated("61", 65534) + "62", {"binary 65535 ab"}},
      {"65,536 bytes", server, "82ff0000000000010000" + zeros + repeated("61", 65535) + "62", {"binary 65536 ab"}},
  });
}

TEST_CASE("a 64-bit length with the top bit set is a violation, whatever it adds up to") {
  play_all({
      {"only the top bit", server, "82ff8000000000000000" + zeros, {"violation 1002"}},
      {"all bits", server, "82ffffffffffffffffff" + zeros, {"violation 1002"}},
      {"the largest that is legal", server, "82ff7fffffffffffffff" + zeros, {"refusal 1009"}},
      {"a sum with the header that overflows", server, "82fffffffffffffffff8" + zeros, {"violation 1002"}},
      {"a sum with the fragments before it that would overflow",
       server,
       "0281" + zeros + "61" + "80ff7fffffffffffffff" + zeros,
       {"refusal 1009"}},
  });
}

TEST_CASE("a frame with the wrong masking is a violation, and never delivered") {
  play_all({
      {"unmasked to a server", server, text_ok + "81056162636465", {"text \"ok\"", "violation 1002"}},
      {"unmasked and empty to a server", server, "8100", {"violation 1002"}},
      {"unmasked ping to a server", server, "8900", {"violation 1002"}},
      {"unmasked close to a server", server, "8800", {"violation 1002"}},
      {"masked to a client", client, "8185 37fa213d 7f9f4d5158", {"violation 1002"}},
      {"masked ping to a client", client, "8980" + zeros, {"violation 1002"}},
      {"masked amid a fragmented message to a client", client, "010161 8081" + zeros + "62", {"violation 1002"}},
  });
}

TEST_CASE("RSV bits and reserved opcodes are violations") {
  for (const char* first : {"c1", "a1", "91", "f1", "c2", "c9", "a9", "99", "ca", "c8", "98", "83",
                            "84", "85", "86", "87", "8b", "8c", "8d", "8e", "8f", "03", "0b"}) {
    play({first, server, text_ok + first + "80" + zeros + text_ok, {"text \"ok\"", "violation 1002"}});
  }
  play_all({
      {"RSV1 on a continuation", server, "0181" + zeros + "61 c081" + zeros + "62", {"violation 1002"}},
      {"RSV2 on a continuation", server, "0181" + zeros + "61 a081" + zeros + "62", {"violation 1002"}},
      {"a reserved opcode between fragments", server, "0181" + zeros + "61 8380" + zeros, {"violation 1002"}},
  });
}

TEST_CASE("lengths that aren't in their shortest form are violations") {
  play_all({
      {"125 in 16 bits", server, "82fe007d" + zeros + repeated("61", 125), {"violation 1002"}},
      {"0 in 16 bits", server, "82fe0000" + zeros, {"violation 1002"}},
      {"65,535 in 64 bits", server, "82ff000000000000ffff" + zeros, {"violation 1002"}},
      {"5 in 64 bits", server, "82ff0000000000000005" + zeros + "6162636465", {"violation 1002"}},
  });
}

TEST_CASE("control frames that are long or fragmented are violations") {
  play_all({
      {"a ping of 125 bytes is legal", server, "89fd" + zeros + repeated("70", 125), {"ping 125 pp"}},
      {"a ping of 126 bytes", server, "89fe007e" + zeros + repeated("70", 126), {"violation 1002"}},
      {"a pong of 64 bits", server, "8aff0000000000010000" + zeros, {"violation 1002"}},
      {"a close of 126 bytes", server, "88fe007e" + zeros + "03e8" + repeated("70", 124), {"violation 1002"}},
      {"a fragmented ping", server, "0980" + zeros + "8080" + zeros, {"violation 1002"}},
      {"a fragmented close", server, "0880" + zeros + "8080" + zeros, {"violation 1002"}},
  });
}

TEST_CASE("control frames between fragments are delivered and don't join the message") {
  play_all({
      {"a ping between fragments",
       server,
       "0182" + zeros + "4865" + ping_x + "8083" + zeros + "6c6c6f",
       {"ping \"x\"", "text \"Hello\""}},
      {"two pings and a pong, one of them empty",
       server,
       "0281" + zeros + "61" + ping_x + "8980" + zeros + "0081" + zeros + "62" + "8a81" + zeros + "79" + "8081" +
           zeros + "63",
       {"ping \"x\"", "ping \"\"", "pong \"y\"", "binary \"abc\""}},
      {"a ping inside a character cut in two",
       server,
       "0181" + zeros + "c3" + ping_x + "8081" + zeros + "a9",
       {"ping \"x\"", "text \"\xC3\xA9\""}},
      {"a Close between fragments ends it all",
       server,
       "0181" + zeros + "61 8882" + zeros + "03e8 8081" + zeros + "62",
       {"close 1000 \"\""}},
  });
}

TEST_CASE("fragments out of order are violations") {
  play_all({
      {"a continuation of nothing", server, "8081" + zeros + "61" + text_ok, {"violation 1002"}},
      {"a continuation of nothing, not the last", server, "0081" + zeros + "61" + text_ok, {"violation 1002"}},
      {"a continuation behind a whole message", server, text_ok + "8080" + zeros, {"text \"ok\"", "violation 1002"}},
      {"a message inside a fragmented one", server, "0181" + zeros + "61" + text_ok, {"violation 1002"}},
      {"a fragment begins inside a fragmented message",
       server,
       "0281" + zeros + "61 0281" + zeros + "62",
       {"violation 1002"}},
  });
}

TEST_CASE("empty and tiny fragments cost nothing, up to their limit") {
  const std::string empty = "0080" + zeros;
  play_all({
      {"a message of empty fragments", server, "0180" + zeros + repeated(empty, 50) + "8080" + zeros, {"text \"\""}},
      {"data behind empty fragments",
       server,
       "0180" + zeros + repeated(empty, 50) + "8081" + zeros + "61",
       {"text \"a\""}},
      {"as many fragments as allowed",
       server,
       "0280" + zeros + repeated(empty, 8) + "8080" + zeros,
       {"binary \"\""},
       {.max_fragments = 10}},
      {"one fragment too many",
       server,
       "0280" + zeros + repeated(empty, 9) + "8080" + zeros + text_ok,
       {"refusal 1008"},
       {.max_fragments = 10}},
      {"the count begins anew with each message",
       server,
       repeated("0280" + zeros + empty + "8080" + zeros, 3),
       {"binary \"\"", "binary \"\"", "binary \"\""},
       {.max_fragments = 3}},
  });
}

TEST_CASE("the limit is on the whole message") {
  const Limits ten{.max_message_bytes = 10};
  play_all({
      {"a frame of the limit", server, "828a" + zeros + repeated("61", 10), {"binary \"aaaaaaaaaa\""}, ten},
      {"a frame over the limit", server, "828b" + zeros + repeated("61", 11) + text_ok, {"refusal 1009"}, ten},
      {"fragments of the limit",
       server,
       "0285" + zeros + repeated("61", 5) + "8085" + zeros + repeated("61", 5),
       {"binary \"aaaaaaaaaa\""},
       ten},
      {"fragments over the limit",
       server,
       "0285" + zeros + repeated("61", 5) + "8086" + zeros + repeated("61", 6),
       {"refusal 1009"},
       ten},
      {"control frames don't count",
       server,
       "0289" + zeros + repeated("61", 9) + "898a" + zeros + repeated("70", 10) + "8081" + zeros + "61",
       {"ping \"pppppppppp\"", "binary \"aaaaaaaaaa\""},
       ten},
      {"messages are counted one by one",
       server,
       repeated("8289" + zeros + repeated("61", 9), 2),
       {"binary \"aaaaaaaaa\"", "binary \"aaaaaaaaa\""},
       ten},
  });
}

TEST_CASE("text that isn't UTF-8 is a violation, 1007, as soon as it shows") {
  play_all({
      {"a bad byte", server, "8183" + zeros + "61ff62" + text_ok, {"violation 1007"}},
      {"a surrogate", server, "8183" + zeros + "eda080", {"violation 1007"}},
      {"beyond U+10FFFF", server, "8184" + zeros + "f4908080", {"violation 1007"}},
      {"overlong", server, "8182" + zeros + "c080", {"violation 1007"}},
      {"a message that stops inside a character", server, "8182" + zeros + "61c3" + text_ok, {"violation 1007"}},
      {"a fragmented message that stops inside a character",
       server,
       "0181" + zeros + "61 8081" + zeros + "c3",
       {"violation 1007"}},
      {"an empty last frame behind half a character", server, "0181" + zeros + "c3 8080" + zeros, {"violation 1007"}},
      {"a character over two frames", server, "0182" + zeros + "61c3 8081" + zeros + "a9", {"text \"a\xC3\xA9\""}},
      {"a character over four frames, an empty one between",
       server,
       "0181" + zeros + "f0 0081" + zeros + "9f 0080" + zeros + "0081" + zeros + "98 8081" + zeros + "80",
       {"text \"\xF0\x9F\x98\x80\""}},
      {"a bad byte in a frame that isn't complete", server, "8189" + zeros + "61ff", {"violation 1007"}},
      {"a bad second byte in a frame that isn't complete", server, "8189" + zeros + "f490", {"violation 1007"}},
      {"a bad byte in a message that isn't complete", server, "0182" + zeros + "61ff", {"violation 1007"}},
      {"a bad byte in a long text", server, "81fe0190" + zeros + repeated("61", 399) + "ff", {"violation 1007"}},
      {"the same bytes as binary", server, "8283" + zeros + "ff00c3", {std::string("binary \"\xFF\0\xC3\"", 12)}},
      {"state doesn't leak from one message into the next",
       server,
       "8182" + zeros + "c3a9 8182" + zeros + "c3a9",
       {"text \"\xC3\xA9\"", "text \"\xC3\xA9\""}},
  });
}

TEST_CASE("Close frames") {
  play_all({
      {"empty", server, "8880" + zeros, {"close 1005 \"\""}},
      {"one byte, with what would make it a good code behind it", server, "8881" + zeros + "03 e8", {"violation 1002"}},
      {"a code", server, "8882" + zeros + "03e8", {"close 1000 \"\""}},
      {"a code and a reason", server, "8885" + zeros + "0fa1 627965", {"close 4001 \"bye\""}},
      {"a reason that isn't UTF-8", server, "8884" + zeros + "03e8 c3ff", {"violation 1007"}},
      {"a reason that stops inside a character", server, "8883" + zeros + "03e8 c3", {"violation 1007"}},
      {"the longest reason", server, "88fd" + zeros + "03e8" + repeated("61", 123), {"close 1000 123 aa"}},
      {"to a client", client, "8802 03e9", {"close 1001 \"\""}},
  });
}

TEST_CASE("codes of a Close that may not be sent are violations, and all others reach the application") {
  const auto play_code = [](unsigned code) {
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const int shift : {12, 8, 4, 0}) hex += digits[code >> shift & 15];
    const std::string number = std::to_string(code);
    const bool good = may_appear_on_wire(static_cast<CloseCode>(code));
    play({number.c_str(),
          server,
          "8882" + zeros + hex + text_ok,
          {good ? "close " + number + " \"\"" : std::string("violation 1002")}});
    return good;
  };
  for (const unsigned code : {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U}) {
    CHECK_FALSE(play_code(code));
  }
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U, 1014U, 3000U,
                              3999U, 4000U, 4999U}) {
    CHECK(play_code(code));
  }
}

TEST_CASE("nothing behind a Close or a violation is delivered") {
  const std::string close = "8882" + zeros + "03e8";
  play_all({
      {"a message behind a Close", server, close + text_ok, {"close 1000 \"\""}},
      {"a ping behind a Close", server, close + ping_x, {"close 1000 \"\""}},
      {"a second Close", server, close + close, {"close 1000 \"\""}},
      {"a violation behind a Close", server, close + "ffff", {"close 1000 \"\""}},
      {"half a header behind a Close", server, close + "81", {"close 1000 \"\""}},
      {"anything behind a violation", server, "83" + text_ok + close + ping_x, {"violation 1002"}},
      {"all is delivered that came before a violation",
       server,
       text_ok + ping_x + "83" + text_ok,
       {"text \"ok\"", "ping \"x\"", "violation 1002"}},
  });
}

TEST_CASE("after our own Close messages are dropped until the peer's Close") {
  const std::string close = "8882" + zeros + "03e8";
  play_all({
      {"a message and the Close", server, text_ok + close, {"close 1000 \"\""}, {}, true},
      {"control frames are delivered",
       server,
       ping_x + text_ok + ping_x + close,
       {"ping \"x\"", "ping \"x\"", "close 1000 \"\""},
       {},
       true},
      {"fragments around a ping",
       server,
       "0181" + zeros + "61" + ping_x + "8081" + zeros + "62" + close,
       {"ping \"x\"", "close 1000 \"\""},
       {},
       true},
      {"a message of any size",
       server,
       "828b" + zeros + repeated("61", 11) + close,
       {"close 1000 \"\""},
       {.max_message_bytes = 10},
       true},
      {"a frame that breaks the rules", server, text_ok + "83" + close, {"violation 1002"}, {}, true},
      {"a continuation of nothing", server, "8080" + zeros + close, {"violation 1002"}, {}, true},
      {"a peer that never answers", server, repeated(text_ok, 20), {}, {}, true},
  });
}

TEST_CASE("many messages in a row, of each kind, keep their order") {
  play({"a conversation",
        server,
        repeated(text_ok + "8184 01020304 6060603f" + ping_x + "0181" + zeros + "61 8081" + zeros + "62", 3) + "8880" +
            zeros,
        {"text \"ok\"", "text \"abc;\"", "ping \"x\"", "text \"ab\"", "text \"ok\"", "text \"abc;\"", "ping \"x\"",
         "text \"ab\"", "text \"ok\"", "text \"abc;\"", "ping \"x\"", "text \"ab\"", "close 1005 \"\""}});
}
