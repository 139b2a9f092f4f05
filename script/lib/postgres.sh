# shellcheck shell=bash
# script/lib/postgres.sh - a PostgreSQL server of our own, for tests and benchmarks.
#
# postgres_ensure installs it. Everything else here needs its programs alone (the newest in
# /usr/lib/postgresql, or those in SCRC_POSTGRES_BIN), so that tests source this file by itself.
#
# A server has a keeper, which ends with whoever started it: it reads commands from a pipe, and when
# the pipe closes, however that came, it stops the server and removes its directory.

# Tests source this often: nothing here starts a process.
postgres_sh=${BASH_SOURCE[0]}
[[ $postgres_sh == /* ]] || postgres_sh=$PWD/$postgres_sh
postgres_build=${postgres_sh%/*}/../../build
postgres_password=scrc
postgres_patience=60 # seconds that a server has to answer, or to end
postgres_as=()       # its programs refuse to be root
[ "$EUID" != 0 ] || postgres_as=(setpriv --reuid postgres --regid postgres --init-groups)

postgres_find() {
    local found=(/usr/lib/postgresql/*/bin)
    postgres_bin=${SCRC_POSTGRES_BIN:-${found[-1]}}
}
postgres_find

postgres_ensure() {
    [ -n "$(packages_missing "${packages_postgres[@]}")" ] || return 0
    step "installing PostgreSQL" postgres_install || die "cannot install PostgreSQL"
    postgres_find
}

# Debian's package makes a server and starts it, unless a file that it reads says otherwise.
postgres_install() {
    local settings=/etc/postgresql-common/createcluster.conf status=0
    packages_install postgresql-common || return 1
    cp -a "$settings" "$settings.scrc" && echo 'create_main_cluster = false' >>"$settings" || return 1
    packages_install "${packages_postgres[@]}" || status=1
    mv "$settings.scrc" "$settings" && return "$status"
}

# ---- its directory ----

# postgres_settle DIR [WORD...]: makes DIR/data. fsync: as who must not lose anything on a loss of power
# (the default loses nothing when processes are killed). tcp: also on 127.0.0.1, with a password. tls:
# that, and with TLS only. standby=OTHER: a copy that follows the server of the directory OTHER.
postgres_settle() {
    local dir=$1 word fsync=off listen='' port=5432 other=''
    shift
    for word in "$@"; do
        case $word in
        fsync) fsync=on ;;
        tcp | tls) listen=127.0.0.1 && port=$(postgres_free_port) ;;
        standby=*) other=${word#standby=} ;;
        *) echo "no such word: $word" >&2 && return 1 ;;
        esac
    done
    if [ -n "$other" ]; then
        "${postgres_as[@]}" "$postgres_bin/pg_basebackup" -h "$other" -p "$(cat "$other/port")" \
            -U postgres -D "$dir/data" -c fast --no-sync -R || return 1
    else
        postgres_copy "$dir" || return 1
    fi
    echo "$port" >"$dir/port"
    postgres_settings "$dir" "$listen" "$port" "$fsync" >>"$dir/data/postgresql.conf" || return 1
    [[ " $* " != *" tls "* ]] || postgres_certify "$dir"
}

# initdb takes seconds: what it made is kept, for the version and the options it was made with.
postgres_copy() {
    local kept=$postgres_build/postgres key
    key=$("$postgres_bin/postgres" --version) && key="$key $(cksum <"$postgres_sh")" || return 1
    mkdir -p "$postgres_build" || return 1
    (
        flock 7 # two at once make it once
        if [ "$(cat "$kept/have" 2>/dev/null)" = "$key" ] && [ -r "$kept/data/PG_VERSION" ]; then
            cp -a "$kept/data" "$1/data"
            exit
        fi
        postgres_init "$1" || exit 1
        rm -rf "$kept" "$kept.part" && mkdir "$kept.part" && cp -a "$1/data" "$kept.part/data" &&
            echo "$key" >"$kept.part/have" && mv "$kept.part" "$kept"
    ) 7>"$postgres_build/postgres.lock"
}

postgres_init() {
    echo "$postgres_password" >"$1/password" || return 1
    "${postgres_as[@]}" "$postgres_bin/initdb" -D "$1/data" -U postgres --pwfile "$1/password" \
        --encoding UTF8 --locale C --no-sync --auth-local trust --auth-host scram-sha-256
}

