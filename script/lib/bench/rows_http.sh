# shellcheck shell=bash
# script/lib/bench/rows_http.sh - rows of script/bench: the server as such, when it judges nothing.

row_post() {
    local mine theirs n
    body_1k "$work/1k.json"
    serve intake RUNNER_MAX_PARALLEL=0 MAX_QUEUED=100000000
    mine=$port
    empty
    theirs=$port
    for n in $(seq "$rounds"); do
        progress post "$n"
        load "$mine" >>"$work/mine"
        load "$theirs" >>"$work/other"
    done
    result post "durable POST 1 KB, 64 clients" /s ">= 0.25"
}
row_get() {
    local mine theirs n id
    serve results LANGUAGES=python
    mine=$port
    judged python "print(1)"
    id=$(curl -s "http://127.0.0.1:$port/results" | grep -oE '"id": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)
    empty
    theirs=$port
    for n in $(seq "$rounds"); do
        progress get "$n"
        hits "http://127.0.0.1:$mine/results/$id" >>"$work/mine"
        hits "http://127.0.0.1:$theirs/results/$id" >>"$work/other"
    done
    result get "GET /results/{id}, 64 clients" /s ">= 0.6"
}
load() { BODY=$work/1k.json ROUTE=/submissions hits "http://127.0.0.1:$1/" -s "$tools/post.lua"; }
# hits URL FLAG...: requests a second; anything but 2xx ends the row.
hits() {
    local out
    out=$(wrk -t 1 -c 64 -d "$((quick ? 2 : 4))s" "$@")
    ! grep -E 'Non-2xx|Socket errors' <<<"$out" >&2 || die "wrk $1: not all answers were good"
    awk '/Requests\/sec/ { print $2 }' <<<"$out"
}

row_memory() {
    local seconds
    body_1k "$work/1k.json"
    serve queue RUNNER_MAX_PARALLEL=0
    seconds=$("$clients/bench_http" load "$port" "$work/1k.json" 100000 64 0)
    say "memory: 100,000 accepted in $seconds s"
    awk '/VmRSS/ { print $2 / 1024 }' "/proc/$pid/status" >"$work/mine"
    result memory "RSS, 100,000 queued of 1 KB" MiB "<= 64"
}

row_metrics() {
    local n
    body_1k "$work/1k.json"
    serve metrics RUNNER_MAX_PARALLEL=0
    "$clients/bench_http" load "$port" "$work/1k.json" 100000 64 0 >/dev/null
    for n in $(seq "$rounds"); do
        progress metrics "$n"
        "$clients/bench_http" get "$port" /metrics 100 | awk '{ print $1 / 1000 }' >>"$work/mine"
    done
    result metrics "GET /metrics p50, 100,000 queued" ms "<= 5"
}

# From exec to the log line and to the first 200 of /readyz, images present.
row_start() {
    local n log line='' said begin listening=0 dir
    for n in $(seq $((rounds + 2))); do
        dir=$work/start.$n
        mkdir -p "$dir/c"
        begin=$EPOCHREALTIME
        exec {log}< <(env HTTP_LISTEN=127.0.0.1:0 DATA_DIR="$dir/data" CELL_DIR="$dir/c" \
            setpriv --pdeathsig TERM "$bin/scrc" 2>&1)
        pid=$!
        pids+=("$pid")
        until [[ $line == *event=listening* ]]; do
            said=$line
            read -r line <&"$log" || die "scrc has ended: $said"
        done
        listening=$EPOCHREALTIME
        port=${line##*address=}
        port=${port%%[^0-9.:]*}
        port=${port##*:}
        until ready; do :; done
        milliseconds "$begin" "$EPOCHREALTIME" >>"$work/ready"
        milliseconds "$begin" "$listening" >>"$work/listening"
        exec {log}<&-
        line=
        stop_all
    done
    result start "start to listening" ms - "$work/listening" -
    result start "start to ready" ms "<= 1000" "$work/ready" -
}
milliseconds() { awk -v a="$1" -v b="$2" 'BEGIN { print 1000 * (b - a) }'; } # FROM TO, in seconds
# Without a process of its own, which would cost more than what is measured.
ready() {
    local http answer
    exec {http}<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$http"
    read -r answer <&"$http"
    exec {http}>&-
    [[ $answer == *' 200 '* ]]
}
