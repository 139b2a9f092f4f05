#!/bin/sh
# tests/house/format.sh ROOT - every C file is as clang-format leaves it. 77: no clang-format here.
cd "$1" || exit 2
command -v clang-format >/dev/null || exit 77
find schema engine bridge client server tests \( -path tests/programs -o -name node_modules \) -prune -o -name '*.[ch]' -print0 2>/dev/null |
    xargs -0 clang-format --dry-run -Werror
