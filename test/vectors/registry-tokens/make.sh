#!/bin/sh
# Makes the certificates and keys of this directory anew.
set -eu
cd "$(dirname "$0")"
at() { faketime '2026-01-01 00:00:00' openssl "$@" 2>/dev/null; }
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key.pem" 2>/dev/null; }
self() { at req -x509 -new -key "$1.key.pem" -subj "/CN=$1" -days "$2" -addext "basicConstraints=critical,CA:$3" -out "$1.cert.pem"; }
issue() { # name, issuer, CA:TRUE or CA:FALSE, days
  at req -new -key "$1.key.pem" -subj "/CN=$1" -out "$1.csr"
  printf 'basicConstraints=critical,CA:%s\n' "$3" > "$1.ext"
  at x509 -req -in "$1.csr" -CA "$2.cert.pem" -CAkey "$2.key.pem" -set_serial "0x1$4" -days "$4" -extfile "$1.ext" -out "$1.cert.pem"
  rm "$1.csr" "$1.ext"
}
for name in ca intermediate leaf other-ca other-leaf lesser; do ec "$name"; done
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key.pem 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key.pem 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed25519.key.pem
self ca 3650 TRUE
self other-ca 3650 TRUE
self rsa 365 FALSE
self weak 365 FALSE
self ed25519 365 FALSE
issue intermediate ca TRUE 3600
issue leaf intermediate FALSE 365
issue other-leaf other-ca FALSE 365
issue lesser leaf FALSE 365
