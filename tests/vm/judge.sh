#!/bin/sh
# tests/vm/judge.sh - inside the VM: starts scrc, sends it cases.json, says PASS or FAIL for each.
cd /payload || exit 1
# shellcheck source=tests/vm/inside.sh
. ./inside.sh
set -a
# shellcheck source=/dev/null
. ./settings
set +a
export DATA_DIR=/var/lib/scrc HTTP_LISTEN=127.0.0.1:8080
# Everything is 10 to 30 times slower here.
export BUILD_TIME_LIMIT=300s MAX_TIME_LIMIT=600s RUNNER_TIME_LIMIT=120s SHUTDOWN_TIMEOUT=120s

has_cgroup_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }
has_apparmor() { docker info --format '{{json .SecurityOptions}}' | grep name=apparmor; }
check_says() {
    ./scrc --check >check 2>&1 || { grep -A 2 UNFIT check; return 1; }
    grep -iE "$1" check
}
ready() {
    deadline=$(($(uptime_s) + 300))
    until curl -sf -m 20 $url/readyz >/dev/null; do
        kill -0 "$scrc" 2>/dev/null || { tail -n 20 log; return 1; }
        [ "$(uptime_s)" -lt $deadline ] || { curl -s -m 20 $url/readyz; return 1; }
        sleep 1
    done
}
set_clock() { date -s "@$(($(date +%s) + $1))" >/dev/null; }
jumps() { # the clock that people set jumps an hour on and back while a program sleeps and spins
    jq -n '{language: "python", stop_on_failure: false,
        limits: {time_limit_ms: 20000, wall_time_limit_ms: 120000},
        source: "import time\nif input() == \"sleep\":\n    time.sleep(4)\n    print(\"slept\")\nelse:\n    while True: pass\n",
        tests: [{input: "sleep\n", expected_output: "slept\n"}, {input: "spin\n"}]}' >submission
    id=$(curl -s -m 60 -H 'Content-Type: application/json' --data-binary @submission $url/submissions | jq -r .id)
    deadline=$(($(uptime_s) + 280))
    jumped=0
    while [ "$(curl -s -m 60 -o report -w '%{http_code}' "$url/results/$id")" = 202 ]; do
        [ "$(uptime_s)" -lt $deadline ] || { echo "no report"; return 1; }
        set_clock 3600 && sleep 1 && set_clock -3600 && sleep 1 || return 1
        jumped=$((jumped + 1))
    done
    jq -e '[.tests[].verdict] == ["OK", "TL"] and .attempts == 1
        and .tests[0].duration_ms >= 4000 and .tests[0].duration_ms < 60000
        and .tests[1].cpu_time_ms >= 20000 and .tests[1].duration_ms < 120000' report >/dev/null ||
        jumped=0
    [ "$jumped" -ge 2 ] || { jq -c .tests report; return 1; }
}
no_helper() { # a crash starts no core_pattern helper on this host, where another crash does
    printf '#!/bin/sh\ncat >/dev/null\necho called >>/payload/helped\n' >helper
    chmod +x helper
    echo '|/payload/helper' >/proc/sys/kernel/core_pattern
    jq -n '{language: "c", source: "int main(void) { *(volatile int *)0 = 1; }", tests: [{}]}' >submission
    judged
    jq -e '.verdict == "RE" and .signal == "SIGSEGV"' report >/dev/null || { jq -c . report; return 1; }
    [ ! -e helped ] || { cat helped; return 1; }
    sleep 100 &
    kill -s SEGV $!
    deadline=$(($(uptime_s) + 20))
    until [ -e helped ]; do # or this test could not fail
        [ "$(uptime_s)" -lt $deadline ] || { echo "no helper for another crash either"; return 1; }
        sleep 1
    done
}
stops() {
    kill -TERM "$scrc"
    wait "$scrc" || { echo "exit code $?"; tail -n 5 log; return 1; }
}
serve() {
    ./scrc >log 2>&1 &
    scrc=$!
}
cells_are_of() { # cells_are_of RUNTIME: there is one, and all of them have it
    docker ps -q | xargs docker inspect --format '{{.HostConfig.Runtime}}' | sort -u >runtimes
    [ "$(cat runtimes)" = "$1" ] || { cat runtimes; return 1; }
}

say "begin at $(uptime_s) s: kernel $(uname -r), Docker $(docker version --format '{{.Server.Version}}')"
check "cgroup v2" has_cgroup_v2
check "AppArmor is on" has_apparmor
check "scrc --check finds the platform fit" ./scrc --check
./scrc --check 2>&1 | sed 's/^/SAYS check: /'
check "boxes are made in place" check_says 'in.?place'
serve
check "ready" ready
say "ready at $(uptime_s) s"
count=$(jq length cases.json)
i=0
while [ "$i" -lt "$count" ]; do
    check "$(jq -r ".[$i].name" cases.json)" verdict "$i"
    i=$((i + 1))
done
check "P13 the clock jumps" jumps
check "P16 a crash starts no helper" no_helper
check "SIGTERM ends it with 0" stops
export RUNNER_RUNTIME=crun
check "scrc --check names crun" check_says 'runtime +crun'
serve
check "ready with crun" ready
check "the first case with crun" verdict 0
check "its cells are of crun" cells_are_of crun
check "SIGTERM ends it with 0 again" stops
check "no container is left" nothing_left
say "end at $(uptime_s) s"
