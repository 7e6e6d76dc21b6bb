#pragma once

#include <tidewire/core/export.h>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

/// Header fields: how they are stored, looked up and checked (RFC 9110 5).
///
/// A parsed message keeps its fields as offsets from the first byte of its head and not as pointers, so that
/// the bytes may be moved (out of the loop's receive buffer into one of the connection's own, into a copy)
/// without a walk over the fields. `Fields` and `FieldValues` are views that put the two together.
namespace tidewire::http {

/// One header or trailer field. The name is as the peer wrote it, a token that compares without case; the
/// value is without the white space around it. Both are views.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// A piece of a text, as an offset from its start.
struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;

  [[nodiscard]] std::string_view of(const char* base) const noexcept { return {base + offset, size}; }
};

/// A field as slices of the head that it came in.
struct FieldSlices {
  Slice name;
  Slice value;
};

/// Whether two texts are equal when ASCII letters compare without case.
[[nodiscard]] TIDEWIRE_API bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// The values of all fields of one name, in the order in which they came; a view over a `Fields`.
class TIDEWIRE_API FieldValues {
 public:
  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using reference = std::string_view;
    using pointer = void;

    Iterator() = default;
    [[nodiscard]] std::string_view operator*() const noexcept { return at_->value.of(base_); }
    TIDEWIRE_API Iterator& operator++() noexcept;
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    [[nodiscard]] bool operator==(const Iterator& other) const noexcept { return at_ == other.at_; }

   private:
    friend class FieldValues;
    Iterator(const char* base, const FieldSlices* at, const FieldSlices* end, std::string_view name) noexcept
        : base_(base), at_(at), end_(end), name_(name) {}

    const char* base_ = nullptr;
    const FieldSlices* at_ = nullptr;
    const FieldSlices* end_ = nullptr;
    std::string_view name_;
  };

  /// No values.
  FieldValues() = default;
  FieldValues(const char* base, std::span<const FieldSlices> fields, std::string_view name) noexcept;

  [[nodiscard]] Iterator begin() const noexcept { return begin_; }
  [[nodiscard]] Iterator end() const noexcept { return {begin_.base_, begin_.end_, begin_.end_, begin_.name_}; }
  [[nodiscard]] bool empty() const noexcept { return begin_.at_ == begin_.end_; }

 private:
  Iterator begin_;
};

/// The fields of a head or of a trailer section, in the order in which they came: `for (Field f : fields)`.
///
/// A view of two words; what it views belongs to the message.
class TIDEWIRE_API Fields {
 public:
  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using reference = Field;
    using pointer = void;

    Iterator() = default;
    Iterator(const char* base, const FieldSlices* at) noexcept : base_(base), at_(at) {}
    [[nodiscard]] Field operator*() const noexcept { return {at_->name.of(base_), at_->value.of(base_)}; }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    Iterator operator++(int) noexcept { return {base_, at_++}; }
    [[nodiscard]] bool operator==(const Iterator& other) const noexcept { return at_ == other.at_; }

   private:
    const char* base_ = nullptr;
    const FieldSlices* at_ = nullptr;
  };

  /// No fields.
  Fields() = default;
  Fields(const char* base, std::span<const FieldSlices> fields) noexcept : base_(base), fields_(fields) {}

  [[nodiscard]] Iterator begin() const noexcept { return {base_, fields_.data()}; }
  [[nodiscard]] Iterator end() const noexcept { return {base_, fields_.data() + fields_.size()}; }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }

  /// The field at `index`, which is below size().
  [[nodiscard]] Field operator[](std::size_t index) const noexcept {
    return {fields_[index].name.of(base_), fields_[index].value.of(base_)};
  }

  /// The value of the first field of that name, whatever its case; empty if there is none.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;

  /// Whether there is a field of that name, perhaps with an empty value.
  [[nodiscard]] bool contains(std::string_view name) const noexcept;

  /// The values of all fields of that name. `name` must live as long as the result.
  [[nodiscard]] FieldValues values(std::string_view name) const noexcept { return {base_, fields_, name}; }

 private:
  const char* base_ = nullptr;
  std::span<const FieldSlices> fields_;
};

/// The elements of a comma-separated list (RFC 9110 5.6.1) over one or more field lines, each without the white
/// space around it: `for (std::string_view token : ListElements(request.header_values("upgrade")))`.
///
/// Empty elements are skipped, as 5.6.1.2 asks of a recipient. A comma inside a quoted string separates nothing
/// (5.6.4); one that is not closed reaches to the end of its line. Elements keep their quotes.
class TIDEWIRE_API ListElements {
 public:
  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using reference = std::string_view;
    using pointer = void;

    Iterator() = default;
    [[nodiscard]] std::string_view operator*() const noexcept { return element_; }
    Iterator& operator++() noexcept {
      advance();
      return *this;
    }
    void operator++(int) noexcept { advance(); }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return done_; }

   private:
    friend class ListElements;
    Iterator(std::string_view rest, FieldValues::Iterator next, FieldValues::Iterator end) noexcept
        : rest_(rest), next_(next), end_(end), done_(false) {
      advance();
    }
    TIDEWIRE_API void advance() noexcept;

    std::string_view element_;
    std::string_view rest_;
    FieldValues::Iterator next_;
    FieldValues::Iterator end_;
    bool done_ = true;
  };

  /// The elements of one value.
  explicit ListElements(std::string_view value) noexcept : first_(value) {}
  /// The elements of several field lines, taken as one list (RFC 9110 5.3).
  explicit ListElements(FieldValues values) noexcept : values_(values) {}

  [[nodiscard]] Iterator begin() const noexcept { return {first_, values_.begin(), values_.end()}; }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::string_view first_;
  FieldValues values_;
};

/// Whether a list has this element, whole and without case: "upgrade" is in "keep-alive, Upgrade", and not in
/// "no-upgrade" nor in "upgrade-insecure".
[[nodiscard]] TIDEWIRE_API bool has_token(const ListElements& list, std::string_view token) noexcept;
[[nodiscard]] TIDEWIRE_API bool has_token(std::string_view value, std::string_view token) noexcept;
[[nodiscard]] TIDEWIRE_API bool has_token(const FieldValues& values, std::string_view token) noexcept;

/// Whether `text` is a token (RFC 9110 5.6.2): not empty, and what a field name or a method may be.
[[nodiscard]] TIDEWIRE_API bool is_token(std::string_view text) noexcept;

/// Whether `text` may be sent as a field value (RFC 9110 5.5): no control character but the tab (so no CR, LF
/// or NUL, with which a value would become several fields or a second response), no white space around it.
/// May be empty.
[[nodiscard]] TIDEWIRE_API bool is_field_value(std::string_view text) noexcept;

/// `text` without the spaces and tabs around it (OWS, RFC 9110 5.6.3).
[[nodiscard]] TIDEWIRE_API std::string_view trim(std::string_view text) noexcept;

}  // namespace tidewire::http
