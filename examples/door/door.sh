#!/bin/sh
# Opens a door for the grant on standard input, and locks it at the end of the paid time. It fails closed.
#
#   door.sh ASSET KEYS ISSUER UNLOCK LOCK < grant
#
# KEYS is a file: curl -so jwks.json https://coinop.example/.well-known/jwks.json
# UNLOCK and LOCK are commands. `coinop` must be in PATH.
set -u
if [ $# -ne 5 ]; then
    echo "door.sh ASSET KEYS ISSUER UNLOCK LOCK < grant" >&2
    exit 2
fi
unlock=$4
lock=$5

# Locked before anything else, and again however this ends.
shut() {
    status=$?
    sh -c "$lock" || { echo "the door may be open: LOCK failed" >&2; status=1; }
    exit "$status"
}
trap shut EXIT
trap 'exit 1' HUP INT QUIT TERM
sh -c "$lock" || exit 1

# The answer is `open`, the seconds that are left, the epoch and the number. Anything else keeps the door shut.
answer=$(coinop verify --asset "$1" --jwks "$2" --issuer "$3") || exit 1
left=$(printf '%s\n' "$answer" | sed -n 's/^open \([1-9][0-9]*\) [0-9]* [0-9]*$/\1/p')
[ -n "$left" ] || exit 1

sh -c "$unlock" || exit 1
# A signal ends `wait`, and not `sleep`.
sleep "$left" &
wait $! || exit 1
