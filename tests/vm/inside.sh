# shellcheck shell=sh
# tests/vm/inside.sh - what the scripts share that run inside the VM. They begin with `cd /payload` and source this.
url=http://127.0.0.1:8080

say() { echo "SAYS $*"; }
check() { # check NAME COMMAND...
    name=$1
    shift
    if "$@" >why 2>&1; then echo "PASS $name"; else echo "FAIL $name: $(cat why)"; fi
}
uptime_s() { cut -d. -f1 /proc/uptime; }
within() { # within SECONDS COMMAND...: until it succeeds
    deadline=$(($(uptime_s) + $1))
    shift
    until "$@"; do
        [ "$(uptime_s)" -lt "$deadline" ] || { echo "not in time: $*"; return 1; }
        sleep 1
    done
}

answers() { curl -sf -m 20 "$url$1" >/dev/null; }
judged() { # what is in the file submission, its report in the file report; a busy machine may take long
    curl -s -m 300 -H 'Content-Type: application/json' --data-binary @submission "$url/submissions?wait=280" >report
    within 900 final "$(jq -r .id report)"
}
final() { [ "$(curl -s -m 120 -o report -w '%{http_code}' "$url/results/$1?wait=60")" != 202 ]; }
verdict() { # verdict INDEX: the report holds what the case wants
    jq ".[$1].submission" cases.json >submission
    judged
    jq -e --argjson want "$(jq ".[$1].report" cases.json)" 'contains($want)' report >/dev/null && return 0
    jq -c '{id, state, verdict, error, exit_code, signal, stdout, stderr, build_log, tests: [.tests[]? | {verdict, stdout, stderr}]}' report ||
        head -c 500 report
    return 1
}
nothing_left() { [ -z "$(docker ps -aq)" ] || { docker ps -a; return 1; }; }
