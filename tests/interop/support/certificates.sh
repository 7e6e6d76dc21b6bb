#!/usr/bin/env bash
# Makes what the TLS tests need, by the openssl command, in the folder $1:
#
#   ca.pem                       who signed all of the following; clients trust it
#   leaf.pem, leaf.key           for localhost and 127.0.0.1, EC P-256; the CA stands behind it, as in a chain
#   second.pem, second.key       the same, another one: what a renewal brings
#   other.pem                    for leaf.key, and for other.example and whatever.other.example
#   expired.pem                  for leaf.key, and its time is over
#   client.pem, client.key       a client's, CN=Ana
#   leaf.der                     the certificate of leaf.pem, in DER
#   encrypted.key                leaf.key, under the passphrase "correct horse"
#
# A key of another certificate: second.key beside leaf.pem.
set -euo pipefail
umask 077
cd "$1"
trap 'cat openssl.log' ERR
exec 2>openssl.log

cat >ca.cnf <<'END'
[ca]
default_ca = test
[test]
certificate = ca.pem
private_key = ca.key
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[other]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:other.example, DNS:*.other.example
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
END
touch index

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

# certificate NAME KEY SUBJECT FLAGS...: NAME.pem for that key, signed by the CA; the flags say for how long.
certificate() {
  openssl req -new -key "$2.key" -subj "/CN=$3" -out "$1.csr"
  openssl ca -batch -notext -config ca.cnf -in "$1.csr" -out "$1.pem" "${@:4}"
  cat ca.pem >>"$1.pem"
}

key ca
openssl req -x509 -key ca.key -out ca.pem -days 90 -subj '/CN=Tidewire test CA' \
  -addext 'keyUsage = critical, keyCertSign, cRLSign'
for name in leaf second client; do key $name; done
certificate leaf leaf localhost -days 90
certificate second second localhost -days 90
certificate other leaf other.example -days 90 -extensions other
certificate client client Ana -days 90 -extensions client
certificate expired leaf localhost -startdate 20200101000000Z -enddate 20200201000000Z
openssl x509 -in leaf.pem -outform DER -out leaf.der
openssl pkey -in leaf.key -aes256 -passout 'pass:correct horse' -out encrypted.key
