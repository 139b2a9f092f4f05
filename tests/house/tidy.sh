#!/bin/bash
# tests/house/tidy.sh ROOT [FILE...] - clang-tidy finds nothing in the server's C, or in these files
# (.clang-tidy says what is asked). 77: no clang-tidy here.
#
# A file that was clean is not looked at again while all that makes it up is the same: ROOT/build/tidy
# has an empty file for each, named by a hash of .clang-tidy, the program and the preprocessed text.
#
# Of a file's time the analyzer takes nineteen parts in twenty. So it looks at the files that are named
# or have changed in the last commits, and at all of them in script/test --all; the other checks always
# look at all.
cd "$1" || exit 2
shift
command -v clang-tidy >/dev/null || exit 77
stamps=build/tidy
mkdir -p "$stamps" || exit 2
flags='-std=gnu17 -I. -D_GNU_SOURCE -DSCRC_VERSION=__FILE__'
rules=$(clang-tidy --version && cat .clang-tidy)
commits=20
export stamps flags rules deep

# Which files the analyzer looks at, a line each; where git does not know, all.
changed() {
    local git=(git -c safe.directory="$PWD")
    { "${git[@]}" diff --name-only "HEAD~$commits" -- '*.c' && "${git[@]}" ls-files -o --exclude-standard -- '*.c'; } 2>/dev/null ||
        printf '%s\n' "${files[@]}"
}

# What the compiler would read, comments too: some of them speak to clang-tidy.
read_all() {
    printf '%s\n%s\n' "$rules" "$flags $*"
    # shellcheck disable=SC2086 # a list of words
    cc $flags -D__clang_analyzer__ -E -C "$@"
}

look_at() {
    local told='-include tests/house/tidy.h' stamp findings which=''
    case $1 in schema/base/err.c | engine/agent/fault.c) told='' ;; esac # they define what it names
    case $1 in schema/store/postgres/*) told="$told $(pkg-config --cflags libpq)" ;; esac
    # shellcheck disable=SC2086
    stamp=$stamps/$(read_all $told "$1" | sha256sum | cut -d' ' -f1)
    [ -e "$stamp" ] && touch "$stamp" && return
    if ! grep -qxF "$1" <<<"$deep"; then
        which='--checks=-clang-analyzer-*' stamp=$stamp-quick
        [ -e "$stamp" ] && touch "$stamp" && return
    fi
    # shellcheck disable=SC2086
    findings=$(nice -n 19 clang-tidy --quiet $which "$1" -- $flags $told 2>&1) && touch "$stamp" && return
    sed '/ warnings\{0,1\} generated\.$/d' <<<"$findings"
    return 1
}
export -f look_at read_all

files=("$@")
if [ $# -gt 0 ]; then
    deep=$(printf '%s\n' "$@")
else
    mapfile -t files < <(find schema engine bridge client server -name '*.c')
    [ -n "${SCRC_TEST_ALL:-}" ] && deep=$(printf '%s\n' "${files[@]}") || deep=$(changed)
fi
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(nproc)" bash -c 'look_at "$1" || exit 1' look_at
status=$?
find "$stamps" -type f -mtime +30 -delete
[ "$status" = 0 ]
