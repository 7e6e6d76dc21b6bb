#include <tidewire/http/characters_internal.h>
#include <tidewire/http/router.h>
#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <utility>
#include <vector>

namespace tidewire::http {
namespace {

// Deeper patterns are refused, so that a look-up keeps its place in a fixed array. Paths may be deeper.
constexpr std::size_t max_segments = 32;

// A parameter's name, and the number of the segment that it takes (for "*": that it begins with).
struct Name {
  std::string text;
  std::size_t depth;
};

// A route: for a method, or for a protocol.
struct Endpoint {
  std::string key;
  Method method;  // That the key names.
  RouteId id;
  std::vector<Name> names;
};

// All routes of one path.
struct Endpoints {
  // Their names are viewed by requests, so they stay where they are.
  std::vector<std::unique_ptr<Endpoint>> methods;
  std::vector<std::unique_ptr<Endpoint>> protocols;

  bool empty() const noexcept { return methods.empty() && protocols.empty(); }
};

const Endpoint* find_method(const Endpoints& endpoints, Method method, std::string_view text) noexcept {
  for (const auto& endpoint : endpoints.methods) {
    if (endpoint->method == method && (method != Method::other || endpoint->key == text)) return endpoint.get();
  }
  return nullptr;
}

const Endpoint* find_protocol(const Endpoints& endpoints, std::string_view protocol) noexcept {
  for (const auto& endpoint : endpoints.protocols) {
    if (equals_ignoring_case(endpoint->key, protocol)) return endpoint.get();
  }
  return nullptr;
}

// How a raw segment, decoded, stands to a literal in the order of bytes.
std::strong_ordering compare_segment(std::string_view raw, bool is_encoded, std::string_view literal) noexcept {
  if (!is_encoded) return raw <=> literal;
  std::size_t at = 0;
  for (const char expected : literal) {
    if (at == raw.size()) return std::strong_ordering::less;
    int c = static_cast<unsigned char>(raw[at]);
    std::size_t size = 1;
    if (c == '%' && raw.size() - at >= 3) {
      c = detail::hex_value(raw[at + 1]) * 16 + detail::hex_value(raw[at + 2]);
      size = 3;
    }
    if (const auto order = c <=> static_cast<int>(static_cast<unsigned char>(expected)); order != 0) return order;
    at += size;
  }
  return at == raw.size() ? std::strong_ordering::equal : std::strong_ordering::greater;
}

// The route of a request to switch to one of these protocols, in their order.
const Endpoint* find_protocol(const Endpoints& endpoints, const FieldValues& protocols) noexcept {
  if (endpoints.protocols.empty()) return nullptr;
  for (const std::string_view protocol : ListElements(protocols)) {
    if (const Endpoint* endpoint = find_protocol(endpoints, protocol)) return endpoint;
  }
  return nullptr;
}

// The route that serves the method; HEAD is GET without the content (RFC 9110 9.3.2).
const Endpoint* find_server(const Endpoints& endpoints, Method method, std::string_view text) noexcept {
  const Endpoint* endpoint = find_method(endpoints, method, text);
  return endpoint == nullptr && method == Method::head ? find_method(endpoints, Method::get, "GET") : endpoint;
}

void take(const Endpoint& endpoint, RouteMatch::Outcome outcome, RouteMatch& result) {
  result.outcome = outcome;
  result.id = endpoint.id;
  if (outcome == RouteMatch::Outcome::upgrade) result.protocol = endpoint.key;
}

void append_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

struct Router::Node {
  Node* parent = nullptr;
  std::string literal;
  std::vector<std::unique_ptr<Node>> literals;  // sorted by literal
  std::unique_ptr<Node> parameter;
  Endpoints here;  // of the path that ends here
  Endpoints rest;  // of the `*` behind it

