#!/usr/bin/env bash
# HTTP as curl speaks it, HTTP as nobody should speak it, and the flags and signals of the echo server.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
server="${TIDEWIRE_BUILD:-build/release}/examples/echo_server"
work=$(mktemp -d)
passed=0 failed=0 pid=''

finish() {
  [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

# check NAME EXPECTED ACTUAL: the two are the same.
check() {
  if [[ "$2" == "$3" ]]; then
    passed=$((passed + 1))
    echo "ok: $1"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  expected: %s\n  actual:   %s\n' "$1" "$2" "$3"
  fi
}

# Starts the server, and waits for the line that names its port.
start() {
  : >"$work/out"
  "$server" --port 0 "$@" >"$work/out" 2>"$work/err" &
  pid=$!
  for _ in {1..200}; do
    port=$(sed -nE 's/^echo_server listens on .*:([0-9]+)$/\1/p' "$work/out")
    [[ -z $port ]] || return 0
    sleep 0.05
  done
  echo "the server does not start"
  cat "$work/err"
  exit 1
}

http() { curl --silent --show-error --max-time 20 "$@"; }
status() { http --output /dev/null --write-out '%{http_code}' "$@"; }
field() { http --output /dev/null --dump-header - "${@:2}" | tr -d '\r' | sed -nE "s/^$1: (.*)/\1/Ip"; }

# Sends bytes (a printf format) on a connection of their own; prints the first line of what comes back. The server
# has to end the connection, or this times out.
raw() {
  # shellcheck disable=SC2059
  (exec 3<>"/dev/tcp/127.0.0.1/$port" && printf "$1" >&3 && timeout 20 cat <&3) | head -n 1 | tr -d '\r'
}

start
url="http://127.0.0.1:$port"

check 'GET' 'Hello, World!' "$(http "$url/plaintext")"
check 'a content type' 'text/plain; charset=utf-8' "$(field content-type "$url/plaintext")"
check 'a length' '13' "$(field content-length "$url/plaintext")"
check 'a Server field' 'tidewire' "$(field server "$url/plaintext")"
check 'a Date field' '1' "$(field date "$url/plaintext" | grep -cE '^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$')"
check 'HEAD has the head of GET' '200 13' "$(http --head --output /dev/null --write-out '%{http_code} %header{content-length}' "$url/plaintext")"
check 'HEAD has no body' '0' "$(http --head "$url/plaintext" | sed '1,/^\r$/d' | wc -c)"
check 'OPTIONS' '204' "$(status --request OPTIONS "$url/plaintext")"
check 'OPTIONS says what is allowed' 'GET, HEAD, OPTIONS' "$(field allow --request OPTIONS "$url/plaintext")"
check 'a path that is not there' '404' "$(status "$url/elsewhere")"
check 'a method that is not there' '405' "$(status --data x "$url/plaintext")"
check 'what is allowed instead' 'GET, HEAD, OPTIONS' "$(field allow --request DELETE "$url/plaintext")"
check 'a WebSocket path without an upgrade' '426' "$(status "$url/echo")"
check 'what to upgrade to' 'websocket' "$(field upgrade "$url/echo")"
check 'a query is no part of the path' '200' "$(status "$url/plaintext?a=1&b=%20")"
check 'HTTP/1.0' '200' "$(status --http1.0 "$url/plaintext")"
check 'keep-alive' '200 200 200 1' \
  "$(http --output /dev/null --output /dev/null --output /dev/null --write-out '%{http_code} ' "$url/plaintext" "$url/plaintext" "$url/plaintext")$(http --verbose --output /dev/null --output /dev/null "$url/plaintext" "$url/plaintext" 2>&1 | grep -c 'Re-using existing connection')"
check 'a body that nobody asked for' '405' "$(head -c 3000000 /dev/zero | http --output /dev/null --write-out '%{http_code}' --data-binary @- "$url/plaintext")"

ok='HTTP/1.1 200 OK' bad='HTTP/1.1 400 Bad Request'
check 'a request by hand' "$ok" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')"
check 'no Host' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\n\r\n')"
check 'two Hosts' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n')"
check 'a space before the colon' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost : a\r\n\r\n')"
check 'a folded line' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n')"
check 'a bare LF' "$bad" "$(raw 'GET /plaintext HTTP/1.1\nHost: a\n\n')"
check 'a NUL' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n')"
check 'two lengths' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx')"
check 'a length and chunks' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')"
check 'a signed length' "$bad" "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx')"
check 'dot segments' "$bad" "$(raw 'GET /a/../plaintext HTTP/1.1\r\nHost: a\r\n\r\n')"
check 'encoded dot segments' "$bad" "$(raw 'GET /a/%%2e%%2e/plaintext HTTP/1.1\r\nHost: a\r\n\r\n')"
check 'TLS on a plain port' "$bad" "$(raw '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')"
check 'another version of HTTP' 'HTTP/1.1 505 HTTP Version Not Supported' "$(raw 'GET / HTTP/2.0\r\n\r\n')"
check 'another transfer coding' 'HTTP/1.1 501 Not Implemented' "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n')"
check 'another expectation' 'HTTP/1.1 417 Expectation Failed' "$(raw 'GET /plaintext HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n')"
check 'a long target' 'HTTP/1.1 414 URI Too Long' "$(raw "GET /$(printf 'a%.0s' {1..9000}) HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")"
check 'many fields' 'HTTP/1.1 431 Request Header Fields Too Large' "$(raw "GET /plaintext HTTP/1.1\\r\\nHost: a\\r\\n$(printf 'X: 1\\r\\n%.0s' {1..100})\\r\\n")"
check 'a large head' 'HTTP/1.1 431 Request Header Fields Too Large' "$(raw "GET /plaintext HTTP/1.1\\r\\nHost: a\\r\\nX: $(printf 'a%.0s' {1..17000})\\r\\n\\r\\n")"
check 'an upgrade with a body' "$bad" "$(raw 'GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx')"
check 'a handshake without a key' "$bad" "$(raw 'GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n')"
check 'the server is well' 'Hello, World!' "$(http "$url/plaintext")"

# A second server on the same port: one line, and status 1.
"$server" --port "$port" >/dev/null 2>"$work/err2"
check 'a port in use: status' '1' "$?"
check 'a port in use: one line' '1' "$(wc -l <"$work/err2")"
check 'a port in use: it says so' '1' "$(grep -c "^echo_server: .*:$port: Address already in use" "$work/err2")"

for flags in '--no-such-flag' '--port' '--port x' '--port 70000' '--max-message-size 0' 'extra'; do
  # shellcheck disable=SC2086
  timeout 20 "$server" $flags >"$work/out2" 2>"$work/err2"
  check "bad flags '$flags': status" '2' "$?"
  check "bad flags '$flags': one line" '1 0' "$(wc -l <"$work/err2") $(wc -l <"$work/out2")"
done
timeout 20 "$server" --host localhost --port 0 >/dev/null 2>"$work/err2"
check 'a host name: status' '2' "$?"
check 'a host name: one line' '1' "$(wc -l <"$work/err2")"
"$server" --help >"$work/out2"
check '--help: status' '0' "$?"
check '--help: the flags' '3' "$(grep -cE '^ +--(host|port|max-message-size) ' "$work/out2")"

for signal in TERM INT; do
  [[ -n $pid ]] || start
  kill "-$signal" "$pid"
  wait "$pid"
  check "SIG$signal: status" '0' "$?"
  check "SIG$signal: the last line" 'echo_server has finished' "$(tail -n 1 "$work/out")"
  pid=''
done

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