# Shared memory is in its directory, so that a killed server leaves none behind.
postgres_settings() { # DIR LISTEN PORT FSYNC
    cat <<SETTINGS
listen_addresses = '$2'
port = $3
unix_socket_directories = '$1'
max_connections = 200
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
max_wal_size = 256MB
fsync = $4
full_page_writes = $4
SETTINGS
}

# Of those that the kernel gives to nobody, so that it is free again when the server starts again.
postgres_free_port() {
    /usr/bin/python3 -c 'import random, socket
while True:
    try:
        port = random.randrange(20000, 32000)
        socket.create_server(("127.0.0.1", port)).close()
        break
    except OSError:
        pass
print(port)'
}

postgres_certify() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=scrc-test \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$1/data/server.key" -out "$1/data/server.crt" || return 1
    chown --reference "$1/data" "$1"/data/server.* && chmod 600 "$1/data/server.key" || return 1
    cp "$1/data/server.crt" "$1/root.crt" && chmod 644 "$1/root.crt" && echo 'ssl = on' >>"$1/data/postgresql.conf" &&
        sed -i 's/^host /hostssl /' "$1/data/pg_hba.conf"
}

# postgres_url DIR: of the database that every server has, for its superuser.
postgres_url() {
    local port
    port=$(cat "$1/port")
    if [ -f "$1/root.crt" ]; then
        echo "postgres://postgres:$postgres_password@127.0.0.1:$port/postgres?sslmode=verify-full&sslrootcert=$1/root.crt"
    elif [ "$port" != 5432 ]; then
        echo "postgres://postgres:$postgres_password@127.0.0.1:$port/postgres"
    else
        echo "postgres://postgres@/postgres?host=$1"
    fi
}

# ---- the keeper ----

# postgres_keep [WORD...]: makes a directory, starts a server in it (postgres_settle has the words) and
# says `ready URL DIR`. Then it obeys, and answers each command with `ok` or `failed`:
#   stop           as an administrator does: whoever is connected is told
#   quit           at once, by the server itself
#   kill           all of its processes, by the kernel
#   start          again after these, with the same address and data
#   pause, resume  all of its processes: connections stay open and say nothing
#   promote        a standby becomes a server that can be written
# When its input ends, it stops the server and removes the directory.
postgres_keep() {
    local command answer
    postgres_dir=$(mktemp -d "$(postgres_place "$@")/scrc-p.XXXXXX") || exit 1
    postgres_pid=
    trap postgres_end EXIT
    trap 'exit 143' TERM
    trap '' INT HUP PIPE
    chmod 755 "$postgres_dir" && cd "$postgres_dir" || exit 1
    [ -z "${postgres_as[*]}" ] || chown postgres "$postgres_dir" || exit 1
    if ! postgres_settle "$postgres_dir" "$@" >>"$postgres_dir/log" 2>&1 || ! postgres_start; then
        tail -n 20 "$postgres_dir/log" >&2
        exit 1
    fi
    echo "ready $(postgres_url "$postgres_dir") $postgres_dir"
    while read -r command; do
        answer=ok
        postgres_obey "$command" >>"$postgres_dir/log" 2>&1 || answer=failed
        echo "$answer"
    done
}

# postgres_place [WORD...]: where its directory is. In memory, where there is enough and nothing is to
# last: on a busy disk it takes a second to remove a database.
postgres_place() {
    local free
    free=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1) || free=0
    [[ " $* " != *" fsync "* ]] && [ "$free" -gt 4000000 ] && echo /dev/shm || echo /tmp
}

postgres_obey() {
    case $1 in
    start) postgres_start ;;
    stop) postgres_stop INT ;;
    quit) postgres_stop QUIT ;;
    kill) postgres_kill ;;
    pause) kill -STOP "$postgres_pid" && postgres_signal STOP ;;
    resume) postgres_signal CONT ;;
    promote) "${postgres_as[@]}" "$postgres_bin/pg_ctl" promote -D "$postgres_dir/data" -t "$postgres_patience" ;;
    *) return 1 ;;
    esac
}

