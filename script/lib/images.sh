# shellcheck shell=bash
# script/lib/images.sh - the images of the five languages.
#
# For each setting below that the environment leaves open: the default image when it is there, else
# it is pulled, else (no registry answers within 10 s) one of our own made of Debian packages takes
# its place and the setting is exported. LANGUAGES leaves out those of other languages. A failed pull is not tried again on the same day.

# setting        default                         our own
images_table='
PYTHON_IMAGE     python:3.12-alpine              python
GO_IMAGE         golang:1.22-alpine              golang
GO_RUN_IMAGE     alpine:3.20                     run
C_IMAGE          gcc:14                          gcc
C_RUN_IMAGE      alpine:3.20                     run
CPP_IMAGE        gcc:14                          gcc
CPP_RUN_IMAGE    alpine:3.20                     run
JAVA_IMAGE       eclipse-temurin:21-jdk-alpine   jdk
JAVA_RUN_IMAGE   eclipse-temurin:21-jre-alpine   jdk
'
images_prefix=${images_prefix:-scrc-local}
images_suite=bookworm
images_answer=10  # seconds that a registry has to say anything
images_pull=1200  # seconds that one pull may take

images_packages() {
    case $1 in
    python) echo python3 ;;
    gcc) echo gcc,g++,libc6-dev ;;
    golang) echo golang-go ;;
    jdk) echo openjdk-17-jdk-headless ;;
    base) echo ca-certificates ;; # for no language: the Dockerfile's, in its test
    esac
}

images_ensure() {
    local present missing absent=
    present=$(images_present)
    missing=$(images_defaults | grep -vxF "$present") || true
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086 # a list of words
        images_pull_all $missing
        absent=$(images_absent "$(images_present)")
        # shellcheck disable=SC2046 # a list of words
        images_make_all $(awk '{ print $3 }' <<<"$absent" | sort -u)
    fi
    images_export "$absent"
}

images_present() {
    docker image ls --format '{{.Repository}}:{{.Tag}}' || die "Docker does not list its images"
}

# The rows that the environment leaves open, and their default images without doubles.
images_open() {
    local setting default ours
    while read -r setting default ours; do
        [ -n "$setting" ] && [ -z "${!setting:-}" ] && images_wanted "$setting" || continue
        echo "$setting $default $ours"
    done <<<"$images_table"
}
# images_wanted SETTING: whether it is of one of LANGUAGES, where the server has that setting.
images_wanted() {
    local language=${1%%_*} chosen=${LANGUAGES:-}
    [ -z "$chosen" ] || [[ " ${chosen//,/ } " == *" ${language,,} "* ]]
}
images_defaults() { images_open | awk '{ print $2 }' | sort -u; }

# The open rows whose default is not there. A class file of a newer javac does not run on an older
# java, so these two go together.
images_absent() {
    local present=$1 setting default ours rows java=
    rows=$(images_open)
    while read -r setting default ours; do
        [[ $setting != JAVA* ]] || grep -qxF "$default" <<<"$present" || java=absent
    done <<<"$rows"
    while read -r setting default ours; do
        [ -n "$setting" ] || continue
        [[ $setting == JAVA* && -n $java ]] || ! grep -qxF "$default" <<<"$present" || continue
        echo "$setting $default $ours"
    done <<<"$rows"
}

# Exports every row that was open, so that what is started from here agrees on the images.
images_export() {
    local setting default ours
    while read -r setting default ours; do
        [ -z "$setting" ] || export "$setting=$default"
    done < <(images_open)
    [ -n "$1" ] || return 0
    while read -r setting default ours; do
        export "$setting=$images_prefix/$ours"
    done <<<"$1"
    say "images of our own ($images_prefix/*) for: $(awk '{ print $1 }' <<<"$1" | paste -sd' ')"
}

# ---- pulling ----

images_stamp() { echo "$root/build/pull/$(tr -c 'A-Za-z0-9.\n' _ <<<"$1")"; }

