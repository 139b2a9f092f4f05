# shellcheck shell=bash
# script/lib/base.sh - what every script needs: where the project is, how to speak, how to end.
# A script sources this first; it then has $root, say, die, step and as_root.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
logs=$root/build/log
me=$(realpath --relative-to="$root" "$0")

say() { printf '%s: %s\n' "$me" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# as_root "$@": everything here installs packages or talks to Docker, so the whole script runs as
# root, by way of sudo where it was not started so.
as_root() {
    [ "$(id -u)" != 0 ] || return 0
    command -v sudo >/dev/null || die "needs root: run it as root, or install sudo"
    say "going on as root, by sudo"
    exec sudo -E -- "$0" "$@"
}

# step TITLE COMMAND...: runs COMMAND with its output in a log, says every 10 s that it goes on, and
# shows the end of the log when it fails. COMMAND may be a function.
step() {
    local title=$1 log started=$SECONDS worker answer='' status
    shift
    mkdir -p "$logs"
    log=$logs/$(tr -cs 'A-Za-z0-9\n' - <<<"$title" | cut -c 1-40).log
    say "$title"
    # The pipe closes when the command has ended: no polling, no ticker to be left behind.
    exec {worker}< <("$@" >"$log" 2>&1 </dev/null && echo finished)
    step_pid=$!
    while :; do
        status=0
        read -r -t 10 -u "$worker" answer || status=$?
        [ "$status" -gt 128 ] || break
        say "  ... $((SECONDS - started)) s: $(step_tail "$log")"
    done
    exec {worker}<&-
    step_pid=
    [ "$answer" != finished ] || return 0
    tail -n 25 "$log" >&2
    say "failed: $title (all of it: $log)"
    return 1
}
step_pid=

# The last thing a log says; carriage returns are progress bars.
step_tail() { tail -c 2000 "$1" | tr '\r' '\n' | grep -a '[[:alnum:]]' | tail -n 1 | cut -c 1-100; }

kill_tree() {
    local child children
    children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || true
    kill "$1" 2>/dev/null || true
    for child in $children; do kill_tree "$child"; done
}

# A signal ends the script by way of exit, so that on_exit (which a script may set) is heard.
on_exit=:
base_end() {
    local status=$?
    trap - EXIT
    [ -z "$step_pid" ] || kill_tree "$step_pid"
    $on_exit
    exit "$status"
}
trap base_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
