#!/bin/sh
# tests/house/shell.sh ROOT - shellcheck has nothing to say about any script. 77: no shellcheck here.
cd "$1" || exit 2
command -v shellcheck >/dev/null || exit 77
{
    find script -type f ! -name '*.*'
    find .ci tests -name node_modules -prune -o -type f \( -name '*.sh' -o -name run \) -print
    echo script/lib/engine-keeper.sh
} | xargs shellcheck
