# shellcheck shell=bash
# script/lib/bench/rows_page.sh - what the browser tests measure. Source servers.sh first.

# The case over 100,000 rows, a day of traffic among them, in Chromium; and how much it loads.
row_page() {
    local round
    for ((round = 1; round <= rounds; round++)); do
        progress page "$round"
        browser_case 'large: the overview'
        figure_of 'overview interactive with 100000 rows' 1 >>"$work/first"
        figure_of 'overview over 24 h of traffic interactive' 1 >>"$work/day"
        figure_of '/stats over 5 minutes polled' 1024 >>"$work/short"
        figure_of '/stats over 24 hours polled' 1024 >>"$work/long"
        browser_case 'large: what is loaded'
        figure_of 'all of the page' 1024 >>"$work/bytes"
    done
    result page "the overview, 100,000 rows" ms "<= 1000" "$work/first" -
    result page "its 24 hours, once chosen" ms "<= 1000" "$work/day" -
    result page "/stats polled a minute, 5 minutes" KiB "<= 20" "$work/short" -
    result page "/stats polled a minute, 24 hours" KiB "<= 20" "$work/long" -
    result page "all of it, compressed" KiB "<= 200" "$work/bytes" -
}

# browser_case NAME: those of tests/browser that are called so, against this build.
browser_case() {
    SCRC_BIN=$bin/scrc node "$root/tests/browser/run.mjs" "$1" >"$work/said" && return
    tail "$work/said" >&2
    die "the browser tests fail: $1"
}

# figure_of NAME UNIT: what the last case says of it, in so many of its own units.
figure_of() {
    awk -v name="$1" -v unit="$2" 'index($0, name) == 1 { sub(/.* = /, ""); print $1 / unit }' "$work/said"
}
