#!/bin/sh
# tests/vm/service.sh - inside the VM, whose first process is systemd: the Debian package as a service, from its
# installation to its end, with the power cut once in between. It goes on after that at part_two.
cd /payload || exit 1
# shellcheck source=tests/vm/inside.sh
. ./inside.sh
env=/etc/scrc/scrc.env
phase=/var/lib/part-two # there from the power cut on

prop() { systemctl show -P "$1" scrc; }
apt() { DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -y -o Dpkg::Options::=--force-confold "$@" </dev/null; }
is() { [ "$1" = "$2" ] || { echo "it is '$1'"; return 1; }; }
is_active() { is "$(prop ActiveState)/$(prop SubState)" active/running; }
is_judging() { answers /readyz && is "$(prop StatusText)" judging; }
has_restarted() { # has_restarted PID: by systemd, and it is another process by now
    is_active && [ "$(prop MainPID)" != "$1" ]
}

# ---- submissions ----

submit() { # submit ID SECONDS: a program that sleeps so long and says so
    jq -n --arg id "$1" --arg s "$2" '{id: $id, language: "python", limits: {time_limit_ms: 60000, wall_time_limit_ms: 600000},
        source: "import time\ntime.sleep(\($s))\nprint(\"woke\")\n", tests: [{expected_output: "woke\n"}]}' >submission
    curl -sf -m 60 -H 'Content-Type: application/json' --data-binary @submission "$url/submissions"
}
is_running() { is "$(curl -s -m 20 "$url/results/$1" | jq -r .state)" running; }
runs() { submit "$1" "$2" && within 300 is_running "$1"; }
is_reported() { curl -s -m 20 -o report -w '%{http_code}' "$url/results/$1" | grep -qx 200; }
reported() { # reported ID: OK, and of an interrupted attempt none is counted
    within 600 is_reported "$1" || return 1
    jq -e '.verdict == "OK" and .attempts == 1' report >/dev/null || { head -c 600 report; return 1; }
}
known() { # known ID: its report is the one that was kept
    curl -sf -m 60 "$url/results/$1" >again && cmp "kept-$1" again
}
keep() { curl -sf -m 60 "$url/results/$1" >"kept-$1"; }

# ---- installed ----

installed() { apt install ./scrc.deb; }
of_its_user() { is "$(ps -o user=,group= -p "$(prop MainPID)" | xargs)" "scrc scrc"; }
owns_its_directories() {
    is "$(stat -c '%U:%G:%a' /var/lib/scrc /run/scrc | xargs)" "scrc:scrc:700 scrc:scrc:700"
}
says_why() { prop StatusText | grep '^not ready: '; }
configured() {
    cat settings - >>$env <<'EOF'
LANGUAGES=python,c
BUILD_TIME_LIMIT=300s
MAX_TIME_LIMIT=600s
RUNNER_TIME_LIMIT=120s
EOF
    systemctl restart scrc
}

# ---- hardened ----

confined() { # no new privileges, no capability, a filter of system calls
    grep -E '^(NoNewPrivs|Cap...|Seccomp):' "/proc/$(prop MainPID)/status" | tr -d '\t' | xargs >confined
    zero=0000000000000000
    is "$(cat confined)" "CapInh:$zero CapPrm:$zero CapEff:$zero CapBnd:$zero CapAmb:$zero NoNewPrivs:1 Seccomp:2"
}
exposure() { systemd-analyze security --no-pager scrc | tail -n 1; }
exposed_little() { systemd-analyze security --no-pager --threshold=16 scrc >exposed || { tail -n 1 exposed; return 1; }; }

# ---- restarts ----

watchdog() { # it stands still, and systemd starts it anew
    runs stands-still 30 || return 1
    pid=$(prop MainPID)
    kill -STOP "$pid"
    within 300 has_restarted "$pid" || return 1
    journalctl -u scrc -o cat | grep -q 'Watchdog timeout' || { echo "no watchdog"; return 1; }
    is "$(prop NRestarts)" 1
}
killed() {
    runs killed 20 || return 1
    pid=$(prop MainPID)
    kill -KILL "$pid"
    within 300 has_restarted "$pid" && is "$(prop NRestarts)" 2
}
stopped() { # with a run that takes longer than it waits
    runs stopped 90 || return 1
    began=$(uptime_s)
    systemctl stop scrc || return 1
    echo "stopped within $(($(uptime_s) - began)) s, with a program that runs" >took
    is "$(prop ActiveState)/$(prop Result)/$(prop ExecMainStatus)" inactive/success/0
}
started() { systemctl start scrc && is_active; }
refused() { # a wrong setting, which another start does not mend
    echo RUNNER_MAX_PARALLEL=many >>$env
    ! systemctl restart scrc || return 1
    sed -i '/RUNNER_MAX_PARALLEL=many/d' $env
    is "$(prop ActiveState)/$(prop ExecMainStatus)" failed/2 || return 1
    journalctl -u scrc -p err -o cat -n 20 | grep -q RUNNER_MAX_PARALLEL && systemctl reset-failed scrc && started
}
docker_restarts() { # under it, and it goes on
    pid=$(prop MainPID)
    runs survives 20 && systemctl restart docker && is "$(prop MainPID)" "$pid"
}

