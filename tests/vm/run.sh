#!/bin/bash
# tests/vm/run.sh - the verdict set on a host with cgroup v2 and AppArmor: a Debian VM under qemu's
# software emulation, which needs nothing of this machine but time.
#
# build/vm keeps the system disk (Debian, Docker, the language images), made anew when one of them
# changes; what is tested travels on a second, small disk. Prints a line for each case and
# `N passed, N failed` at the end.
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=script/lib/base.sh
. "$root/script/lib/base.sh"
# shellcheck source=script/lib/packages.sh
. "$root/script/lib/packages.sh"
# shellcheck source=script/lib/build.sh
. "$root/script/lib/build.sh"
# shellcheck source=script/lib/engine.sh
. "$root/script/lib/engine.sh"
# shellcheck source=script/lib/images.sh
. "$root/script/lib/images.sh"

vm=$root/build/vm
suite=$(. /etc/os-release && echo "$VERSION_CODENAME") # the VM runs a binary that is linked here
limit=1500                                             # seconds from power on to power off
packages=linux-image-amd64,systemd,systemd-sysv,udev,kmod,docker.io,apparmor,iproute2
packages+=,ca-certificates,curl,jq,procps,crun,dbus # crun asks systemd over dbus
settings=(PYTHON_IMAGE C_IMAGE C_RUN_IMAGE CPP_IMAGE CPP_RUN_IMAGE)

main() {
    as_root "$@"
    packages_ensure "${packages_build[@]}" "${packages_vm[@]}"
    engine_ensure
    images_ensure
    build release scrc
    mkdir -p "$vm"
    system_disk
    payload_disk
    power_on
    judge
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

# Of everything the disk is made of: this script's functions, the unit, the images.
system_key() {
    local setting
    for setting in "${settings[@]}"; do docker image inspect --format '{{.Id}}' "${!setting}"; done
    cksum "$root/tests/vm/judge.service" <"$root/tests/vm/run.sh"
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
        cp "$root/tests/vm/judge.service" "$tree/etc/systemd/system/" &&
        ln -sf /etc/systemd/system/judge.service \
            "$tree/etc/systemd/system/multi-user.target.wants/judge.service" &&
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

payload_disk() {
    local tree=$vm/payload setting lib
    rm -rf "$tree" && mkdir -p "$tree/lib"
    cp "$root/build/release/scrc" "$root/tests/vm/judge.sh" "$root/tests/vm/cases.json" "$tree"
    # All but the C library, which is the VM's own.
    ldd "$root/build/release/scrc" | awk '$3 ~ /^\// { print $3 }' |
        while read -r lib; do
            case ${lib##*/} in
            libc.so* | libm.so* | libpthread.so* | libdl.so* | librt.so* | libresolv.so*) ;;
            *) cp -L "$lib" "$tree/lib/" ;;
            esac
        done
    for setting in "${settings[@]}"; do echo "export $setting=${!setting}"; done \
        >"$tree/settings"
    disk "$vm/payload.img" "$tree" 16
}

# The accelerator is named, so that the result does not hang on whether this machine has KVM.
power_on() {
    rm -f "$vm/console"
    step "running the VM (some minutes)" timeout "$limit" qemu-system-x86_64 \
        -accel tcg,thread=multi -cpu max -machine q35 -m 3072 -smp 2 -display none -no-reboot \
        -serial "file:$vm/console" -monitor none \
        -kernel "$vm/vmlinuz" -initrd "$vm/initrd" \
        -append 'root=/dev/vda rw console=ttyS0 quiet loglevel=2' \
        -drive "file=$vm/system.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
        -drive "file=$vm/payload.img,if=virtio,format=raw,cache=unsafe,snapshot=on" || true
}

judge() {
    local passed failed
    tr -d '\r' <"$vm/console" | grep -aE '^(PASS|FAIL|SAYS) ' || true
    passed=$(grep -ac '^PASS ' "$vm/console") || true
    failed=$(grep -ac '^FAIL ' "$vm/console") || true
    if ! grep -aq '^SAYS end' "$vm/console"; then
        tail -n 20 "$vm/console"
        say "the VM did not come to the end (all it said: $vm/console)"
        failed=$((failed + 1))
    fi
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}

{ main "$@"; exit; } # read whole, so that an edit of this file does not reach into a run
