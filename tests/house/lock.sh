#!/bin/sh
# tests/house/lock.sh ROOT - no lock file of npm says where a package is to be fetched: that is for the
# npm of whoever builds to know. Each says what it must be, by its hash.
cd "$1" || exit 2
locks=$(find www tests -name node_modules -prune -o -name package-lock.json -print)
[ -n "$locks" ] || exit 2
wrong=$(
    for lock in $locks; do
        grep -Hn '"resolved"' "$lock"
        [ "$(grep -c '"integrity": "sha512-' "$lock")" = "$(grep -c '"node_modules/.*": {' "$lock")" ] ||
            echo "$lock: a package without its hash"
    done
)
[ -n "$wrong" ] || exit 0
echo "$wrong"
exit 1