  // Where the literal stands that a raw segment decodes to; if it does not, where it would, and false.
  std::pair<std::size_t, bool> find_literal(std::string_view raw, bool is_encoded) const noexcept {
    std::size_t begin = 0;
    std::size_t end = literals.size();
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      const std::strong_ordering order = compare_segment(raw, is_encoded, literals[middle]->literal);
      if (order == 0) return {middle, true};
      (order < 0 ? end : begin) = order < 0 ? middle : middle + 1;
    }
    return {begin, false};
  }
};

// The patterns of literals alone. A path that is one of them to the letter is taken by it before any other pattern, for
// there is none more specific, so most look-ups end here. They are kept by their size, which tells nearly all apart,
// and in order within it.
class Router::LiteralPaths {
 public:
  void add(std::string_view path, const Endpoints& endpoints) {
    if (by_size_.size() <= path.size()) by_size_.resize(path.size() + 1);
    std::vector<Entry>& entries = by_size_[path.size()];
    const auto at = std::lower_bound(entries.begin(), entries.end(), path,
                                     [](const Entry& entry, std::string_view text) { return entry.path < text; });
    if (at == entries.end() || at->path != path) entries.insert(at, {std::string(path), &endpoints});
  }

  // Null if the path is none of them.
  const Endpoints* find(std::string_view path) const noexcept {
    if (path.size() >= by_size_.size()) return nullptr;
    const std::vector<Entry>& entries = by_size_[path.size()];
    std::size_t begin = 0;
    std::size_t end = entries.size();
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      const int order = std::memcmp(path.data(), entries[middle].path.data(), path.size());
      if (order == 0) return entries[middle].endpoints;
      (order < 0 ? end : begin) = order < 0 ? middle : middle + 1;
    }
    return nullptr;
  }

 private:
  struct Entry {
    std::string path;
    const Endpoints* endpoints;
  };
  std::vector<std::vector<Entry>> by_size_;
};

// A pattern, taken apart.
struct Router::Pattern {
  std::vector<std::string_view> segments;  // as written, the `*` aside
  std::vector<Name> names;
  bool has_rest = false;

  // What is wrong with the pattern; empty if nothing.
  std::string_view parse(std::string_view text);
  std::string_view take_segment(std::string_view segment, bool is_last);
};

std::string_view Router::Pattern::parse(std::string_view text) {
  if (text.empty() || text.front() != '/') return "a pattern begins with '/'";
  for (std::size_t begin = 1;;) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    const bool is_last = end == text.size();
    if (const std::string_view problem = take_segment(text.substr(begin, end - begin), is_last); !problem.empty()) {
      return problem;
    }
    if (is_last) return {};
    begin = end + 1;
  }
}

std::string_view Router::Pattern::take_segment(std::string_view segment, bool is_last) {
  if (segment.empty() && !is_last) return "an empty segment";
  if (segment == "." || segment == "..") return "no path has a dot segment";
  if (segment == "*") {
    if (!is_last) return "'*' is the last segment";
    has_rest = true;
    names.push_back({"*", segments.size()});
    return {};
  }
  if (segments.size() == max_segments) return "a pattern has 32 segments at most";
  if (!segment.empty() && segment.front() == ':') {
    const std::string_view name = segment.substr(1);
    const auto is_name_character = [](char c) { return detail::is_in(detail::characters("_"), c); };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) {
      return "a parameter's name is of letters, digits and '_'";
    }
    if (std::any_of(names.begin(), names.end(), [&](const Name& other) { return other.text == name; })) {
      return "a parameter's name stands twice";
    }
    names.push_back({std::string(name), segments.size()});
    segments.push_back(segment);
    return {};
  }
  if (segment.find_first_of("%?#*\\") != std::string_view::npos ||
      std::any_of(segment.begin(), segment.end(), detail::is_control)) {
    return "a literal is written decoded, without any of % ? # * and backslash";
  }
  segments.push_back(segment);
  return {};
}

// A walk down the tree for one path, that comes back and tries the less specific ways, in order.
struct Router::Search {
  std::string_view path;
  bool is_encoded;  // There is a '%' in the path.
  // Where each segment that was looked at begins and ends.
  struct Span {
    std::size_t begin;
    std::size_t end;
  };
  std::array<Span, max_segments + 1> segments;  // the first `known` are set
  std::size_t known = 0;

