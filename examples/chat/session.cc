#include <chat/session.h>
#include <chat/text.h>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace chat {

using namespace tidewire;
using websocket::Cause;
using websocket::CloseCode;

namespace {

/// Their own connection took the place of this one.
constexpr auto replaced = static_cast<CloseCode>(4000);

/// 128 bits that nobody can guess, in hexadecimal.
std::string random_key() {
  std::array<std::byte, 16> bytes{};
  tls::random_bytes(bytes).value();
  std::string key;
  for (const std::byte byte : bytes) {
    key += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    key += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return key;
}

Id random_id() {
  std::array<std::byte, 6> bytes{};
  tls::random_bytes(bytes).value();
  Id id = 0;
  for (const std::byte byte : bytes) id = id << 8 | std::to_integer<Id>(byte);
  return id;
}

std::int64_t unix_ms() {
  using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::system_clock;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string_view why_left(Cause cause) noexcept {
  if (cause == Cause::peer_closed || cause == Cause::local_closed) return "left";
  return cause == Cause::backpressure ? "slow" : "lost";
}

}  // namespace

Chat::Chat(Loop& loop, const Limits& limits) : topics(loop), lobby(limits, random_key, random_id()) {}

std::string Chat::stats(const http::Server& server) const {
  using std::chrono::duration_cast, std::chrono::seconds, std::chrono::steady_clock;
  const nlohmann::ordered_json json = {
      {"uptime_seconds", duration_cast<seconds>(steady_clock::now() - started).count()},
      {"connections", {{"open", sessions}, {"total", counters.connections.value()}}},
      {"people", lobby.people()},
      {"rooms", lobby.rooms_in_use()},
      {"messages", counters.messages.value()},
      {"refused", counters.refused.value()},
      {"too_slow", counters.too_slow.value()},
      {"http_requests", server.counters().requests.value()},
  };
  return json.dump() + "\n";
}

Session::Session(const http::Request& request, Chat& chat) : chat_(chat), room_name_(request.param("room")) {
  ++chat_.sessions;
}

Session::~Session() { --chat_.sessions; }

void Session::on_open(Connection& peer) {
  chat_.counters.connections.add();
  self_ = peer.handle();
  join_deadline_ = Timer::after(peer.loop(), chat_.lobby.limits().join_timeout,
                                [handle = self_] { handle.close(CloseCode::policy_violation, "no join"); });
}

void Session::on_message(Connection& peer, const websocket::Message& message) {
  if (!peer.open()) return;
  if (message.is_binary()) return peer.close(CloseCode::unsupported_data, "text messages only");
  const auto request = parse(message.text());
  if (!request) return peer.close(CloseCode::policy_violation, "not a message of this chat");
  const Join* wanted = std::get_if<Join>(&*request);
  if ((wanted != nullptr) == (room_ != nullptr)) {
    return peer.close(CloseCode::policy_violation, wanted != nullptr ? "joined already" : "join first");
  }
  if (wanted != nullptr) {
    join(peer, *wanted);
  } else {
    say(peer, std::get<Say>(*request));
  }
}

void Session::join(Connection& peer, const Join& wanted) {
  const auto now = std::chrono::steady_clock::now();
  const auto result = chat_.lobby.join(room_name_, wanted.name, wanted.key, now);
  if (const Refusal* why = std::get_if<Refusal>(&result)) {
    return refuse(peer, error(*why, chat_.lobby.limits()));
  }
  const Joined& in = std::get<Joined>(result);
  join_deadline_.cancel();
  refusals_ = 0;
  room_ = &in.room;
  id_ = in.member.id;
  Session*& holder = chat_.members[id_];
  if (in.resumed && holder != nullptr) holder->give_up();
  holder = this;

  // To the others only: the welcome has everybody in it, and joins the topic after it.
  if (!in.resumed) chat_.topics.publish(room_name_, joined(in.member, unix_ms()));
  peer.send(welcome(in.room, in.member, chat_.lobby.limits()));
  chat_.topics.subscribe(peer, room_name_);
}

void Session::say(Connection& peer, const Say& said) {
  const Limits& limits = chat_.lobby.limits();
  Member& member = room_->member(id_);
  if (!member.rate.take(std::chrono::steady_clock::now())) {
    return refuse(peer, error_slow_down(said.reference, member.rate.wait()));
  }
  std::string text = clean_text(said.text);
  if (text.empty()) return refuse(peer, error_empty(said.reference));
  if (text.size() > limits.max_text_bytes) return refuse(peer, error_too_long(said.reference, limits));
  refusals_ = 0;
  chat_.counters.messages.add();
  chat_.topics.publish(room_name_,
                       message(chat_.lobby.say(*room_, member, std::move(text), said.reference, unix_ms())));
}

void Session::refuse(Connection& peer, std::string_view answer) {
  chat_.counters.refused.add();
  if (++refusals_ > chat_.lobby.limits().max_refusals) {
    return peer.close(CloseCode::policy_violation, "too many refusals");
  }
  peer.send(answer);
}

/// The member lives on in another session.
void Session::give_up() {
  room_ = nullptr;
  self_.run([this](Connection& peer) {
    chat_.topics.unsubscribe(peer, room_name_);
    peer.close(replaced, "joined from elsewhere");
  });
}

void Session::on_close(Connection&, const websocket::CloseInfo& why) {
  join_deadline_.cancel();
  if (why.cause == Cause::backpressure) chat_.counters.too_slow.add();
  if (room_ == nullptr) return;
  const std::string notice = left(room_->member(id_), why_left(why.cause), unix_ms());
  chat_.members.erase(id_);
  chat_.lobby.leave(*std::exchange(room_, nullptr), id_);
  if (why.cause != Cause::shutdown) chat_.topics.publish(room_name_, notice);
}

void mount_rooms(http::Server& server, Chat& chat) {
  const Limits& limits = chat.lobby.limits();
  websocket::route<Session>(server, "/rooms/:room",
                            {.authorize =
                                 [&chat](const http::Request& request, const websocket::Decision& decision) {
                                   const Limits& allowed = chat.lobby.limits();
                                   if (!is_room_name(request.param("room"), allowed.max_room_characters)) {
                                     decision.reject(http::Status::not_found, "no room can have that name\n");
                                   } else if (chat.sessions >= allowed.max_people) {
                                     decision.reject(http::Status::service_unavailable, "too many people\n");
                                   } else {
                                     decision.accept();
                                   }
                                 },
                             .max_message_size = limits.max_message_size,
                             .close_timeout = limits.close_timeout,
                             .max_backpressure = limits.max_backpressure,
                             .backpressure = websocket::Backpressure::close},
                            chat);
}

}  // namespace chat
