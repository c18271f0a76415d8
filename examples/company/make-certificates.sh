#!/usr/bin/env bash
# A small certification authority: one certificate for the gateway, one for each user that
# is named. For a company of more than a few people, use one that it already has.
#   ./make-certificates.sh [directory] [host of the gateway] [user…]
# A user is a name, for an e-mail address of it, or `name=URI:spiffe://…` or `name=DNS:…`.
set -euo pipefail
umask 077
directory=${1:-certificates} host=${2:-localhost}
shift $(( $# < 2 ? $# : 2 ))
users=("${@:-alice}")
mkdir -p "$directory" && cd "$directory"

if [ ! -e ca.key ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=company authority" -keyout ca.key -out ca.pem \
        -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
fi

# name, subject alternative name, use
issue() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.csr"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\nbasicConstraints=critical,CA:false\n' \
        "$2" "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 \
        -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}

case $host in
    *[!0-9.]*) issue gateway "DNS:$host,IP:127.0.0.1" serverAuth ;;
    *) issue gateway "IP:$host,IP:127.0.0.1" serverAuth ;;
esac
for user in "${users[@]}"; do
    case $user in
        *=*) issue "${user%%=*}" "${user#*=}" clientAuth ;;
        *) issue "$user" "email:$user@company.example" clientAuth ;;
    esac
done
