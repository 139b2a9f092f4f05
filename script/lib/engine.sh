# shellcheck shell=bash
# script/lib/engine.sh - a Docker engine: the one that is there, or one of our own while we run.
#
# An engine that a script started is shared by all scripts that run, and its keeper stops it when
# the last of them has ended. A user is a shared lock on $engine_dir/users, which the kernel drops
# with the process however that ends, so the count is never wrong. $engine_dir/start is held while
# somebody joins, starts or stops.

engine_dir=/run/scrc-engine

engine_answers() { timeout 5 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

engine_ensure() {
    command -v docker >/dev/null || engine_install
    if [ -n "${DOCKER_HOST:-}" ]; then
        engine_answers || die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"
        return 0
    fi
    export DOCKER_HOST=unix:///var/run/docker.sock # where scrc looks too, whatever `docker context` says
    mkdir -p "$engine_dir"
    exec 8>"$engine_dir/start" 9>"$engine_dir/users"
    flock -w 120 8 || die "another script has been starting or stopping Docker for two minutes"
    flock -s 9
    engine_answers || engine_start
    exec 8>&-
}

# Where a service manager runs, the package's own service comes up with it and is left to it.
engine_install() {
    packages_ensure docker.io
    command -v docker >/dev/null || packages_ensure docker-cli # a package of its own since Debian 13
}

engine_start() {
    command -v dockerd >/dev/null || engine_install
    engine_answers && return 0
    step "starting Docker for as long as scripts need it" engine_keep || {
        tail -n 15 "$engine_dir/log" >&2
        die "Docker does not start (all it said: $engine_dir/log)"
    }
}

# Our descriptors would be locks that the keeper holds against itself.
engine_keep() {
    setsid bash "$root/script/lib/engine-keeper.sh" "$engine_dir" </dev/null >"$engine_dir/log" 2>&1 \
        8>&- 9>&- &
    engine_wait "$!"
}

# engine_wait PID: at most 60 s, or as long as that child lives.
engine_wait() {
    local deadline=$((SECONDS + 60))
    until engine_answers; do
        kill -0 "$1" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}
