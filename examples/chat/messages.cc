#include <chat/messages.h>
#include <chat/text.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace chat {

namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

/// What is not UTF-8 becomes U+FFFD rather than an exception; nothing of the kind should get this far.
std::string written(const Ordered& json) { return json.dump(-1, ' ', false, Ordered::error_handler_t::replace); }

/// A member that is a string; `fallback` if there is none, nothing if it is something else.
std::optional<std::string> string_member(const Json& json, const char* name, std::optional<std::string> fallback) {
  const auto at = json.find(name);
  if (at == json.end()) return fallback;
  if (!at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

Ordered person(const Member& who) { return {{"id", who.id}, {"name", who.name}}; }

Ordered line_json(const Line& line) {
  Ordered json = {{"type", "message"}, {"id", line.id},     {"from", line.from},
                  {"name", line.name}, {"text", line.text}, {"time", line.time_ms}};
  if (!line.reference.empty()) json["ref"] = line.reference;
  return json;
}

Ordered error_json(std::string_view code, std::string text, std::string_view reference = {}) {
  Ordered json = {{"type", "error"}, {"code", code}, {"text", std::move(text)}};
  if (!reference.empty()) json["ref"] = reference;
  return json;
}

}  // namespace

std::optional<Request> parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto type = string_member(json, "type", std::nullopt);
  if (type == "join") {
    auto name = string_member(json, "name", std::nullopt);
    auto key = string_member(json, "key", "");
    if (!name || !key) return std::nullopt;
    return Join{std::move(*name), std::move(*key)};
  }
  if (type == "say") {
    auto said = string_member(json, "text", std::nullopt);
    auto reference = string_member(json, "ref", "");
    if (!said || !reference || !(reference->empty() || is_reference(*reference))) return std::nullopt;
    return Say{std::move(*said), std::move(*reference)};
  }
  return std::nullopt;
}

std::string welcome(const Room& room, const Member& you, const Limits& limits) {
  Ordered people = Ordered::array();
  for (const auto& [id, member] : room.members()) people.push_back(person(member));
  Ordered history = Ordered::array();
  for (const Line& line : room.history()) history.push_back(line_json(line));
  return written({{"type", "welcome"},
                  {"room", room.name()},
                  {"you", person(you)},
                  {"key", you.key},
                  {"people", std::move(people)},
                  {"history", std::move(history)},
                  {"limits", {{"name", limits.max_name_characters}, {"text", limits.max_text_bytes}}}});
}

std::string message(const Line& line) { return written(line_json(line)); }

std::string joined(const Member& who, std::int64_t time_ms) {
  return written({{"type", "joined"}, {"id", who.id}, {"name", who.name}, {"time", time_ms}});
}

std::string left(const Member& who, std::string_view why, std::int64_t time_ms) {
  return written({{"type", "left"}, {"id", who.id}, {"name", who.name}, {"time", time_ms}, {"why", why}});
}

std::string error(Refusal why, const Limits& limits) {
  switch (why) {
    case Refusal::bad_name:
      return written(error_json(
          "bad_name", "A name has 1 to " + std::to_string(limits.max_name_characters) + " visible characters."));
    case Refusal::name_taken:
      return written(error_json("name_taken", "Somebody here has that name already. Choose another one."));
    case Refusal::room_full:
      return written(error_json("room_full", "This room is full."));
    case Refusal::too_many_rooms:
      break;
  }
  return written(error_json("too_many_rooms", "There are too many rooms just now. Join one that exists."));
}

std::string error_empty(std::string_view reference) {
  return written(error_json("empty", "There is nothing in that message.", reference));
}

std::string error_too_long(std::string_view reference, const Limits& limits) {
  return written(error_json(
      "too_long", "That message is too long: " + std::to_string(limits.max_text_bytes) + " bytes at most.", reference));
}

std::string error_slow_down(std::string_view reference, std::chrono::milliseconds wait) {
  Ordered json = error_json("slow_down", "That was a lot at once. Wait a moment.", reference);
  json["retry_ms"] = wait.count();
  return written(json);
}

}  // namespace chat
