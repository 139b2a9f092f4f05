#!/bin/bash
# tests/vm/run.sh [judge | service] - on a host with cgroup v2, AppArmor and systemd: the verdict set (judge.sh), and the
# Debian package as a service (service.sh). The host is a Debian VM under qemu's software emulation, which needs nothing
# of this machine but time.
#
# build/vm keeps the system disk (Debian, Docker, the language images), made anew when one of them
# changes; what is tested travels on a second, small disk. Prints a line for each case and
# `N passed, N failed` at the end.
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=script/lib/base.sh
. "$root/script/lib/base.sh"
# shellcheck source=script/lib/packages.sh
. "$root/script/lib/packages.sh"
# shellcheck source=script/lib/engine.sh
. "$root/script/lib/engine.sh"
# shellcheck source=script/lib/images.sh
. "$root/script/lib/images.sh"
# shellcheck source=tests/package/deb.sh
. "$root/tests/package/deb.sh"

vm=$root/build/vm
suite=$(. /etc/os-release && echo "$VERSION_CODENAME") # the package is built here
limit=3600                                             # seconds from power on to power off
packages=linux-image-amd64,systemd,systemd-sysv,udev,kmod,docker.io,apparmor,iproute2
packages+=,ca-certificates,curl,jq,procps,crun,dbus # crun asks systemd over dbus
settings=(PYTHON_IMAGE C_IMAGE C_RUN_IMAGE CPP_IMAGE CPP_RUN_IMAGE)

main() {
    local name status=0
    as_root "$@"
    packages_ensure "${packages_vm[@]}"
    engine_ensure
    images_ensure
    step "making the package" deb_take "$vm/packages"
    packages+=,$(deb_needs "$vm/packages/scrc.deb")
    system_disk
    for name in ${1:-judge service}; do
        payload_disk "$name"
        power_on "$name"
        judge "$name" || status=1
    done
    return "$status"
}

# ---- the system disk ----

system_disk() {
    local key
    key=$(system_key)
    [ "$(cat "$vm/key" 2>/dev/null)" != "$key" ] || return 0
    rm -f "$vm/key"
    [ -e "$(system_tar)" ] || step "making a Debian tree for the VM" system_tree
    step "giving the VM its images" system_images
    step "making the VM's disk" system_make
    echo "$key" >"$vm/key"
}

# Of everything the disk is made of: this script's functions, the unit, packages and images.
system_key() {
    local setting
    for setting in "${settings[@]}"; do docker image inspect --format '{{.Id}}' "${!setting}"; done
    echo "$packages"
    cat "$root/tests/vm/payload.service" "$root/tests/vm/run.sh" | cksum
}

system_tar() { echo "$vm/$suite-$(cksum <<<"$packages" | cut -d ' ' -f 1).tar"; }

system_tree() {
    mmdebstrap --variant=minbase --include="$packages" "$suite" "$vm/tree.tar" &&
        mv "$vm/tree.tar" "$(system_tar)"
}

# A second engine writes the VM's /var/lib/docker here, because loading images takes minutes there.
system_images() {
    local here=$vm/engine pid names setting
    rm -rf "$here" && mkdir -p "$here"
    dockerd -H "unix://$here/socket" --data-root "$here/data" --exec-root "$here/exec" \
        --pidfile "$here/pid" --iptables=false --ip6tables=false --bridge=none \
        --storage-driver overlay2 >"$here/log" 2>&1 8>&- 9>&- &
    pid=$!
    DOCKER_HOST=unix://$here/socket engine_wait "$pid" || { cat "$here/log" && return 1; }
    names=$(for setting in "${settings[@]}"; do echo "${!setting}"; done | sort -u)
    # shellcheck disable=SC2086 # a list of words
    docker save $names | docker -H "unix://$here/socket" load || return 1
    kill "$pid" && wait "$pid"
    [ -d "$here/data/overlay2" ]
}

system_make() {
    local tree=$vm/tree
    rm -rf "$tree" && mkdir -p "$tree" &&
        tar -C "$tree" -xpf "$(system_tar)" --exclude='./dev/*' --xattrs --xattrs-include='*' &&
        cp "$tree"/boot/vmlinuz-* "$vm/vmlinuz" && cp "$tree"/boot/initrd.img-* "$vm/initrd" &&
        mkdir -p "$tree/etc/docker" "$tree/payload" "$tree/var/lib/docker" &&
        echo '{"iptables": false, "ip6tables": false, "bridge": "none",
            "runtimes": {"crun": {"path": "/usr/bin/crun"}}}' >"$tree/etc/docker/daemon.json" &&
        cp -a "$vm/engine/data/." "$tree/var/lib/docker/" &&
        cp "$root/tests/vm/payload.service" "$tree/etc/systemd/system/" && mkdir -p "$tree/var/log/journal" &&
        ln -sf /etc/systemd/system/payload.service \
            "$tree/etc/systemd/system/multi-user.target.wants/payload.service" &&
        ln -sf /dev/null "$tree/etc/systemd/system/serial-getty@ttyS0.service" &&
        disk "$vm/system.img" "$tree" 2048 || return 1
    rm -rf "$tree" "$vm/engine"
}

# disk FILE TREE SPARE_MIB: an ext4 image of TREE.
disk() {
    local size
    size=$(($(du -sm "$2" | cut -f 1) * 5 / 4 + $3))
    rm -f "$1" && truncate -s "${size}M" "$1" && mke2fs -q -t ext4 -d "$2" "$1"
}

# ---- what is tested ----

payload_disk() { # NAME
    local tree=$vm/$1.payload setting
    rm -rf "$tree" && mkdir -p "$tree"
    cp "$root/tests/vm/inside.sh" "$root/tests/vm/cases.json" "$vm/packages"/*.deb "$tree"
    cp "$root/tests/vm/$1.sh" "$tree/main.sh"
    dpkg-deb --fsys-tarfile "$vm/packages/scrc.deb" | tar -C "$tree" -x --strip-components=3 ./usr/bin/scrc
    for setting in "${settings[@]}"; do echo "$setting=${!setting}"; done >"$tree/settings"
    disk "$tree.img" "$tree" 16
}

# The accelerator is named, so that the result does not hang on whether this machine has KVM.
power_on() { # NAME
    rm -f "$vm/$1.console"
    step "running the VM: $1 (some minutes)" timeout "$limit" qemu-system-x86_64 \
        -accel tcg,thread=multi -cpu max -machine q35 -m 3072 -smp 2 -display none \
        -serial "file:$vm/$1.console" -monitor none \
        -kernel "$vm/vmlinuz" -initrd "$vm/initrd" \
        -append 'root=/dev/vda rw console=ttyS0 quiet loglevel=2 systemd.show_status=0' \
        -drive "file=$vm/system.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
        -drive "file=$vm/$1.payload.img,if=virtio,format=raw,cache=unsafe,snapshot=on" || true
}

judge() { # NAME
    local console=$vm/$1.console passed failed
    tr -d '\r' <"$console" | grep -aE '^(PASS|FAIL|SAYS) ' || true
    passed=$(grep -ac '^PASS ' "$console") || true
    failed=$(grep -ac '^FAIL ' "$console") || true
    if ! grep -aq '^SAYS end' "$console"; then
        tail -n 20 "$console"
        say "$1: the VM did not come to the end (all it said: $console)"
        failed=$((failed + 1))
    fi
    echo "$1: $passed passed, $failed failed"
    [ "$failed" = 0 ]
}

{ main "$@"; exit; } # read whole, so that an edit of this file does not reach into a run
