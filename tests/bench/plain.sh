#!/bin/bash
# tests/bench/plain.sh WORK BATCH - compiles and runs every program of BATCH with the plain commands,
# one process for each core, in the trees of the images. Prints the seconds that took. To be run by
# mounted.sh.
set -euo pipefail
work=$1
batch=$2

for language in python go c cpp java; do
    tree=$(cat "$work/tree.$language")
    {
        sed "s/^/export '/; s/$/'/" "$work/env.$language"
        cat "$work/plain.$language"
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
xargs -P "$(nproc)" -L 1 chroot <"$batch/jobs" >&2
end=$EPOCHREALTIME

while read -r tree _ _ here; do
    [ "$(cat "$tree$here/2.out")" = 42 ] || { echo "plain: $here is wrong" >&2 && exit 1; }
done <"$batch/jobs"
awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.3f\n", b - a }'
