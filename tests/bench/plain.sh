#!/bin/bash
# tests/bench/plain.sh WORK BATCH - compiles and runs every program of BATCH with the plain commands,
# one process for each core, in the trees of the images. Prints the seconds that took. To be run in
# a mount namespace of its own.
set -euo pipefail
work=$1
batch=$2

# What a cell has too: /dev, /proc, and a work directory in memory.
for language in python go c cpp java; do
    tree=$(cat "$work/tree.$language")
    if ! mountpoint -q "$tree/tmp"; then
        mount --bind /dev "$tree/dev"
        mount -t proc proc "$tree/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
    fi
    {
        sed "s/^/export '/; s/$/'/" "$work/env.$language"
        cat "$work/first/plain.$language"
    } >"$tree/tmp/plain.$language"
done

# One line for each program: what chroot is to run.
for from in "$batch"/*/; do
    name=$(basename "$from")
    tree=$(cat "$work/tree.${name##*.}")
    cp -r "$from" "$tree/tmp/$name"
    echo "$tree /bin/sh /tmp/plain.${name##*.} /tmp/$name"
done >"$batch/jobs"

begin=$EPOCHREALTIME
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 CGO_ENABLED=0 GOPROXY=off \
    GOTOOLCHAIN=local GOENV=off GOPATH=/tmp/go GOCACHE=/var/tmp/go-build PYTHONDONTWRITEBYTECODE=1 \
    xargs -P "$(nproc)" -L 1 chroot <"$batch/jobs" >&2
end=$EPOCHREALTIME

while read -r tree _ _ here; do
    [ "$(cat "$tree$here/2.out")" = 42 ] || { echo "plain: $here is wrong" >&2 && exit 1; }
done <"$batch/jobs"
awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.3f\n", b - a }'
