# shellcheck shell=bash
# script/lib/bench/rows_peers.sh - rows of script/bench against other judges, of which the checkouts are
# given: the same images, the same sources, as many at a time as there are cores. Needs throughput.sh.

# peer_build NAME DIR PACKAGE: the peer's program, built from its checkout, is $root/build/peers/NAME.
peer_build() {
    command -v go >/dev/null || die "--peer $1 needs go, to build it"
    mkdir -p "$root/build/peers"
    step "building $1" env -C "$2" GOFLAGS=-buildvcs=false go build -o "$root/build/peers/$1" "$3" ||
        die "$1 cannot be built"
}

# Ours with cells reused and ephemeral, and the peer, in turns; peer_run BATCH prints its seconds.
peer_rounds() { # NAME
    local n side first=700000 reused ephemeral
    serve reused RUNNER_CELL_USES=100
    reused=$port
    serve ephemeral
    ephemeral=$port
    python3 "$tools/throughput.py" make "$work/warm" 10 "$first"
    for side in peer "$reused" "$ephemeral"; do peer_side "$side" "$work/warm" >/dev/null; done
    for n in $(seq "$rounds"); do
        progress "$1" "$n"
        for side in peer "$reused" "$ephemeral"; do
            first=$((first + batch))
            python3 "$tools/throughput.py" make "$work/batch.$first" "$batch" "$first"
            peer_side "$side" "$work/batch.$first" >>"$work/seconds.$side"
        done
    done
    per_minute "$batch" "$work/seconds.peer" "$work/seconds.$reused" "$work/seconds.$ephemeral"
    result "$1" "five languages, cells reused" /min - "$work/seconds.$reused.rate" "$work/seconds.peer.rate"
    result "$1" "five languages, ephemeral" /min - "$work/seconds.$ephemeral.rate" "$work/seconds.peer.rate"
}
peer_side() {
    case $1 in
    peer) peer_run "$2" ;;
    *) python3 "$tools/throughput.py" judge "$1" "$2" ;;
    esac
}

# One go-judge for each image, for one has one file system. Our client keeps as many submissions going
# as there are cores, whatever their languages.
row_go-judge() {
    local language
    peer_build go-judge "$(realpath -e "${peers[go-judge]}")" ./cmd/go-judge
    trees_for python go c cpp java
    for language in python go c cpp java; do
        mkdir -p "$work/$language"
        python3 "$tools/peer_go_judge.py" mounts "$(cat "$work/tree.$language")" "$work/$language/mount.yaml"
        go_judge_start "$language"
    done
    peer_run() { python3 "$tools/peer_go_judge.py" judge "$work" "$1" "$(nproc)"; }
    peer_rounds go-judge
}
go_judge_start() { # LANGUAGE
    local deadline=$((SECONDS + 20))
    port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    echo "$port" >"$work/port.$1"
    (cd "$work/$1" && exec setpriv --pdeathsig KILL "$root/build/peers/go-judge" -release -silent \
        -http-addr "127.0.0.1:$port" -monitor-addr 127.0.0.1:0 -parallelism "$(nproc)" \
        -cgroup-prefix "scrcbench-$1" -mount-conf "$work/$1/mount.yaml") >"$work/$1/log" 2>&1 &
    pids+=("$!")
    until [ "$(ask version)" = 200 ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "${pids[-1]}" 2>/dev/null; then
            tail "$work/$1/log" >&2
            die "go-judge does not answer"
        fi
        sleep 0.05
    done
}

# The Go worker takes from one topic and gives to another; it must find both.
row_scrc-go() {
    peer_build scrc-go "$(realpath -e "${peers[scrc-go]}")" ./cmd/scrc
    kcat -b "$brokers" -L -t peer >/dev/null
    kcat -b "$brokers" -L -t peer-results >/dev/null
    env KAFKA_BROKERS="$brokers" KAFKA_TOPIC=peer KAFKA_GROUP_ID=peer KAFKA_RESULTS_TOPIC=peer-results \
        RUNNER_MAX_PARALLEL="$(nproc)" setpriv --pdeathsig KILL "$root/build/peers/scrc-go" \
        >"$work/scrc-go.log" 2>&1 &
    pids+=("$!")
    peer_run() {
        python3 "$tools/throughput.py" kafka "$brokers" peer "$1" ||
            { tail "$work/scrc-go.log" >&2 && die "the Go worker does not judge"; }
    }
    peer_rounds scrc-go
}
