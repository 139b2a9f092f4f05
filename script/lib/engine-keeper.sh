#!/bin/bash
# script/lib/engine-keeper.sh DIR - runs dockerd until no script uses it any more (see engine.sh).
set -eu
dir=$1
exec 8>"$dir/start" 9>"$dir/users"

# No cell has a network, so the engine needs neither bridge nor packet filter.
setpriv --pdeathsig TERM dockerd --iptables=false --ip6tables=false --bridge=none 8>&- 9>&- &
engine=$!

while kill -0 "$engine" 2>/dev/null; do
    flock 9 & # comes when nobody holds it
    idle=$!
    wait -n "$engine" "$idle" || true
    kill -0 "$idle" 2>/dev/null && break # dockerd ended by itself
    flock -u 9
    flock 8          # nobody joins from here on
    flock -n 9 && break
    flock -u 8 # somebody had joined in between
done
kill -TERM "$engine" "$idle" 2>/dev/null || true
wait "$engine" || true
