#!/bin/bash
# tests/bench/mounted.sh WORK COMMAND... - runs COMMAND where the trees of the images that WORK/tree.*
# name have what a cell has too: /dev, /proc, and a work directory in memory. In a mount namespace of its
# own, so that all of it ends with COMMAND, and with the environment of the plain commands.
set -euo pipefail
[ "${mounted:-}" ] || mounted=1 exec unshare --mount "$0" "$@"
work=$1
shift
for file in "$work"/tree.*; do
    tree=$(cat "$file")
    if ! mountpoint -q "$tree/tmp"; then
        mount --bind /dev "$tree/dev"
        mount -t proc proc "$tree/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
    fi
done
exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 CGO_ENABLED=0 \
    GOPROXY=off GOTOOLCHAIN=local GOENV=off GOPATH=/tmp/go GOCACHE=/var/tmp/go-build \
    PYTHONDONTWRITEBYTECODE=1 "$@"