  explicit Search(std::string_view p) noexcept : path(p), is_encoded(p.find('%') != std::string_view::npos) {}

  // Whether the path has a segment with that number, and all before it.
  bool has_segment(std::size_t depth) noexcept {
    if (depth < known) return true;
    const std::size_t begin = depth == 0 ? 1 : segments[depth - 1].end + 1;
    if (begin > path.size()) return false;
    segments[depth] = {begin, std::min(path.find('/', begin), path.size())};
    known = depth + 1;
    return true;
  }
  std::string_view segment(std::size_t depth) const noexcept {
    return path.substr(segments[depth].begin, segments[depth].end - segments[depth].begin);
  }

  // Calls accept(endpoints) for each pattern that takes the path, the most specific first, until it returns true.
  template <class Accept>
  bool run(const Node* root, Accept accept);

  void write(const Endpoint& endpoint, PathParameters& params) const;
};

template <class Accept>
bool Router::Search::run(const Node* root, Accept accept) {
  enum class Way : std::uint8_t { literal, parameter, rest };
  const Node* node = root;
  std::size_t depth = 0;
  Way way = Way::literal;
  for (;;) {
    const Node* child = nullptr;
    if (!has_segment(depth)) {
      if (!node->here.empty() && accept(node->here)) return true;
    } else {
      if (way == Way::literal) {
        const auto [position, is_found] = node->find_literal(segment(depth), is_encoded);
        child = is_found ? node->literals[position].get() : nullptr;
        way = Way::parameter;
      }
      if (child == nullptr && way == Way::parameter) {
        child = segment(depth).empty() ? nullptr : node->parameter.get();
        way = Way::rest;
      }
      if (child == nullptr && !node->rest.empty() && accept(node->rest)) return true;
    }
    if (child != nullptr) {
      node = child;
      ++depth;
      way = Way::literal;
    } else {
      if (node == root) return false;
      // Back to the parent, for the way behind the one that led here.
      way = node->parent->parameter.get() == node ? Way::rest : Way::parameter;
      node = node->parent;
      --depth;
    }
  }
}

void Router::Search::write(const Endpoint& endpoint, PathParameters& params) const {
  for (const Name& name : endpoint.names) {
    const auto [begin, end] = segments[name.depth];
    params.add(name.text, path, begin, (name.text == "*" ? path.size() : end) - begin);
  }
}

