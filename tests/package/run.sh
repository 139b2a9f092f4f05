#!/bin/bash
# tests/package/run.sh - the Debian package in a fresh Debian 12: it installs, serves as its own user, is upgraded with
# its data and settings, is removed without its data, and purged with them. No systemd runs there, so the server is
# started by hand, with what the unit sets; systemd-analyze reads the unit. tests/vm starts it as the service it is.
here=$(dirname "$0")
# shellcheck source=script/lib/base.sh
. "$here/../../script/lib/base.sh"
# shellcheck source=script/lib/packages.sh
. "$here/../../script/lib/packages.sh"
# shellcheck source=tests/package/deb.sh
. "$here/deb.sh"

work=$root/build/package-test
chroot=$work/root
failed=0
server=

main() {
    packages_ensure "${packages_image[@]}" systemd curl
    on_exit=clean
    rm -rf "$work"
    step "making the package" deb_take "$work"
    step "a Debian 12 with what the package needs" make_chroot
    installs
    serves first 202 1
    upgrades
    removes
    exit "$failed"
}

clean() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount -l "$chroot/proc" 2>/dev/null || true
    rm -rf "$work"
}

check() { # NAME COMMAND...: one line in the form that script/lib/count.py reads
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "PASS $name"
    else
        echo "    $*"
        sed 's/^/    /' "$work/said"
        echo "FAIL $name"
        failed=1
    fi
}
inside() { chroot "$chroot" "$@"; }
absent() { ! inside test -e "$1"; }

make_chroot() {
    local needs base
    needs=$(deb_needs "$work/scrc.deb")
    base=$root/build/package-base-$(cksum <<<"$needs" | cut -d ' ' -f 1).tar
    if [ ! -s "$base" ]; then # kept: it takes most of the time
        rm -f "$root"/build/package-base-*.tar
        mmdebstrap --variant=minbase --include="$needs" bookworm "$base.new" --format=tar && mv "$base.new" "$base" || return 1
    fi
    mkdir "$chroot" && tar -xf "$base" -C "$chroot" && mount -t proc proc "$chroot/proc" &&
        printf '#!/bin/sh\nexit 101\n' >"$chroot/usr/sbin/policy-rc.d" && chmod +x "$chroot/usr/sbin/policy-rc.d" &&
        cp "$work/scrc.deb" "$work/newer.deb" "$chroot"
}

installs() {
    check "it installs" inside dpkg -i /scrc.deb
    check "it has its own user, without a shell" inside sh -c 'getent passwd scrc | grep -q ":/var/lib/scrc:/usr/sbin/nologin$"'
    check "the group of Docker's socket is there" inside getent group docker
    check "its data are its own" inside sh -c "stat -c %U:%G:%a /var/lib/scrc | grep -qx scrc:scrc:700"
    check "it says version and commit" inside sh -c 'scrc --version | grep -qE "^scrc [0-9.]+ \(commit [0-9a-f]{12}\)$"'
    for file in /etc/scrc/scrc.env /usr/share/doc/scrc/openapi.yaml /usr/share/doc/scrc/operator.md \
        /usr/share/doc/scrc/monitoring/alerts.yaml /usr/share/doc/scrc/copyright /lib/systemd/system/scrc.service; do
        check "$file" inside test -s "$file"
    done
    check "systemd can read the unit" unit_verifies
    check "what it exposes is at most 1.6" unit_is_hardened
    check "every name in the example of settings is one" settings_are_real
    check "the unit is enabled" inside test -L /etc/systemd/system/multi-user.target.wants/scrc.service
}

# There is neither the program nor Docker on this host, as far as it knows.
unit_verifies() {
    sed 's#^ExecStart=.*#ExecStart=/bin/true#; s#^Documentation=.*##' "$chroot/lib/systemd/system/scrc.service" >"$work/scrc.service"
    systemd-analyze verify "$work/scrc.service" 2>&1 | grep -v 'docker.service' >"$work/verified" || true
    cat "$work/verified" && [ ! -s "$work/verified" ]
}
unit_is_hardened() {
    systemd-analyze security --offline=true --threshold=16 "$work/scrc.service" | tail -n 1
    return "${PIPESTATUS[0]}"
}
settings_are_real() {
    inside scrc --help >"$work/help"
    sed -n 's/^#\([A-Z_]*\)=.*/\1/p' "$chroot/etc/scrc/scrc.env" | grep -vx PGPASSFILE | while read -r name; do
        grep -q "^  $name " "$work/help" || { echo "$name"; exit 1; }
    done
}

# What the unit sets, and nobody to judge: this is about files and rights.
start() {
    port=$(( 20000 + RANDOM % 10000 ))
    inside install -d -o scrc -g scrc /run/scrc
    chroot "$chroot" setpriv --reuid scrc --regid scrc --clear-groups env -i PATH=/usr/bin:/bin DATA_DIR=/var/lib/scrc \
        CELL_DIR=/run/scrc RUNNER_MAX_PARALLEL=0 HTTP_LISTEN="127.0.0.1:$port" scrc 2>"$work/log" &
    server=$!
    local deadline=$((SECONDS + 60))
    until [ "$(answer "http://127.0.0.1:$port/healthz")" = 200 ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$server"; then
            cat "$work/log" && return 1
        fi
        sleep 0.1
    done
}
stop() {
    local status=0
    kill -TERM "$server" && wait "$server" || status=$?
    server=
    return "$status"
}
answer() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
posted() { # ID CODE NUMBER
    [ "$(answer "http://127.0.0.1:$port/submissions" -H 'Content-Type: application/json' \
        -d "{\"id\": \"$1\", \"language\": \"python\", \"source\": \"print($3)\"}")" = "$2" ]
}

says_why() { # with exit code 1
    ! HTTP_LISTEN=127.0.0.1:$port inside scrc --healthy >"$work/why" 2>&1 || return 1
    cat "$work/why"
    grep -qi 'is not ready.*docker' "$work/why"
}

serves() { # ID CODE NUMBER
    start >"$work/start" 2>&1 || true
    check "it serves as its user" test -n "$server"
    check "its health check says that there is no Docker" says_why
    check "it answers $2" posted "$1" "$2" "$3"
    check "it ends in order" stop
}

upgrades() {
    echo RUNNER_MAX_PARALLEL=0 >>"$chroot/etc/scrc/scrc.env"
    check "it is upgraded" inside dpkg -i --force-confold /newer.deb
    check "it is the newer one" inside sh -c "dpkg-query -W -f '\${Version}' scrc | grep -q '+1\$'"
    check "settings of the operator are kept" inside grep -q '^RUNNER_MAX_PARALLEL=0' /etc/scrc/scrc.env
    serves first 409 2 # that id is known, with other content
    check "a backup is made there" inside env DATA_DIR=/var/lib/scrc scrc --backup /backup.db
}

removes() {
    check "it is removed" inside dpkg -r scrc
    check "the program is gone" absent /usr/bin/scrc
    check "data are kept" inside test -s /var/lib/scrc/scrc.db
    check "settings are kept" inside test -s /etc/scrc/scrc.env
    check "it is installed again" inside dpkg -i /newer.deb
    serves first 409 2
    check "it is purged" inside dpkg -P scrc
    check "data are gone" absent /var/lib/scrc
    check "settings are gone" absent /etc/scrc
    check "nothing else of it is left" nothing_left
}
nothing_left() {
    inside find / -xdev -path /proc -prune -o -name '*scrc*' ! -path /scrc.deb ! -path '/run/scrc*' -print >"$work/left"
    cat "$work/left" && [ ! -s "$work/left" ]
}

{ main "$@"; exit; }
