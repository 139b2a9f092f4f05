#!/bin/bash
# tests/house/engine.sh ROOT - script/lib/engine.sh: scripts share an engine that one of them started,
# the last one ends it however it ended itself, and an engine that was there is left alone. With a
# docker and a dockerd of straw, so that no real engine is touched.
set -euo pipefail
root=$1
dir=$(mktemp -d)
unset DOCKER_HOST
trap 'touch "$dir/stop"; sleep 0.3; rm -rf "$dir"' EXIT

mkdir "$dir/bin"
cat >"$dir/bin/dockerd" <<STRAW
#!/bin/bash
[ ! -e $dir/broken ] || { echo "cannot start" && exit 1; }
echo started >>$dir/starts
touch $dir/up
trap 'rm -f $dir/up; exit 0' TERM
until [ -e $dir/stop ]; do sleep 0.05; done
STRAW
printf '#!/bin/sh\n[ -e %s/up ]\n' "$dir" >"$dir/bin/docker"
chmod +x "$dir"/bin/*
cat >"$dir/user" <<USER
#!/bin/bash
. $root/script/lib/base.sh
. $root/script/lib/packages.sh
. $root/script/lib/engine.sh
logs=$dir/log
engine_dir=$dir/run
engine_ensure
touch $dir/ready.\$1
exec sleep 100 # holds what the script held
USER

user() { # user NAME: starts one, sets $pid
    PATH=$dir/bin:$PATH bash "$dir/user" "$1" 2>>"$dir/said" &
    pid=$!
}
within() { # within SECONDS COMMAND...
    local end=$(($(date +%s) + $1 + 1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.05
    done
}
end() { # end SIGNAL PID
    kill "-$1" "$2"
    wait "$2" 2>/dev/null || true
}
down() { [ ! -e "$dir/up" ]; }
fail() {
    echo "engine: $*"
    cat "$dir/said"
    exit 1
}

user a && a=$pid
user b && b=$pid
within 10 test -e "$dir/ready.a" || fail "no engine"
within 10 test -e "$dir/ready.b" || fail "no engine for the second"
[ "$(wc -l <"$dir/starts")" = 1 ] || fail "two scripts at once started two engines"
end TERM "$a"
sleep 0.3
down && fail "it went down under its second user"
end KILL "$b"
within 5 down || fail "a killed user keeps it up"

user c && c=$pid
within 10 test -e "$dir/ready.c" || fail "it does not come up again"
end TERM "$c"
within 5 down || fail "it stays up after its only user"

touch "$dir/up"
user d && d=$pid
within 10 test -e "$dir/ready.d" || fail "an engine that is there is not used"
end TERM "$d"
sleep 0.3
down && fail "an engine that was there was stopped"
[ "$(wc -l <"$dir/starts")" = 2 ] || fail "a second engine was started beside one that was there"

rm "$dir/up"
touch "$dir/broken"
user e && e=$pid
wait "$e" && fail "success without an engine"
grep -q "cannot start" "$dir/said" || fail "dockerd's own words are missing"
