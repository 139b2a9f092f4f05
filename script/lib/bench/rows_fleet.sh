# shellcheck shell=bash
# script/lib/bench/rows_fleet.sh - the row of script/bench of servers that share a database: $postgres.

fleet_c='int puts(const char *); int main(void) { puts("1"); }'
fleet_sleeps='int puts(const char *); int usleep(unsigned); int main(void) { usleep(200000); puts("1"); }'

row_fleet() {
    body_1k "$work/1k.json"
    fleet_post
    fleet_commits
    fleet_report
    fleet_servers
    fleet_killed
    fleet_table
}

# fleet_database NAME: a new one; prints its URL.
fleet_database() { postgres_create "$postgres" "bench_$1"; }

# fleet_intake NAME SETTING...: a server that takes and judges nothing, and does not look for Docker.
fleet_intake() {
    start_server "$@" RUNNER_MAX_PARALLEL=0 MAX_QUEUED=100000000 DOCKER_HOST="unix://$work/none"
}

# The other side puts as many rows into a transaction as the server did.
fleet_post() {
    local n mine each store
    store=$(fleet_database post)
    fleet_intake post STORE="$store"
    mine=$port
    for n in $(seq "$rounds"); do
        progress "fleet, post" "$n"
        load "$mine" >>"$work/post.mine"
        each=$(operations_a_commit "$mine")
        "$clients/bench_fleet" rows "$store" $((quick ? 4000 : 20000)) "$each" >>"$work/post.other"
        say "fleet: $each submissions a transaction"
    done
    stop_all
    result fleet "durable POST 1 KB, against bare libpq" /s ">= 0.5" "$work/post.mine" "$work/post.other"
}
operations_a_commit() { # PORT
    curl -s "http://127.0.0.1:$1/metrics" | awk '/^scrc_table_commits_total/ { commits = $2 }
        /^scrc_table_operations_total/ { operations = $2 }
        END { printf "%d", (operations > commits) ? operations / commits + 0.5 : 1 }'
}

# Every commit takes 5 ms. The servers are as many as their writers, the connections eight for each.
fleet_commits() {
    local n store ports=()
    store=$(fleet_database commits)
    postgres_psql "$postgres" "ALTER DATABASE bench_commits SET commit_delay = 5000"
    postgres_psql "$postgres" "ALTER DATABASE bench_commits SET commit_siblings = 0"
    for n in $(seq 8); do
        fleet_intake "commits.$n" STORE="$store"
        ports+=("$port")
    done
    for n in $(seq "$rounds"); do
        progress "fleet, commits of 5 ms" "$n"
        "$clients/bench_fleet" post "$work/1k.json" $((quick ? 2000 : 6000)) 64 "${ports[@]}" >"$work/posted"
        awk '{ print $1 / 1000 }' "$work/posted" >>"$work/commits.ms"
        awk '{ print $2 }' "$work/posted" >>"$work/commits.rate"
    done
    stop_all
    result fleet "commits of 5 ms, 8 servers: POST p50" ms "<= 60" "$work/commits.ms" -
    result fleet "commits of 5 ms, 8 servers: accepted" /s ">= 1000" "$work/commits.rate" -
}

# A program whose build is kept: what is left is the way of a submission through the table.
fleet_report() {
    local n side served count=$((quick ? 30 : 100))
    local -A port_of=()
    submission c "$fleet_c" >"$work/ready.json"
    for side in mine other; do
        serve "judges.$side" RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB LANGUAGES=c \
            STORE="$([ "$side" = other ] || fleet_database report)"
        port_of[$side]=$port
        judged c "$fleet_c"
    done
    for n in $(seq "$rounds"); do
        progress "fleet, report" "$n"
        for side in mine other; do
            read -r served _ < <("$clients/bench_http" wait "${port_of[$side]}" "$work/ready.json" "$count" 0)
            awk -v x="$served" 'BEGIN { print x / 1000 }' >>"$work/report.$side"
        done
    done
    stop_all
    paste "$work/report.mine" "$work/report.other" | awk '{ print $1 - $2 }' >"$work/report.more"
    result fleet "POST ?wait p50, against SQLite" ms - "$work/report.mine" "$work/report.other"
    result fleet "POST ?wait p50, more than with SQLite" ms "<= 5" "$work/report.more" -
}

