#pragma once

#include <chat/room.h>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The protocol between the page and the server: one JSON object in each text message.
///
/// A client opens `ws://HOST/rooms/ROOM` and joins with its first message. From then on it gets all that is said in
/// the room, its own messages included, in one order for all.
///
///     client                                               server
///     {"type":"join","name":"Ana","key":"..."}             {"type":"welcome", ...} or an error
///     {"type":"say","text":"Hello","ref":"a1"}             {"type":"message", ...} to all, or an error
///
/// From the client. Members that are not named here are ignored.
/// - `join`: `name` is wanted. `key`, which may be left out, is that of an earlier welcome; if the name is still held
///   by that earlier connection, the new one takes its place without anybody having left or joined, and the earlier
///   one is closed with 4000.
/// - `say`: `text`; `ref`, which may be left out, is 1 to 32 of A-Z a-z 0-9 - _ and comes back with the message, so
/// that
///   the client knows what has arrived.
///
/// From the server. Ids are numbers below 2^53, times are milliseconds since 1970.
/// - `welcome`: `room`; `you` {id, name}; `key`; `people` [{id, name}...], you included; `history` [message...], the
///   last 50, the oldest first; `limits` {name, text}: characters in a name, bytes in a text.
/// - `message`: `id`, `from`, `name`, `text`, `time`, and `ref` if it was given.
/// - `joined`: `id`, `name`, `time`. `left`: the same, and `why`: "left", "lost" (the connection) or "slow".
/// - `error`: `code`, `text` to be read by people, `ref` of the message refused, if it had one. Codes: `bad_name`,
///   `name_taken`, `room_full`, `too_many_rooms`; `empty`, `too_long`, and `slow_down` with `retry_ms`.
///
/// What people can bring about with a correct client is answered with an error, and the connection goes on. What only
/// a wrong client does closes it: a binary message with 1003; text that is no message as above, one out of turn, or
/// fifty refusals in a row with 1008; more than 8 KiB with 1009. Who reads too slowly is closed with 1008 "too slow",
/// who joins too late with 1008 "no join", and when the server ends, all are with 1001.
namespace chat {

struct Join {
  std::string name;
  std::string key;
};

struct Say {
  std::string text;
  std::string reference;
};

using Request = std::variant<Join, Say>;

/// Reads a message of a client's; nothing if it is none.
[[nodiscard]] std::optional<Request> parse(std::string_view text);

[[nodiscard]] std::string welcome(const Room& room, const Member& you, const Limits& limits);
[[nodiscard]] std::string message(const Line& line);
[[nodiscard]] std::string joined(const Member& who, std::int64_t time_ms);
[[nodiscard]] std::string left(const Member& who, std::string_view why, std::int64_t time_ms);

[[nodiscard]] std::string error(Refusal why, const Limits& limits);
[[nodiscard]] std::string error_empty(std::string_view reference);
[[nodiscard]] std::string error_too_long(std::string_view reference, const Limits& limits);
[[nodiscard]] std::string error_slow_down(std::string_view reference, std::chrono::milliseconds wait);

}  // namespace chat