postgres_start() {
    local deadline=$((SECONDS + postgres_patience))
    (exec "${postgres_as[@]}" setpriv --pdeathsig QUIT "$postgres_bin/postgres" -D "$postgres_dir/data") \
        </dev/null >>"$postgres_dir/log" 2>&1 &
    postgres_pid=$!
    until postgres_ready; do
        kill -0 "$postgres_pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}

# Of the file that another server may have left here, only the one with our number counts.
postgres_ready() {
    local lines
    mapfile -t lines 2>/dev/null <"$postgres_dir/data/postmaster.pid" || return 1
    [ "${lines[0]:-}" = "$postgres_pid" ] && [[ ${lines[7]:-} == ready* ]]
} 2>/dev/null

postgres_stop() {
    [ -n "$postgres_pid" ] || return 1
    kill "-$1" "$postgres_pid" 2>/dev/null
    wait "$postgres_pid" 2>/dev/null
    postgres_pid=
}

# Its first process cannot make new ones meanwhile, since it is stopped first.
postgres_kill() {
    local all one deadline=$((SECONDS + postgres_patience))
    kill -STOP "$postgres_pid" || return 1
    all=$(postgres_processes)
    postgres_signal KILL
    wait "$postgres_pid" 2>/dev/null
    postgres_pid=
    for one in $all; do
        while [ -e "/proc/$one/exe" ]; do # not so of one that has ended and nobody has waited for
            [ "$SECONDS" -lt "$deadline" ] || return 1
            sleep 0.02
        done
    done
}

postgres_processes() { echo "$postgres_pid" && cat "/proc/$postgres_pid/task/$postgres_pid/children"; }
postgres_signal() {
    # shellcheck disable=SC2046 # a list of numbers
    kill "-$1" $(postgres_processes)
}

# A few bytes of System V memory are left by a killed server that nobody started again.
postgres_end() {
    trap - EXIT
    if [ -n "$postgres_pid" ] && kill -0 "$postgres_pid" 2>/dev/null; then
        postgres_signal CONT 2>/dev/null
        postgres_stop QUIT
    fi
    [ ! -f "$postgres_dir/data/postmaster.pid" ] ||
        ipcrm -m "$(sed -n '7s/.* //p' "$postgres_dir/data/postmaster.pid")" 2>/dev/null
    cd / && rm -rf "$postgres_dir"
}

# ---- one server for many processes ----

# postgres_share PID [WORD...]: a server for the children of PID, until that ends or postgres_unshare is
# called. They find the keeper's first words in postgres_shared PID. Not where SCRC_TEST_POSTGRES names a
# server.
postgres_share() {
    local dir said seen deadline=$((SECONDS + postgres_patience))
    [ -z "${SCRC_TEST_POSTGRES:-}" ] || return 0
    dir=/tmp/scrc-p.$1 said=$(postgres_shared "$1")
    rm -rf "$dir" && mkdir "$dir" && : >"$said" && exec {seen}<"$said" || return 1
    # shellcheck disable=SC2016 # the inner shell expands it
    setsid -f bash -c '. "$0"
        { echo "$BASHPID" >"$2/holder" && exec tail --pid="$1" -f /dev/null; } | postgres_keep "${@:3}"
        rm -rf "$2"' \
        "$postgres_sh" "$1" "$dir" "${@:2}" </dev/null >"$said" 2>&1 || return 1
    until grep -qs '^ready ' "$said"; do
        if [ ! -e "$said" ] || [ "$SECONDS" -ge "$deadline" ]; then
            cat <&"$seen" >&2
            return 1
        fi
        sleep 0.05
    done
}
postgres_shared() { echo "/tmp/scrc-p.$1/said"; }

postgres_unshare() {
    local dir=/tmp/scrc-p.$1 deadline=$((SECONDS + postgres_patience))
    [ -d "$dir" ] || return 0
    kill "$(cat "$dir/holder")" || return 1
    while [ -d "$dir" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# ---- databases ----

# postgres_create URL NAME [OPTIONS]: a database, empty, on the server of URL; prints its own URL. OPTIONS
# are words of CREATE DATABASE.
postgres_create() {
    postgres_psql "$1" "CREATE DATABASE $2 ${3:-}" && postgres_url_of "$1" "$2"
}
# postgres_drop URL NAME: also when somebody is connected to it.
postgres_drop() { postgres_psql "$1" "DROP DATABASE IF EXISTS $2 WITH (FORCE)"; }

postgres_psql() { "$postgres_bin/psql" -X -q -At -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# postgres_url_of URL NAME: another database of the same server.
postgres_url_of() {
    local question=''
    [[ $1 != *\?* ]] || question="?${1#*\?}"
    [[ ${1%%\?*} =~ ^([a-z]+://[^/]*) ]] && echo "${BASH_REMATCH[1]}/$2$question"
}
