#!/usr/bin/env bash
# Certificates that can't be served: both example servers say in one line which file it is, and why, and don't start.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build="${TIDEWIRE_BUILD:-build/release}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

tests/interop/support/certificates.sh "$work" || exit 1
printf 'nonsense\n' >"$work/nonsense.pem"
: >"$work/empty.pem"
head -c 300 "$work/leaf.pem" >"$work/half.pem"
mkdir "$work/folder.pem"
cat "$work/ca.pem" "$work/leaf.pem" >"$work/backwards.pem"
if [[ $EUID -ne 0 ]]; then # Root may read everything.
  cp "$work/leaf.key" "$work/forbidden.key"
  chmod 000 "$work/forbidden.key"
fi

# refuses NAME STATUS TEXT FLAGS...: the server ends with that status and one line that has the text, an extended
# regular expression whatever the case. There is no terminal on which OpenSSL could ask for a passphrase.
refuses() {
  local name=$1 status=$2 text=$3 line
  setsid --wait timeout 20 "$build/examples/$server" --port 0 "${@:4}" </dev/null >"$work/out" 2>"$work/err"
  local got=$?
  line=$(<"$work/err")
  if [[ $got -eq $status && $(wc -l <"$work/err") -eq 1 && $line == "$server: "* && ! -s $work/out ]] &&
    grep -qiE -- "$text" <<<"$line"; then
    passed=$((passed + 1))
    echo "ok: $server: $name"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: %s\n  expected: status %s and one line with "%s"\n  actual:   status %s, %s\n' \
      "$server" "$name" "$status" "$text" "$got" "$line"
  fi
}

# files NAME TEXT CERTIFICATE KEY
files() { refuses "$1" 1 "$2" --tls-certificate "$work/$3" --tls-key "$work/$4"; }

for server in echo_server chat_server; do
  refuses 'a certificate alone' 2 '--tls-key' --tls-certificate "$work/leaf.pem"
  refuses 'a key alone' 2 '--tls-certificate' --tls-key "$work/leaf.key"
  files 'a certificate that is not there' 'absent\.pem.*no such file' absent.pem leaf.key
  files 'a key that is not there' 'absent\.key.*no such file' leaf.pem absent.key
  files 'a folder' 'folder\.pem.*directory' folder.pem leaf.key
  files 'an empty file' 'empty\.pem.*(empty|no certificate)' empty.pem leaf.key
  files 'nonsense' 'nonsense\.pem.*(PEM|no certificate)' nonsense.pem leaf.key
  files 'half a file' 'half\.pem' half.pem leaf.key
  files 'DER' 'leaf\.der.*DER' leaf.der leaf.key
  files 'a key in place of a certificate' 'leaf\.key.*certificate' leaf.key leaf.key
  files 'a certificate in place of a key' 'leaf\.pem.*key' leaf.pem leaf.pem
  files 'the key of another certificate' 'second\.key.*(not the key|mismatch|another)' leaf.pem second.key
  files 'an encrypted key' 'encrypted\.key.*(encrypted|passphrase)' leaf.pem encrypted.key
  files 'an expired certificate' 'expired\.pem.*expired' expired.pem leaf.key
  files 'a chain backwards' 'backwards\.pem' backwards.pem leaf.key
  [[ ! -e $work/forbidden.key ]] || files 'a key that may not be read' 'forbidden\.key.*denied' leaf.pem forbidden.key
done

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
