#!/bin/sh
# tests/house/threats.sh ROOT - SECURITY.md holds, from "## Threats" on: every row of its tables names a
# test in its last column, every test that is named there is one, and every program of tests/hostile
# stands for a row.
# A name is one of
#     P1-fork-bomb                     tests/hostile/P1-fork-bomb.c
#     test_limits.py::test_x           a test of tests/integration
#     test_agent.c::x                  one of tests/unit, tests/agent or tests/docker
#     fuzz_submission, clock.sh        tests/fuzz, tests/house
#     judge.sh: x                      a check of tests/vm
cd "$1" || exit 2

there() { # there NAME
    case $1 in
    *.py::*) grep -qE "^def ${1#*::}\(" "tests/integration/${1%%::*}" ;;
    *.c::*) grep -qE "^static void ${1#*::}\(" tests/unit/"${1%%::*}" tests/agent/"${1%%::*}" tests/docker/"${1%%::*}" ;;
    "judge.sh: "*) grep -qF "check \"${1#judge.sh: }\"" tests/vm/judge.sh ;;
    *.sh) [ -e "tests/house/$1" ] ;;
    fuzz_*) [ -e "tests/fuzz/$1.c" ] ;;
    *) [ -e "tests/hostile/$1.c" ] ;;
    esac 2>/dev/null
}

# "ID TAB name" of every name, "ID TAB" of a row without one; the ID of a row is its first cell.
named=$(sed -n '/^## Threats/,$s/^| *\([^|]*[^| ]\) *|.*| *\([^|]*\) *| *$/\1|\2/p' SECURITY.md | grep -v '^---\|^id|\|^escape|' |
    awk -F'|' '{ n = split($2, part, "`"); if (n < 3) print $1 "\t"; for (i = 2; i <= n; i += 2) print $1 "\t" part[i] }')
[ -n "$named" ] || exit 2

wrong=$(
    echo "$named" | while IFS="$(printf '\t')" read -r row name; do
        if [ -z "$name" ]; then
            echo "threats: $row names no test"
        elif ! there "$name"; then
            echo "threats: $row: there is no $name"
        fi
    done
    for file in tests/hostile/*.c; do
        name=${file##*/}
        echo "$named" | grep -q "^${name%%-*}$(printf '\t')" || echo "threats: $file stands for no row"
    done
)
[ -n "$wrong" ] || exit 0
echo "$wrong"
exit 1
