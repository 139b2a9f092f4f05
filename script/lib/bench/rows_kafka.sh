# shellcheck shell=bash
# script/lib/bench/rows_kafka.sh - the rows of script/bench that need a broker: $brokers. Needs throughput.sh.

# Docker is kept away, so that the self-tests of the languages do not run beside it.
row_kafka() {
    local n count=300000
    awk -v n="$count" -v x="$(head -c 870 /dev/zero | tr '\0' x)" 'BEGIN { for (i = 0; i < n; i++)
        printf "{\"id\": \"p%08d\", \"language\": \"python\", \"source\": \"print(1) #%s\", \"tests\": [{\"input\": \"\", \"expected_output\": \"1\"}]}\n", i, x }' \
        >"$work/kafka.lines"
    for n in $(seq "$rounds"); do
        progress kafka "$n"
        kcat -b "$brokers" -P -t "rows-$n" -l "$work/kafka.lines"
        kafka_rows "$n" "$count" >>"$work/mine"
        rm -rf "$work/bare" && mkdir "$work/bare"
        "$clients/bench_kafka" bare "$work/bare" "$count" >>"$work/other"
    done
    result kafka "topic to durable rows, 1 KB" /s ">= 0.5"
}
kafka_rows() { # ROUND COUNT
    local dir=$work/rows.$1
    mkdir -p "$dir/c"
    env HTTP_LISTEN=127.0.0.1:0 DATA_DIR="$dir/data" CELL_DIR="$dir/c" RUNNER_MAX_PARALLEL=0 \
        MAX_QUEUED=100000000 DOCKER_HOST="unix://$dir/none" KAFKA_BROKERS="$brokers" \
        KAFKA_TOPIC="rows-$1" KAFKA_GROUP_ID="rows-$1" \
        setpriv --pdeathsig TERM "$bin/scrc" >"$dir/log" 2>&1 &
    pid=$!
    pids+=("$pid")
    "$clients/bench_kafka" rows "$dir/data" "$2" || { tail "$dir/log" >&2 && die "no rows"; }
    stop_all
}

# One server with the broker up; the two ways in take turns.
row_kafka-http() {
    local n way count=50 first=100000
    serve both RUNNER_CELL_USES=100 KAFKA_BROKERS="$brokers" KAFKA_TOPIC=mix \
        KAFKA_RESULTS_TOPIC=mix-results
    python3 "$tools/throughput.py" make "$work/mix.warm" 5 0
    python3 "$tools/throughput.py" judge "$port" "$work/mix.warm" >/dev/null
    for n in $(seq "$rounds"); do
        progress kafka-http "$n"
        for way in http kafka; do
            first=$((first + count))
            python3 "$tools/throughput.py" make "$work/mix.$first" "$count" "$first"
            case $way in
            http) python3 "$tools/throughput.py" judge "$port" "$work/mix.$first" ;;
            kafka) python3 "$tools/throughput.py" kafka "$brokers" mix "$work/mix.$first" ;;
            esac >>"$work/mix.$way"
        done
    done
    per_minute "$count" "$work/mix.kafka" "$work/mix.http"
    result kafka-http "five languages, cells reused" /min ">= 0.9" "$work/mix.kafka.rate" "$work/mix.http.rate"
}

# Submissions that take next to nothing, so that what they wait for is what takes them in.
row_prefetch() {
    local n count=1500 first=0 side
    for side in 64 200000; do
        serve "prefetch.$side" RUNNER_MAX_PARALLEL=2 RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB \
            LANGUAGES=c KAFKA_PREFETCH="$side" KAFKA_BROKERS="$brokers" KAFKA_TOPIC="prefetch-$side" \
            KAFKA_GROUP_ID="prefetch-$side" KAFKA_RESULTS_TOPIC="prefetch-$side-results"
        small_lines 20 0
        kcat -b "$brokers" -P -t "prefetch-$side" -K $'\t' -l "$work/small.lines"
        # Counted, for a topic's end has the marks of transactions in it.
        until [ "$(kcat -b "$brokers" -C -t "prefetch-$side-results" -o beginning -e -q -f '.\n' 2>/dev/null | wc -l)" -ge 20 ]; do
            kill -0 "$pid" && sleep 0.1
        done
    done
    for n in $(seq "$rounds"); do
        progress prefetch "$n"
        first=$((first + count))
        small_lines "$count" "$first"
        for side in 64 200000; do
            python3 "$tools/throughput.py" lines "$brokers" "prefetch-$side" "$work/small.lines" \
                >>"$work/prefetch.$side.seconds"
        done
    done
    for side in 64 200000; do
        rate "$count" 1 <"$work/prefetch.$side.seconds" >"$work/prefetch.$side.rate"
    done
    result prefetch "64 taken ahead, 2 at a time" /s ">= 0.95" "$work/prefetch.64.rate" \
        "$work/prefetch.200000.rate"
}
small_lines() { # COUNT FIRST
    awk -v n="$1" -v first="$2" 'BEGIN { for (i = first; i < first + n; i++)
        printf "s%d\t{\"id\": \"s%d\", \"language\": \"c\", \"source\": \"int main(void) { return 0; }\", \"tests\": [{\"input\": \"\", \"expected_output\": \"\"}]}\n", i, i }' \
        >"$work/small.lines"
}

row_outbox() {
    local n count=10000 dir
    for n in $(seq "$rounds"); do
        progress outbox "$n"
        dir=$work/outbox.$n
        mkdir -p "$dir/c"
        "$clients/bench_outbox" make "$dir/data" "$count"
        env HTTP_LISTEN=127.0.0.1:0 DATA_DIR="$dir/data" CELL_DIR="$dir/c" RUNNER_MAX_PARALLEL=0 \
            DOCKER_HOST="unix://$dir/none" KAFKA_BROKERS="$brokers" KAFKA_TOPIC="outbox-$n" \
            KAFKA_GROUP_ID=outbox KAFKA_RESULTS_TOPIC="outbox-$n-results" \
            setpriv --pdeathsig TERM "$bin/scrc" >"$dir/log" 2>&1 &
        pid=$!
        pids+=("$pid")
        "$clients/bench_outbox" sent "$dir/data" "$count" >>"$work/mine" ||
            { tail "$dir/log" >&2 && die "the outbox does not go"; }
        stop_all
        "$clients/bench_outbox" bare "$brokers" "outbox-bare-$n" "$count" \
            "$(report_size "outbox-$n-results")" >>"$work/other"
    done
    result outbox "10,000 reports to their topic" /s "value >= 10000"
}
report_size() { kcat -b "$brokers" -C -t "$1" -o beginning -c 1 -q -f '%S'; }
