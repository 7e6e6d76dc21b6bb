#pragma once

#include <chrono>
#include <cstddef>

namespace chat {

/// What the chat allows: every bound on what others make it keep or do. With the defaults, messages take at most
/// some 50 MB in 256 full rooms, and what waits for slow readers at most 512 KiB each.
struct Limits {
  std::size_t max_name_characters = 24;
  std::size_t max_room_characters = 32;
  /// Of a message's text, as UTF-8.
  std::size_t max_text_bytes = 2'000;
  /// Of a frame from a client: room for the longest text with half of it escaped; over it: close 1009.
  std::size_t max_message_size = 8 * 1024;

  /// Messages that a room keeps for those who come later.
  std::size_t history = 50;
  std::size_t max_rooms = 256;
  std::size_t max_people_in_room = 100;
  /// Connections, whether or not they have joined a room.
  std::size_t max_people = 1'000;

  /// Messages that a person may send: so many at once, and so many a second in the long run.
  std::size_t burst = 10;
  double messages_per_second = 2;
  /// Refused one after the other, until the connection is closed with 1008.
  std::size_t max_refusals = 50;

  /// For the first message, which joins.
  std::chrono::milliseconds join_timeout{60'000};
  /// With more than this waiting for somebody, they are too slow. More than a welcome with a full history.
  std::size_t max_backpressure = 512 * 1024;
  /// For a slow reader to take what waits, the Close at its end included.
  std::chrono::milliseconds close_timeout{10'000};
};

}  // namespace chat
