#include <tidewire/websocket/deflate_negotiation.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// The rules of RFC 7692 section 7.1 once more, in another way than the module has them: an extension is a map of
// names to values, and a rule is a question to it. An empty value is none: the grammar has no empty tokens.
using Map = std::map<std::string, std::string>;

const std::vector<std::string> bits_from_8 = {"8", "9", "10", "11", "12", "13", "14", "15"};

bool is_bits(const std::string& value) {
  return std::find(bits_from_8.begin(), bits_from_8.end(), value) != bits_from_8.end();
}

// Nothing if a name occurs twice, is none of the four, or has a value that it can't have.
std::optional<Map> valid_map(const Extension& extension, bool is_offer) {
  Map map;
  for (const auto& [name, value] : extension.parameters) {
    if (!map.emplace(name, value.value_or("")).second) return {};
  }
  for (const auto& [name, value] : map) {
    const bool is_takeover = name == "server_no_context_takeover" || name == "client_no_context_takeover";
    const bool is_client_bits = name == "client_max_window_bits";
    if (!is_takeover && !is_client_bits && name != "server_max_window_bits") return {};
    const bool good = is_takeover ? value.empty() : is_bits(value) || (is_client_bits && is_offer && value.empty());
    if (!good) return {};
  }
  return map;
}

int bits_in(const Map& map, const char* name) {
  const auto at = map.find(name);
  return at == map.end() || at->second.empty() ? 15 : std::atoi(at->second.c_str());
}

bool has(const Map& map, const char* name) { return map.count(name) != 0; }

// Whether an answer is one that the RFC allows to an offer.
bool legal(const Map& answer, const Map& offer) {
  if (has(offer, "server_no_context_takeover") && !has(answer, "server_no_context_takeover")) return false;
  if (has(offer, "server_max_window_bits") && !has(answer, "server_max_window_bits")) return false;
  if (bits_in(answer, "server_max_window_bits") > bits_in(offer, "server_max_window_bits")) return false;
  return has(offer, "client_max_window_bits") || !has(answer, "client_max_window_bits");
}

bool can_meet(const Map& offer) { return bits_in(offer, "server_max_window_bits") >= 9; }

// What a server compresses keeps to its answer, and to its options; what it expects, a client that read the answer
// keeps to.
void check_server_agreement(const DeflateOptions& options, const Map& offer, const Map& answer,
                            const DeflateAgreement& agreed) {
  require(!agreed.own_takeover || (options.own_takeover && !has(answer, "server_no_context_takeover")));
  require(agreed.peer_takeover == !has(answer, "client_no_context_takeover"));
  require(options.peer_takeover || !agreed.peer_takeover);
  require(agreed.own_window_bits >= 9 && agreed.own_window_bits <= options.own_window_bits);
  require(agreed.own_window_bits <= bits_in(answer, "server_max_window_bits"));
  const int client_bits = std::min(bits_in(answer, "client_max_window_bits"), bits_in(offer, "client_max_window_bits"));
  require(agreed.peer_window_bits == client_bits);
  require(!agreed.peer_takeover || agreed.peer_window_bits <= options.peer_window_bits);
}

void check_server(const DeflateOptions& options, const std::vector<Extension>& offers) {
  std::optional<Map> wanted;
  for (const Extension& offer : offers) {
    if (wanted || offer.name != "permessage-deflate") continue;
    wanted = valid_map(offer, true);
    if (wanted && !can_meet(*wanted)) wanted.reset();
  }
  const auto accepted = accept_deflate(options, offers);
  require(accepted.has_value() == wanted.has_value());
  if (!accepted) return;

  std::vector<Extension> reread;
  require(parse_extensions(format_extensions({accepted->answer}), reread).has_value() && reread.size() == 1);
  require(reread[0].name == "permessage-deflate");
  const auto answer = valid_map(reread[0], false);
  require(answer && legal(*answer, *wanted));
  check_server_agreement(options, *wanted, *answer, accepted->agreement);
}