Router::Router() : root_(std::make_unique<Node>()), literal_paths_(std::make_unique<LiteralPaths>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Result<void> Router::insert(Kind kind, std::string_view key, std::string_view pattern, RouteId id) {
  const auto fail = [&](std::string_view problem) {
    return Error{Errc::invalid_configuration, "route " + std::string(pattern) + ": " + std::string(problem)};
  };
  if (!is_token(key)) return fail("the method or protocol is not a token");
  Pattern parsed;
  if (const std::string_view problem = parsed.parse(pattern); !problem.empty()) return fail(problem);

  Node* node = root_.get();
  for (const std::string_view segment : parsed.segments) node = child_for(*node, segment);
  Endpoints& endpoints = parsed.has_rest ? node->rest : node->here;
  const bool is_method = kind == Kind::method;
  const Method method = is_method ? method_from(key) : Method::other;
  if ((is_method ? find_method(endpoints, method, key) : find_protocol(endpoints, key)) != nullptr) {
    return fail("there is a route for " + std::string(key) + " already");
  }
  if (parsed.names.empty()) literal_paths_->add(pattern, endpoints);
  auto& list = is_method ? endpoints.methods : endpoints.protocols;
  list.push_back(std::make_unique<Endpoint>(Endpoint{std::string(key), method, id, std::move(parsed.names)}));
  return {};
}

Router::Node* Router::child_for(Node& node, std::string_view segment) {
  const bool is_parameter = !segment.empty() && segment.front() == ':';
  const auto [position, is_literal] = node.find_literal(segment, false);
  if (is_parameter && node.parameter != nullptr) return node.parameter.get();
  if (!is_parameter && is_literal) return node.literals[position].get();
  auto child = std::make_unique<Node>();
  child->parent = &node;
  Node* const added = child.get();
  if (is_parameter) {
    node.parameter = std::move(child);
  } else {
    child->literal = segment;
    node.literals.insert(node.literals.begin() + static_cast<std::ptrdiff_t>(position), std::move(child));
  }
  return added;
}

Result<void> Router::add(std::string_view method, std::string_view pattern, RouteId id) {
  return insert(Kind::method, method, pattern, id);
}

Result<void> Router::add(Method method, std::string_view pattern, RouteId id) {
  return insert(Kind::method, text_of(method), pattern, id);
}

Result<void> Router::add_upgrade(std::string_view protocol, std::string_view pattern, RouteId id) {
  return insert(Kind::protocol, protocol, pattern, id);
}

void Router::match(Request& request, RouteMatch& result) const {
  const Wanted wanted{request.method(), request.method_text(), request.path(), request.upgrade_values()};
  match(wanted, request.params(), result);
}

RouteMatch Router::match(std::string_view method, std::string_view path, FieldValues upgrade,
                         PathParameters& params) const {
  RouteMatch result;
  match({method_from(method), method, path, upgrade}, params, result);
  return result;
}

void Router::match(const Wanted& wanted, PathParameters& params, RouteMatch& result) const {
  using Outcome = RouteMatch::Outcome;
  params.clear();
  result.outcome = Outcome::not_found;
  result.allow.clear();
  result.protocol.clear();
  if (wanted.path.empty() || wanted.path.front() != '/') return;

  const bool offers = !wanted.upgrade.empty();
  if (const Endpoints* literal = literal_paths_->find(wanted.path)) {
    const Endpoint* endpoint =
        offers ? find_protocol(*literal, wanted.upgrade) : find_server(*literal, wanted.method, wanted.method_text);
    if (endpoint != nullptr) return take(*endpoint, offers ? Outcome::upgrade : Outcome::found, result);
  }
  match_in_tree(wanted, params, result);
}

void Router::match_in_tree(const Wanted& wanted, PathParameters& params, RouteMatch& result) const {
  using Outcome = RouteMatch::Outcome;
  Search search(wanted.path);
  const auto try_take = [&](const Endpoint* endpoint, Outcome outcome) {
    if (endpoint == nullptr) return false;
    search.write(*endpoint, params);
    take(*endpoint, outcome, result);
    return true;
  };
  if (!wanted.upgrade.empty()) {
    const bool is_found = search.run(root_.get(), [&](const Endpoints& endpoints) {
      return try_take(find_protocol(endpoints, wanted.upgrade), Outcome::upgrade);
    });
    if (is_found) return;
  }
  const bool is_found = search.run(root_.get(), [&](const Endpoints& endpoints) {
    return try_take(find_server(endpoints, wanted.method, wanted.method_text), Outcome::found);
  });
  if (!is_found) explain(search, wanted.method_text, result);
}

void Router::explain(Search& search, std::string_view method, RouteMatch& result) const {
  using Outcome = RouteMatch::Outcome;
  bool has_methods = false;
  bool has_path = false;
  search.run(root_.get(), [&](const Endpoints& endpoints) {
    has_path = true;
    has_methods = has_methods || !endpoints.methods.empty();
    for (const auto& endpoint : endpoints.methods) {
      if (!has_token(result.allow, endpoint->key)) append_item(result.allow, endpoint->key);
      if (endpoint->key == "GET" && !has_token(result.allow, "HEAD")) append_item(result.allow, "HEAD");
    }
    for (const auto& endpoint : endpoints.protocols) {
      if (!has_token(result.protocol, endpoint->key)) append_item(result.protocol, endpoint->key);
    }
    return false;
  });
  if (!has_path) return;
  if (!has_token(result.allow, "OPTIONS")) append_item(result.allow, "OPTIONS");
  if (method == "OPTIONS") {
    result.outcome = Outcome::options;
  } else {
    result.outcome = has_methods ? Outcome::method_not_allowed : Outcome::upgrade_required;
  }
}

}  // namespace tidewire::http