# All are up the whole time; those that are not measured have nothing to do. They judge one at a time
# what leaves the cores alone, and all is sent to one of them.
fleet_servers() {
    local size n store each=$((quick ? 10 : 40)) first=0
    local -A port_of=()
    submission c "$fleet_sleeps" >"$work/sleeps.json"
    for size in 1 2 4; do
        store=$(fleet_database "servers_$size")
        for n in $(seq "$size"); do
            serve "servers.$size.$n" RUNNER_MAX_PARALLEL=1 RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB \
                LANGUAGES=c STORE="$store"
            port_of[$size]=$port
        done
        "$clients/bench_http" judge "$port" "$work/sleeps.json" $((8 * size)) $((2 * size)) 0 >/dev/null
    done
    for n in $(seq "$rounds"); do
        progress "fleet, servers" "$n"
        for size in 1 2 4; do
            "$clients/bench_http" judge "${port_of[$size]}" "$work/sleeps.json" $((each * size)) \
                $((4 * size)) "$first" | rate "$each" 1 >>"$work/servers.$size"
        done
    done
    stop_all
    for size in 2 4; do
        result fleet "sleeps of 200 ms, $size servers, each, against 1" /s ">= 0.95" "$work/servers.$size" \
            "$work/servers.1"
    done
}