void check_client(const DeflateOptions& options, const std::vector<Extension>& answers) {
  const auto offer = valid_map(offer_deflate(options), true);
  require(offer.has_value());
  const auto count = std::count_if(answers.begin(), answers.end(),
                                   [](const Extension& each) { return each.name == "permessage-deflate"; });
  const auto judged = judge_deflate(options, answers);
  if (count == 0) return require(judged && !*judged);
  const auto first = std::find_if(answers.begin(), answers.end(),
                                  [](const Extension& each) { return each.name == "permessage-deflate"; });
  const auto answer = valid_map(*first, false);
  const bool good = count == 1 && answer && legal(*answer, *offer) && bits_in(*answer, "client_max_window_bits") >= 9;
  require(judged.has_value() == good);
  if (!judged) return;

  require(judged->has_value());
  const DeflateAgreement& agreed = **judged;
  require(!agreed.own_takeover || (options.own_takeover && !has(*answer, "client_no_context_takeover")));
  require(agreed.peer_takeover == !has(*answer, "server_no_context_takeover"));
  require(options.peer_takeover || !agreed.peer_takeover);
  require(agreed.own_window_bits == std::min(options.own_window_bits, bits_in(*answer, "client_max_window_bits")));
  require(agreed.peer_window_bits == bits_in(*answer, "server_max_window_bits"));
  require(agreed.peer_window_bits <= options.peer_window_bits);
}

// A client with some options and a server with others that never saw each other agree.
void check_pair(const DeflateOptions& client, const DeflateOptions& server) {
  const Extension offer = offer_deflate(client);
  const auto accepted = accept_deflate(server, std::span(&offer, 1));
  require(accepted.has_value());
  const auto judged = judge_deflate(client, std::span(&accepted->answer, 1));
  require(judged && *judged);
  const DeflateAgreement& at_client = judged->value();
  const DeflateAgreement& at_server = accepted->agreement;
  require(at_client.own_takeover == at_server.peer_takeover && at_client.peer_takeover == at_server.own_takeover);
  require(at_client.own_window_bits <= at_server.peer_window_bits);
  require(at_server.own_window_bits <= at_client.peer_window_bits);
}

DeflateOptions options_of(std::uint8_t byte, std::uint8_t bits) {
  return {.own_takeover = (byte & 1U) != 0,
          .peer_takeover = (byte & 2U) != 0,
          .own_window_bits = 9 + bits % 7,
          .peer_window_bits = 9 + bits / 7 % 7};
}

// What the rules turn on, so that a byte is enough for each.
std::string spell_out(std::string_view choices) {
  static constexpr std::string_view words[] = {
      ",permessage-deflate",
      ",x-webkit-deflate-frame",
      ";server_no_context_takeover",
      ";client_no_context_takeover",
      ";server_max_window_bits",
      ";client_max_window_bits",
      ";x",
      "=8",
      "=9",
      "=10",
      "=\"12\"",
      "=15",
      "=16",
      "=09",
      "=7",
      "=1",
      "=1a",
      "=1-",
      "=150",
      "\n",
  };
  std::string text = "permessage-deflate";
  for (const char choice : choices.substr(0, 200)) {
    text += words[static_cast<unsigned char>(choice) % std::size(words)];
  }
  return text;
}

}  // namespace

// Two bytes for the options of each side; then the lines of the field, or what to spell them from.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const DeflateOptions server = options_of(data[0], data[1]);
  const DeflateOptions client = options_of(data[2], data[3]);
  require(check_deflate(server).has_value() && check_deflate(client).has_value());
  check_pair(client, server);

  const std::string_view rest(reinterpret_cast<const char*>(data) + 4, size - 4);
  const std::string spelled = (data[0] & 0x80U) != 0 ? spell_out(rest) : std::string(rest);
  std::string_view text = spelled;
  std::vector<Extension> extensions;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!parse_extensions(text.substr(0, end), extensions)) return 0;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  require(extensions.size() <= max_extensions);
  check_server(server, extensions);
  check_client(client, extensions);
  return 0;
}
