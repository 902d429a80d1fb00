#!/bin/sh
# Makes the certificates of this directory anew. OpenSSL 3 and faketime.
set -eu
cd "$(dirname "$0")"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key.pem" 2>/dev/null; }
authority() {
  key "$1"
  faketime '2026-01-01' openssl req -x509 -new -key "$1.key.pem" -subj "/CN=$1" -days 36500 -out "$1.cert.pem"
}
# name, authority, subject, extensions, beginning, days
issue() {
  key "$1"
  printf '%b' "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n$4\n" > extensions
  openssl req -new -key "$1.key.pem" -subj "$3" |
    faketime "$5" openssl x509 -req -CA "$2.cert.pem" -CAkey "$2.key.pem" -days "$6" -extfile extensions -out "$1.cert.pem" 2>/dev/null
  rm extensions
}
authority ca
authority other-ca
client='extendedKeyUsage=clientAuth'
begin='2026-01-01'
issue server ca /CN=localhost 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1' $begin 36500
issue ci ca /O=Acme/CN=ci "$client\nsubjectAltName=DNS:ci.example.com,URI:spiffe://example.com/ci" $begin 36500
issue deploy ca /O=Acme/CN=deploy "$client" $begin 36500
issue unlisted ca /O=Acme/CN=unlisted "$client\nsubjectAltName=DNS:unlisted.example.com" $begin 36500
issue foreign other-ca /O=Acme/CN=ci "$client\nsubjectAltName=DNS:ci.example.com" $begin 36500
issue expired ca /O=Acme/CN=ci "$client\nsubjectAltName=DNS:ci.example.com" $begin 1
issue server-only ca /O=Acme/CN=ci 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:ci.example.com' $begin 36500
# One name that reads like two.
issue forged ca '/O=Acme,CN=ci' "$client\nsubjectAltName=@names\n[names]\nURI.1=https://x.example/, DNS:ci.example.com" $begin 36500
rm ca.key.pem other-ca.key.pem