# Tries all at once, so that a machine without a registry waits 10 s and not 60.
images_pull_all() {
    local image today tried=()
    today=$(date +%F)
    mkdir -p "$root/build/pull"
    for image in "$@"; do
        [ "$(cat "$(images_stamp "$image")" 2>/dev/null)" = "$today" ] || tried+=("$image")
    done
    [ "${#tried[@]}" -gt 0 ] || return 0
    step "pulling ${tried[*]}" images_pull_parallel "$today" "${tried[@]}"
}

images_pull_parallel() {
    local today=$1 image
    shift
    for image in "$@"; do
        images_pull_one "$image" || echo "$today" >"$(images_stamp "$image")" &
    done
    wait # a pull that fails is noted, not an error: there are our own images
}

# Gives up on a registry that does not answer in time; one that does may take its time.
images_pull_one() {
    local image=$1 log deadline=$((SECONDS + images_answer)) pid
    log=$(images_stamp "$image").log
    timeout "$images_pull" docker pull "$image" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            grep -q 'Pulling from' "$log" || kill "$pid" 2>/dev/null || true
            echo "$image: $(grep -c 'Pull complete' "$log") of $(grep -c 'Pulling fs' "$log") layers"
            deadline=$((SECONDS + 5))
        fi
        sleep 0.2
    done
    wait "$pid" && echo "$image: pulled" && return 0
    echo "$image: cannot be pulled: $(tail -n 1 "$log")"
    return 1
}

# ---- making our own ----

images_make_all() {
    local present ours wanted=()
    present=$(images_present)
    for ours in "$@"; do
        grep -qxF "$images_prefix/$ours:latest" <<<"$present" || wanted+=("$ours")
    done
    [ "${#wanted[@]}" -gt 0 ] || return 0
    packages_ensure "${packages_image[@]}"
    (
        flock 7 # two scripts at once make each image once
        step "making images of Debian packages: ${wanted[*]}" images_make_parallel "${wanted[@]}"
    ) 7>"$root/build/images.lock" || die "cannot make the images: ${wanted[*]}"
}

# Two at a time: half of the work is one package manager waiting for itself.
images_make_parallel() {
    # shellcheck disable=SC2016 # the inner shell expands it
    printf '%s\n' "$@" |
        xargs -P 2 -I{} bash -c '. "$0/script/lib/images.sh"; images_make "$1"' "$root" {}
}

# images_make NAME: one image, unless it is there by now.
images_make() {
    local name=$images_prefix/$1 id started=$SECONDS
    ! docker image inspect "$name" >/dev/null 2>&1 || return 0
    if [ "$1" = run ]; then
        images_make_run "$name" || return 1
    else
        # Tagged only when the whole pipe went well, so half an image is never taken for one.
        id=$(set -o pipefail
            mmdebstrap --variant=minbase --include="$(images_packages "$1")" "$images_suite" - |
                docker import --change \
                    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -) ||
            return 1
        docker tag "$id" "$name"
    fi
    echo "$name: made in $((SECONDS - started)) s"
}

# Built programs are static: a shell and its applets are more than they need.
images_make_run() {
    local dir status=0
    dir=$(mktemp -d) || return 1
    if images_run_tree "$dir"; then
        tar -C "$dir/root" --owner=0 --group=0 --numeric-owner -c . |
            docker import --change 'ENV PATH=/bin:/usr/bin' - "$1" || status=1
    else
        status=1
    fi
    rm -rf "$dir"
    return $status
}

# A chain, because `set -e` is off in whatever a condition calls.
images_run_tree() (
    cd "$1" && chmod 755 . &&
        { apt-get download busybox-static || { apt-get update && apt-get download busybox-static; }; } &&
        dpkg-deb -x busybox-static_*.deb package &&
        mkdir -p root/{bin,usr/bin,etc,proc,sys,dev} && mkdir -m 1777 root/tmp &&
        echo 'root:x:0:0:root:/:/bin/sh' >root/etc/passwd &&
        cp "$(find package -path '*bin/busybox')" root/bin/busybox &&
        root/bin/busybox --list | grep -vx busybox |
        while read -r applet; do ln -s busybox "root/bin/$applet" || exit 1; done
)
