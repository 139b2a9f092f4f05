# shellcheck shell=bash
# script/lib/build.sh - build TARGETs of a CMake preset, only what has changed. Source base.sh and
# packages.sh first.

# shellcheck source=script/lib/page.sh
. "$root/script/lib/page.sh"

# build PRESET TARGET...
build() {
    local preset=$1
    shift
    page_ensure
    mkdir -p "$root/build"
    # Two scripts at once: the second waits, then finds everything built.
    (
        flock 7
        build_configured "$preset" ||
            step "configuring $preset" build_configure "$preset" || exit 1
        step "building $preset" cmake --build "$root/build/$preset" --target "$@" || exit 1
    ) 7>"$root/build/$preset.lock" || die "the build of preset $preset failed"
}

# CMake looks after its own lists; what it does not see is a changed preset or a moved tree.
build_key() { echo "$root $page $(cksum <"$root/CMakePresets.json")"; }
build_configured() { [ "$(cat "$root/build/$1/configured" 2>/dev/null)" = "$(build_key)" ]; }
build_configure() {
    (cd "$root" && cmake --preset "$1" --fresh -DSCRC_PAGE="$page") || return 1
    build_key >"$root/build/$1/configured"
}
