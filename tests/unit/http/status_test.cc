#include <doctest/doctest.h>
#include <tidewire/http/status.h>

using namespace tidewire::http;

TEST_CASE("a status has its registered phrase") {
  CHECK(reason_phrase(Status::ok) == "OK");
  CHECK(reason_phrase(Status::continue_) == "Continue");
  CHECK(reason_phrase(Status::not_found) == "Not Found");
  CHECK(reason_phrase(Status::uri_too_long) == "URI Too Long");
  CHECK(reason_phrase(Status::non_authoritative_information) == "Non-Authoritative Information");
  CHECK(reason_phrase(Status::http_version_not_supported) == "HTTP Version Not Supported");
  CHECK(reason_phrase(Status::network_authentication_required) == "Network Authentication Required");
}

TEST_CASE("the status line is whole and carries the code") {
  CHECK(status_line(Status::switching_protocols) == "HTTP/1.1 101 Switching Protocols\r\n");
  CHECK(status_line(Status::request_header_fields_too_large) == "HTTP/1.1 431 Request Header Fields Too Large\r\n");
}

TEST_CASE("every number is safe to ask about, and one without a phrase has none") {
  int with_phrase = 0;
  for (int code = 0; code <= 65535; ++code) {
    const auto status = static_cast<Status>(code);
    with_phrase += reason_phrase(status).empty() ? 0 : 1;
    REQUIRE(reason_phrase(status).empty() == status_line(status).empty());
  }
  CHECK(with_phrase == 60);
  CHECK(reason_phrase(static_cast<Status>(299)).empty());
  CHECK(reason_phrase(static_cast<Status>(600)).empty());
}

TEST_CASE("1xx, 204 and 304 have no content, the others may") {
  CHECK_FALSE(may_have_content(Status::continue_));
  CHECK_FALSE(may_have_content(Status::switching_protocols));
  CHECK_FALSE(may_have_content(Status::no_content));
  CHECK_FALSE(may_have_content(Status::not_modified));
  CHECK(may_have_content(Status::ok));
  CHECK(may_have_content(Status::reset_content));
  CHECK(may_have_content(Status::not_found));
}
