# shellcheck shell=bash
# script/lib/bench/rows_events.sh - the row of script/bench with 20 streams of everything and 1,980 of one
# submission each. Needs throughput.sh.

all_streams=20
own_streams=1980

# crowd: starts them and a scrape every second; their ids go to $ids. Sets $crowd.
crowd() { # PORT
    ids=$work/ids
    rm -f "$ids" && mkfifo "$ids"
    "$clients/bench_events" "$1" "$all_streams" 1000 <"$ids" >"$work/crowd" 2>"$work/crowd.err" &
    crowd=$!
    pids+=("$crowd")
}
# disperse: ends them. Prints STREAMS EVENTS BYTES METRICS_US.
disperse() {
    kill -TERM "$crowd"
    wait "$crowd" || { cat "$work/crowd.err" >&2 && die "the crowd has failed"; }
    tail -n 1 "$work/crowd"
}
until_open() {
    local deadline=$((SECONDS + 60))
    until grep -q open "$work/crowd"; do
        if ! kill -0 "$crowd" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            cat "$work/crowd.err" >&2
            die "not every stream was opened"
        fi
        sleep 0.05
    done
}

row_events() {
    events_throughput
    events_latency
}

# One server, and its own submissions are what the streams are of.
events_throughput() {
    local n side count=180 first=200000 streams events bytes metrics_us
    serve events RUNNER_CELL_USES=100
    python3 "$tools/throughput.py" make "$work/events.warm" 5 "$first"
    python3 "$tools/throughput.py" judge "$port" "$work/events.warm" >/dev/null
    for n in $(seq "$rounds"); do
        progress events "$n"
        for side in alone crowded; do
            first=$((first + count))
            python3 "$tools/throughput.py" make "$work/events.$first" "$count" "$first"
            case $side in
            alone)
                python3 "$tools/throughput.py" judge "$port" "$work/events.$first"
                ;;
            crowded)
                crowd "$port"
                python3 "$tools/throughput.py" judge "$port" "$work/events.$first" "$ids" \
                    $((own_streams / count))
                disperse >"$work/events.crowd"
                ;;
            esac >>"$work/events.$side"
        done
    done
    read -r streams events bytes metrics_us <"$work/events.crowd"
    say "$streams streams got $events events in $bytes bytes; a scrape took $metrics_us us"
    per_minute "$count" "$work/events.crowded" "$work/events.alone"
    result events "five languages, $streams streams" /min ">= 0.95" "$work/events.crowded.rate" \
        "$work/events.alone.rate"
    stop_all
}

# The streams are of submissions that wait for ever: the image of their language is nowhere.
events_latency() {
    local n side body=$work/one.json
    submission python "print(1)" >"$body"
    serve waiting RUNNER_CELL_USES=1000 JAVA_IMAGE=scrc-local/nowhere JAVA_RUN_IMAGE=scrc-local/nowhere
    seq -f '{"id": "w%.0f", "language": "java", "source": "class Main {}"}' 0 $((own_streams - 1)) \
        >"$work/waiting.lines"
    python3 "$tools/first_event.py" "$port" 5 >/dev/null
    python3 "$tools/throughput.py" post "$port" "$work/waiting.lines"
    for n in $(seq "$rounds"); do
        progress events "$n"
        for side in alone crowded; do
            if [ "$side" = crowded ]; then
                crowd "$port"
                seq -f w%.0f 0 $((own_streams - 1)) >"$ids"
                until_open
            fi
            "$clients/bench_http" wait "$port" "$body" 60 0 |
                awk '{ print $1 / 1000 }' >>"$work/verdict.$side"
            python3 "$tools/first_event.py" "$port" 30 >"$work/event"
            cut -d ' ' -f 1 "$work/event" >>"$work/event.p50.$side"
            cut -d ' ' -f 2 "$work/event" >>"$work/event.p99.$side"
            [ "$side" = alone ] || disperse >/dev/null
        done
    done
    result events "POST ?wait p50, 2,000 streams" ms "<= 1.05" "$work/verdict.crowded" "$work/verdict.alone"
    result events "a test's event p50, crowded and alone" ms "value <= 10" "$work/event.p50.crowded" \
        "$work/event.p50.alone"
    result events "a test's event p99, crowded and alone" ms "value <= 10" "$work/event.p99.crowded" \
        "$work/event.p99.alone"
}
