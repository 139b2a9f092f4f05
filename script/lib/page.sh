# shellcheck shell=bash
# script/lib/page.sh - node and the npm packages that the dashboard is built of. build.sh sources this.

page=ON # OFF: they cannot be had, and the server is built without the dashboard
page_why=

# page_ensure: the usual case, all of it there, costs one comparison.
page_ensure() {
    [ "$page" = ON ] || return 0
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        packages_ensure "${packages_page[@]}"
    fi
    page_has www || step "fetching the npm packages of the dashboard" page_fetch www || page_without
}

# Those of its tests, which need a browser too. Fails, with the reason in page_why, where one cannot be had.
page_ensure_browser() {
    [ "$page" = ON ] || return 1
    (packages_ensure "${packages_browser[@]}") || page_why="chromium cannot be installed"
    page_has tests/browser || step "fetching the npm packages of its tests" page_fetch tests/browser ||
        page_why="its npm packages cannot be fetched"
    [ -z "$page_why" ]
}

# Linters of openapi.yaml and what a client in TypeScript is generated with. Where they cannot be had the tests that
# want them are skipped by name.
page_ensure_openapi() {
    [ "$page" = ON ] || return 0
    page_has tests/openapi || step "fetching the npm packages for openapi.yaml" page_fetch tests/openapi || true
}

page_without() {
    page=OFF page_why="no npm registry answers"
    say "no npm registry answers: the server is built without the dashboard"
}

# build.mjs looks at the same stamp.
page_stamp() { sha256sum <"$root/$1/package-lock.json" | cut -c 1-16 | tr -d '\n'; }
page_has() { [ "$(cat "$root/$1/node_modules/.of" 2>/dev/null)" = "$(page_stamp "$1")" ]; }
page_fetch() (
    cd "$root/$1" || exit 1
    exec 7<package.json && flock 7
    page_has "$1" && exit 0
    npm ci --ignore-scripts --no-audit --no-fund && page_stamp "$1" >node_modules/.of
)
