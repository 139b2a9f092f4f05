# shellcheck shell=bash
# script/lib/bench/servers.sh - servers under measurement, and the images as plain trees. Source base.sh
# first. A row runs in a shell of its own, with a directory of its own: $work.

trees=$root/build/trees
pids=()
# What `script/bench` and `script/profile` start is this build; --against changes it.
bin=$root/build/release
clients=$root/build/release/tests # the programs that measure, the same ones for every server

# serve NAME [SETTING=VALUE...]: a server of its own that has tested all of its languages and has the
# cells that it keeps, for that would be measured too. Sets $port and $pid. Without a build cache, so
# that what is built is measured, unless a row asks for one.
serve() {
    local before=
    start_server "$@"
    until [ "$(ask readyz)" = 200 ] && ! is_testing && [ "$before" = "$(cells)" ]; do
        kill -0 "$pid" 2>/dev/null || { tail "$work/$1/log" >&2 && die "scrc has ended"; }
        before=$(cells)
        sleep 0.5
    done
}

is_testing() { curl -s "http://127.0.0.1:$port/languages" | grep -q '"state": *"pending"'; }
cells() { curl -s "http://127.0.0.1:$port/metrics" | grep ^scrc_cells; }

# start_server NAME [SETTING=VALUE...]: as serve, but only listening.
start_server() {
    local dir=$work/$1
    shift
    mkdir -p "$dir/c"
    env HTTP_LISTEN=127.0.0.1:0 DATA_DIR="$dir/data" CELL_DIR="$dir/c" BUILD_CACHE_BYTES=0 "$@" \
        setpriv --pdeathsig TERM "$bin/scrc" >"$dir/log" 2>&1 &
    started "$dir/log"
}

# empty: bench_empty in place of a server. Sets $port and $pid.
empty() {
    "$clients/bench_empty" >"$work/empty.log" 2>&1 &
    started "$work/empty.log"
}

# started LOG: the last process in the background is a server that writes LOG. Sets $port and $pid.
started() {
    local deadline=$((SECONDS + 30))
    pid=$!
    pids+=("$pid")
    # The process that was just started may not have made its log yet.
    until port=$(address_of "$1") && [ -n "$port" ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$pid" 2>/dev/null; then
            tail "$1" >&2 || true
            die "does not listen: $1"
        fi
        sleep 0.05
    done
}
address_of() {
    [ ! -e "$1" ] || sed -nE 's/.*(listening on |event=listening .*address=[^ ]*:)([0-9]+).*/\2/p' "$1"
}

# ask PATH: the status of a GET; 000 while nobody answers.
ask() { curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/$1" || true; }

# judged LANGUAGE SOURCE: judged once by the server of $port, so that what it prepares is prepared; ends
# the row unless it is OK.
judged() {
    local body report
    body=$(submission "$1" "$2")
    report=$(curl -s -H 'Content-Type: application/json' -d "$body" "http://127.0.0.1:$port/submissions?wait=60")
    grep -q '"verdict": *"OK"' <<<"$report" || die "$1 is not judged OK: ${report:0:500}"
}

stop_all() {
    local p
    for p in "${pids[@]}"; do kill -TERM "$p" 2>/dev/null || true; done
    for p in "${pids[@]}"; do wait "$p" || true; done
    pids=()
}

# submission LANGUAGE SOURCE [ID]: as JSON, with one test, that prints 1.
submission() {
    printf '{%s"language": "%s", "source": "%s", "tests": [{"input": "", "expected_output": "1"}]}' \
        "${3:+"\"id\": \"$3\", "}" "$1" "$(sed 's/[\\"]/\\&/g' <<<"$2")"
}

# A submission of 1 KB; the source is what fills it.
body_1k() {
    submission python "print(1) #$(head -c 917 /dev/zero | tr '\0' x)" >"$1"
}

# ---- the images as plain trees ----

# tree IMAGE: prints where its files are.
tree() {
    local id container
    id=$(docker image inspect --format '{{.Id}}' "$1")
    if [ ! -e "$trees/${id#sha256:}" ]; then
        say "unpacking $1"
        rm -rf "$trees/new" && mkdir -p "$trees/new"
        container=$(docker create "$1" none)
        docker export "$container" | tar -xp -C "$trees/new"
        docker rm "$container" >/dev/null
        mv "$trees/new" "$trees/${id#sha256:}"
    fi
    mkdir -p "$trees/${id#sha256:}/tmp"
    echo "$trees/${id#sha256:}"
}

# trees_for LANGUAGE...: where the files and the environment of each one's build image are, in
# $work/tree.LANGUAGE and $work/env.LANGUAGE; tests/bench/mounted.sh reads them.
trees_for() {
    local language setting
    for language in "$@"; do
        setting=${language^^}_IMAGE
        tree "${!setting}" >"$work/tree.$language"
        docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "${!setting}" |
            sed '/^$/d' >"$work/env.$language"
    done
}

# python_tree: a tree with a Python program that prints 1, /tmp/script.py.
python_tree() {
    local bare
    bare=$(tree "$PYTHON_IMAGE")
    echo 'print(1)' >"$bare/tmp/script.py"
    echo "$bare"
}

# c_tree NAME SOURCE: a tree with /tmp/NAME, built with the flags of the language table.
c_tree() {
    local bare
    bare=$(tree "$C_IMAGE")
    echo "$2" >"$bare/tmp/$1.c"
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$bare" gcc -static -O2 -pipe -o "/tmp/$1" "/tmp/$1.c"
    echo "$bare"
}
