# shellcheck shell=bash
# script/lib/bench/rows_throughput.sh - rows of script/bench: how much is judged in a minute.

# Both servers are up the whole time; the one that is not measured has nothing to do.
row_throughput() {
    local reused ephemeral n side first=0
    serve reused RUNNER_CELL_USES=100
    reused=$port
    serve ephemeral
    ephemeral=$port
    throughput_prepare "$reused" "$ephemeral"
    for n in $(seq "$rounds"); do
        progress throughput "$n"
        for side in plain "$reused" "$ephemeral"; do
            first=$((first + batch))
            python3 "$tools/throughput.py" make "$work/batch.$first" "$batch" "$first"
            throughput_run "$side" "$work/batch.$first" >>"$work/seconds.$side"
        done
    done
    per_minute "$batch" "$work/seconds.plain" "$work/seconds.$reused" "$work/seconds.$ephemeral"
    result throughput "five languages, cells reused" /min ">= 3.0" "$work/seconds.$reused.rate" \
        "$work/seconds.plain.rate"
    result throughput "five languages, ephemeral" /min ">= 1.8" "$work/seconds.$ephemeral.rate" \
        "$work/seconds.plain.rate"
}

# The same sources again and again, for whom a build is kept.
row_seen() {
    local n side
    serve seen RUNNER_CELL_USES=100 BUILD_CACHE_BYTES=1GiB
    throughput_prepare
    python3 "$tools/throughput.py" make "$work/batch" "$batch" 500000
    python3 "$tools/throughput.py" judge "$port" "$work/batch" >/dev/null
    for n in $(seq "$rounds"); do
        progress seen "$n"
        for side in plain "$port"; do
            throughput_run "$side" "$work/batch" >>"$work/seconds.$side"
        done
    done
    per_minute "$batch" "$work/seconds.plain" "$work/seconds.$port"
    result seen "five languages, seen before, cells reused" /min ">= 8" "$work/seconds.$port.rate" \
        "$work/seconds.plain.rate"
}

# per_minute COUNT FILE...: of seconds FILE.rate.
per_minute() {
    local file count=$1
    shift
    for file in "$@"; do rate "$count" 60 <"$file" >"$file.rate"; done
}

# The plain commands, the trees, and one round of each side so that every cache is warm on all of them.
throughput_prepare() { # PORT...
    local side
    trees_for python go c cpp java
    python3 "$tools/throughput.py" plain "$work"
    python3 "$tools/throughput.py" make "$work/first" 10 0
    for side in plain "$@"; do throughput_run "$side" "$work/first" >/dev/null; done
}

throughput_run() { # plain|PORT BATCH
    case $1 in
    plain) "$tools/mounted.sh" "$work" "$tools/plain.sh" "$work" "$2" ;;
    *) python3 "$tools/throughput.py" judge "$1" "$2" ;;
    esac
}

# ---- small Python programs, each new ----

row_small() {
    local reused ephemeral bare n callers first=0 count=200 lives=$((12 * $(nproc)))
    bare=$(python_tree)
    submission python "print(1) # @NUMBER" >"$work/small.json"
    serve reused RUNNER_CELL_USES=100
    reused=$port
    judged python "print(1)"
    serve ephemeral
    ephemeral=$port
    judged python "print(1)"
    for n in $(seq "$rounds"); do
        progress small "$n"
        "$clients/bench_http" spawn "$count" "$(nproc)" "$bare" python3 /tmp/script.py >>"$work/bare"
        for callers in 4 16; do
            first=$((first + count))
            "$clients/bench_http" judge "$reused" "$work/small.json" "$count" "$callers" "$first" \
                >>"$work/reused.$callers"
        done
        python3 "$tools/lives.py" "$PYTHON_IMAGE" "$lives" "$(nproc)" python3 -c 'print(1)' >>"$work/lives"
        for callers in 4 16; do
            first=$((first + lives))
            "$clients/bench_http" judge "$ephemeral" "$work/small.json" "$lives" "$callers" "$first" \
                >>"$work/ephemeral.$callers"
        done
    done
    small_results "$count" reused bare "cells reused" ">= 0.85"
    small_results "$lives" ephemeral lives "ephemeral, against containers" ">= 0.9"
}
small_results() { # COUNT NAME OTHER LABEL REACH
    local callers
    rate "$1" 1 <"$work/$3" >"$work/$3.rate"
    for callers in 4 16; do
        rate "$1" 1 <"$work/$2.$callers" >"$work/$2.$callers.rate"
        result small "$callers clients, $4" /s "$5" "$work/$2.$callers.rate" "$work/$3.rate"
    done
}

# ---- a long queue ----

# A server for each measurement, since one with a queue always has something to do.
row_queued() {
    local n length count=400
    submission c "int puts(const char *); int main(void) { puts(\"1\"); }" q@NUMBER >"$work/queued.json"
    for n in $(seq "$rounds"); do
        progress queued "$n"
        for length in 10 1000 100000; do
            serve "queued.$n.$length" RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB LANGUAGES=c \
                MAX_QUEUED=1000000
            judged c "int puts(const char *); int main(void) { puts(\"1\"); }"
            "$clients/bench_http" queue "$port" "$work/queued.json" "$length" "$count" |
                rate "$count" 1 >>"$work/queued.$length"
            stop_all
            rm -rf "$work/queued.$n.$length"
        done
    done
    for length in 1000 100000; do
        result queued "$length queued, against 10" /s ">= 0.9" "$work/queued.$length" "$work/queued.10"
    done
}

# What one owner waits while another one has thousands of submissions in the queue. Its program leaves
# the cores to the others', so that what is longer is the wait.
row_owners() {
    local n flood=$((quick ? 3000 : 10000)) count=$((quick ? 20 : 60)) p95 sent
    serve owners RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB LANGUAGES=c
    owned many "$owners_prints" >"$work/many.json"
    owned one "$owners_sleeps" >"$work/one.json"
    judged c "$owners_prints"
    for n in $(seq "$rounds"); do
        progress owners "$n"
        read -r _ _ p95 < <("$clients/bench_http" wait "$port" "$work/one.json" "$count" 0)
        awk -v x="$p95" 'BEGIN { print x / 1000 }' >>"$work/other"
        sent=$("$clients/bench_http" load "$port" "$work/many.json" "$flood" 16 0)
        say "owners: $flood sent in $sent s"
        read -r _ _ p95 < <("$clients/bench_http" wait "$port" "$work/one.json" "$count" 0)
        awk -v x="$p95" 'BEGIN { print x / 1000 }' >>"$work/mine"
        say "owners: $(owners_waiting) wait behind it"
        until [ "$(owners_waiting)" = 0 ]; do sleep 0.5; done
    done
    result owners "p95 of one beside $flood of another, against alone" ms "<= 1.2"
}
owners_prints='int puts(const char *); int main(void) { puts("1"); }'
owners_sleeps='int puts(const char *); int usleep(unsigned); int main(void) { usleep(300000); puts("1"); }'
owned() { submission c "$2" | sed "s/^{/{\"owner\": \"$1\", /"; } # OWNER SOURCE
owners_waiting() {
    curl -s "http://127.0.0.1:$port/metrics" |
        awk '/^scrc_(queue_length|running) / { n += $2 } END { print n + 0 }'
}