# One of three servers is killed with most of the queue before it; beside it the same work of two servers
# that live.
fleet_killed() {
    local n side count=$((quick ? 40 : 200))
    submission c "$fleet_sleeps" >"$work/sleeps.json"
    for n in $(seq "$rounds"); do
        progress "fleet, killed" "$n"
        fleet_last_report "$n" mine 3 "$count" >>"$work/killed.mine"
        fleet_last_report "$n" other 2 "$count" >>"$work/killed.other"
    done
    paste "$work/killed.mine" "$work/killed.other" | awk '{ print $1 - $2 - 10 }' >"$work/killed.more"
    result fleet "one of 3 servers killed, $count queued: last report" s - "$work/killed.mine" "$work/killed.other"
    result fleet "the same, beyond the work of 2 and LEASE_TIMEOUT" s "<= 5" "$work/killed.more" -
}
# fleet_last_report ROUND SIDE SERVERS COUNT: the seconds from the death of the third server, or from the
# acceptance, to the last report.
fleet_last_report() {
    local n store began first=
    store=$(fleet_database "killed_$2_$1")
    for n in $(seq "$3"); do
        serve "killed.$2.$1.$n" RUNNER_MAX_PARALLEL=1 RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB LANGUAGES=c \
            LEASE_TIMEOUT=10s STORE="$store"
        first=${first:-$port}
    done
    "$clients/bench_fleet" post "$work/sleeps.json" "$4" 8 "$first" >/dev/null
    began=${EPOCHREALTIME/[.,]/}
    if [ "$3" = 3 ]; then
        until [ "$(postgres_psql "$store" "SELECT count(DISTINCT instance) FROM job WHERE state = 1")" = 3 ]; do :; done
        began=${EPOCHREALTIME/[.,]/}
        { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true # the shell would say that it is gone
    fi
    until [ "$(postgres_psql "$store" "SELECT count(*) FROM job WHERE finished_ms IS NULL")" = 0 ]; do sleep 0.1; done
    awk -v us=$((${EPOCHREALTIME/[.,]/} - began)) 'BEGIN { print us / 1000000 }'
    stop_all
}

# A snapshot that stays open for ten minutes keeps every dead row of what is judged meanwhile.
row_snapshot() {
    local n store seconds=$((quick ? 20 : 600)) count=$((quick ? 1000 : 4000)) end
    for n in open none; do
        store=$(fleet_database "$n")
        fleet_intake "tables.$n" STORE="$store" # makes the tables
        echo "$store" >"$work/url.$n"
    done
    stop_all
    postgres_psql "$(cat "$work/url.open")" "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM job;
        SELECT pg_sleep(3600)" >/dev/null 2>&1 &
    pids+=("$!")
    end=$((SECONDS + seconds))
    while [ "$SECONDS" -lt "$end" ]; do
        snapshot_round "$count"
        say "snapshot: open for $((seconds - end + SECONDS)) of $seconds s"
    done
    tail -n "$rounds" "$work/snapshot.open" >"$work/mine"
    tail -n "$rounds" "$work/snapshot.none" >"$work/other"
    result snapshot "claim and finish, a snapshot open for $seconds s" /s ">= 0.5"
}
snapshot_round() { # COUNT
    local n store
    for n in open none; do
        store=$(cat "$work/url.$n")
        fleet_fill "$store" 0 "$1"
        fleet_judge "$store" "$1" >>"$work/snapshot.$n"
    done
}

# A long history and a long queue.
fleet_table() {
    local n empty full finished=$((quick ? 50000 : 1000000)) queued=$((quick ? 5000 : 100000))
    local count=$((quick ? 1000 : 4000))
    empty=$(fleet_database empty) full=$(fleet_database full)
    for n in "$empty" "$full"; do
        fleet_intake "tables.${n##*_}" STORE="$n" # makes the tables
    done
    stop_all
    say "fleet: $finished finished rows and $queued queued"
    fleet_fill "$full" 2 "$finished"
    fleet_fill "$full" 0 "$queued"
    for n in $(seq "$rounds"); do
        progress "fleet, table" "$n"
        fleet_fill "$empty" 0 "$count"
        fleet_judge "$full" "$count" >>"$work/table.mine"
        fleet_judge "$empty" "$count" >>"$work/table.other"
    done
    result fleet "claim and finish, $((finished / 1000))k rows, $((queued / 1000))k queued" /s ">= 0.7" \
        "$work/table.mine" "$work/table.other"
}
fleet_judge() { # URL COUNT
    "$clients/bench_fleet" judge "$1" "$work/table.${1##*_}" "$2" 8
}
# fleet_fill URL STATE COUNT: so many rows in it, queued (0) or finished (2), and what autovacuum would do
# after them. Their ranks are those of schema/store/jobs_order.h, of priority 0.
fleet_fill() {
    postgres_psql "$1" "WITH made AS (
        INSERT INTO job(seq, rank, id, hash, state, language, submitted_ms, tests_total, attempts,
            finished_ms, verdict, tests_passed, duration_ms, cpu_time_ms, memory_bytes, error)
        SELECT seq, (10::bigint << 58) + seq * 1024,
            'b' || to_char(nextval('feed_number'), 'FM0000000000'), '\x', $2, 'c', 1700000000000 + i,
            1, $2 / 2, final.ms + i, final.verdict, final.tests,
            final.tests * (random() * 3000)::bigint, final.tests * 5,
            final.tests * (random() * 100000000)::bigint, final.error
        FROM (SELECT i, nextval(pg_get_serial_sequence('job', 'seq')) AS seq
                FROM generate_series(1, $3) AS i) AS numbers,
            (SELECT 1700000000100, 'OK', 1, '' WHERE $2 = 2
            UNION ALL SELECT NULL, NULL, NULL, NULL WHERE $2 = 0) AS final(ms, verdict, tests, error)
        RETURNING seq, state),
    stored AS (INSERT INTO body(seq, json) SELECT seq, repeat('x', 100)::bytea FROM made)
    INSERT INTO report(seq, json) SELECT seq, repeat('x', 100)::bytea FROM made WHERE state = 2"
    postgres_psql "$1" "VACUUM ANALYZE"
}