# ---- docs/operator.md ----

saved() { DATA_DIR=/var/lib/scrc scrc --backup /root/scrc.db && [ -s /root/scrc.db ]; }
restored() {
    systemctl stop scrc && mkdir -p /root/old && mv /var/lib/scrc/scrc.db* /root/old/ &&
        DATA_DIR=/var/lib/scrc scrc --restore /root/scrc.db && chown -R scrc: /var/lib/scrc && systemctl start scrc
}
checks() { # as the user of the service, with its settings
    systemd-run --quiet --wait --pipe --uid=scrc -p SupplementaryGroups=docker -p EnvironmentFile=$env \
        -p Environment=DATA_DIR=/var/lib/scrc scrc --check >checked 2>&1 || { cat checked; return 1; }
}

# ---- the end ----

upgraded() {
    pid=$(prop MainPID)
    apt install ./newer.deb && has_restarted "$pid" || return 1
    is "$(dpkg-query -W -f '${Version}' scrc)" "$(dpkg-deb -f newer.deb Version)"
}
settings_kept() { grep -q '^LANGUAGES=python,c' $env; }
removed() {
    apt remove scrc && is "$(prop LoadState)/$(prop ActiveState)" not-found/inactive && ! pgrep -x scrc
}
data_kept() { [ -s /var/lib/scrc/scrc.db ] && settings_kept; }
purged() {
    apt purge scrc && [ ! -e /var/lib/scrc ] && [ ! -e /etc/scrc ] && [ ! -e /run/scrc ] &&
        [ ! -e /etc/systemd/system/multi-user.target.wants/scrc.service ] && is "$(systemctl list-units --all --plain --no-legend 'scrc*')" ""
}
# What it called an error itself, but for what was provoked (a wrong setting, a Docker that is restarted), and what
# systemd says of the unit that it could not do.
no_errors() {
    journalctl -u scrc -o cat | grep 'level=error' | grep -vE 'RUNNER_MAX_PARALLEL|event=(judging|language)_paused .*Docker did not answer' >errors
    journalctl -b -u scrc -o cat | grep -E '^scrc.service: .*(not permitted|denied|No such|Unknown|ignoring)' >>errors
    [ ! -s errors ] || { cat errors; return 1; }
}

part_one() {
    say "begin at $(uptime_s) s: kernel $(uname -r), $(systemctl --version | head -n 1), Docker $(docker version --format '{{.Server.Version}}')"
    check "apt installs it" installed
    check "that has started it, and it said that it is ready" is_active
    check "it is of its user" of_its_user
    check "its directories are its own" owns_its_directories
    check "systemd is told why it does not judge" within 300 says_why
    check "it takes its settings" configured
    check "it is ready" within 600 is_judging
    check "it judges: $(jq -r '.[0].name' cases.json)" verdict 0
    check "it judges: $(jq -r '.[8].name' cases.json)" verdict 8
    say "what the unit exposes: $(exposure)"
    check "that is at most 1.6" exposed_little
    check "it has no capability, no new privileges, and a filter" confined
    check "scrc --check finds nothing wrong as its user" checks
    check "the watchdog starts it anew when it stands still" watchdog
    check "what ran meanwhile gets its report" reported stands-still
    check "systemd starts it anew when it was killed" killed
    check "what ran then gets its report" reported killed
    check "it stops in time and in order" stopped
    say "$(cat took)"
    check "it starts again" started
    check "what was given back gets its report" reported stopped
    keep stopped
    check "a wrong setting is named, and not tried again" refused
    check "Docker is restarted under it" docker_restarts
    check "what ran in that Docker gets its report" reported survives
    check "a backup while it runs" saved
    check "it is restored" restored
    check "a report is as it was" known stopped
    check "it is upgraded, and runs as the newer one" upgraded
    check "settings are kept" settings_kept
    check "a report is as it was after the upgrade" known stopped
    check "it judges after the upgrade" verdict 0
    check "a program runs when the power is cut" runs power 60
    say "power cut at $(uptime_s) s"
    touch $phase
    sync
    echo b >/proc/sysrq-trigger
}

part_two() {
    check "it has been started with the machine" within 300 is_active
    check "what ran when the power was cut gets its report" reported power
    check "a report is as it was after the power cut" known stopped
    check "its journal has no errors" no_errors
    check "it is removed" removed
    check "no container is left" nothing_left
    check "data and settings are kept" data_kept
    check "it is purged" purged
    say "end at $(uptime_s) s"
}

if [ -e $phase ]; then part_two; else part_one; fi
