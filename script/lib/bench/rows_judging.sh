# shellcheck shell=bash
# script/lib/bench/rows_judging.sh - rows of script/bench: what one submission, one build, one test costs.

row_cell() {
    local n served plain
    for n in $(seq "$rounds"); do
        progress cell "$n"
        read -r served plain _ < <("$bin/tests/bench_cell" "$C_RUN_IMAGE" "$clients/nothing")
        echo "$served" >>"$work/mine"
        echo "$plain" >>"$work/other"
    done
    result cell "one test in a warm cell, p50" us "<= 1.25"
}

# The input is made anew for each test, as the judge does.
row_input() {
    local n served plain
    for n in $(seq "$rounds"); do
        progress input "$n"
        read -r served plain < <("$bin/tests/bench_cell" "$C_RUN_IMAGE" "$clients/drink" 10000000)
        awk -v x="$served" 'BEGIN { print x / 1000 }' >>"$work/mine"
        awk -v x="$plain" 'BEGIN { print x / 1000 }' >>"$work/other"
    done
    result input "10 MB input, against cat through a pipe" ms "<= 1.5"
}

row_python() {
    local bare
    bare=$(python_tree)
    submission python "print(1)" >"$work/one.json"
    serve reused RUNNER_CELL_USES=100
    wait_row python "cells reused" 60 0 "<= 1.2" "$work/one.json" "$bare" python3 /tmp/script.py
    serve ephemeral
    wait_row python "ephemeral, 300 ms gap" $((quick ? 8 : 15)) 300 "<= 2" "$work/one.json" "$bare" python3 /tmp/script.py
}

# Built on both sides once.
row_cached() {
    local bare source='int puts(const char *); int main(void) { puts("1"); }'
    bare=$(c_tree cached "$source")
    submission c "$source" >"$work/cached.json"
    serve reused RUNNER_CELL_USES=100 BUILD_CACHE_BYTES=1GiB
    wait_row cached "cells reused" 60 0 "<= 4.5" "$work/cached.json" "$bare" /tmp/cached
    serve ephemeral BUILD_CACHE_BYTES=1GiB
    wait_row cached "ephemeral, 300 ms gap" $((quick ? 8 : 15)) 300 "<= 6" "$work/cached.json" "$bare" /tmp/cached
}
wait_row() { # ROW LABEL COUNT GAP REACH BODY TREE COMMAND...
    local row=$1 label=$2 count=$3 gap=$4 reach=$5 body=$6 n served plain
    shift 6
    rm -f "$work/mine" "$work/other"
    for n in $(seq "$rounds"); do
        progress "$row, $label" "$n"
        read -r served plain < <("$clients/bench_http" wait "$port" "$body" "$count" "$gap" "$@")
        awk -v x="$served" 'BEGIN { print x / 1000 }' >>"$work/mine"
        awk -v x="$plain" 'BEGIN { print x / 1000 }' >>"$work/other"
    done
    result "$row" "POST ?wait p50, $label" ms "$reach"
}

# A new source less one that was built before is what a build costs whoever waits for it.
row_build() {
    local new known name label reach
    trees_for c cpp go java
    serve new RUNNER_CELL_USES=1000
    new=$port
    serve known RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB
    known=$port
    say "build: $rounds rounds"
    "$tools/mounted.sh" "$work" python3 "$tools/builds.py" "$work" "$new" "$known" "$rounds"
    while IFS='|' read -r name reach label; do
        result build "$label" ms "$reach" "$work/$name.mine" "$work/$name.other"
    done <<'LINES'
java|<= 0.1|Java, p50
cpp|<= 0.5|C++ with <iostream>, p50
bits|<= 0.3|C++ with <bits/stdc++.h>, p50
c|-|C, p50
go|-|Go, p50
LINES
}

# The same program with more and more tests; each line is beside the one before.
row_tests() {
    local n count last="" source='int puts(const char *); int main(void) { puts("1"); }'
    for count in 1 10 100 1000; do
        python3 -c 'import json, sys
print(json.dumps({"language": "c", "source": sys.argv[1], "tests": [
    {"input": "", "expected_output": "1"}] * int(sys.argv[2])}))' "$source" "$count" >"$work/tests.$count"
    done
    serve tests RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB
    judged c "$source"
    for n in $(seq "$rounds"); do
        progress tests "$n"
        for count in 1 10 100 1000; do
            "$clients/bench_http" wait "$port" "$work/tests.$count" $((count < 100 ? 40 : 2000 / count)) 0 |
                awk -v n="$count" '{ print $1 / 1000 / n }' >>"$work/each.$count"
        done
    done
    for count in 1 10 100 1000; do
        result tests "time a test, $count tests" ms "$([ -n "$last" ] && echo "<= 1.05" || echo -)" \
            "$work/each.$count" "${last:--}"
        last=$work/each.$count
    done
}

# As many at once as there are cores, so that each has a core while all others are busy. The bare ones
# are each kept to a core.
row_placement() {
    local bare source='#include <stdio.h>
int main(void)
{
    unsigned long long x = 1;
    for (int i = 0; i < 600000000; i++)
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    puts(x == 1 ? "never" : "1");
}'
    bare=$(c_tree busy "$source")
    serve placement RUNNER_CELL_USES=1000 BUILD_CACHE_BYTES=1GiB
    echo "$source" >"$work/busy.c"
    say "placement: $((rounds * 5)) rounds of $(nproc)"
    python3 "$tools/placement.py" "$port" "$work/busy.c" "$bare/tmp/busy" $((rounds * 5)) "$work"
    result placement "CPU of a program, all cores busy, middle 4/5" ms "spread <= 2"
}
