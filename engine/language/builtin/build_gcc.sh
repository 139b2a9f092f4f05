#!/bin/sh
# build_gcc.sh SOURCE COMPILER ARGUMENT... - compiles as the arguments say, with what prepare_gcc.sh has
# made beside this file.
#
# gcc takes a precompiled header only for the first include. Where a source begins with includes of
# standard headers and nothing else, their order means nothing, so the one that takes longest to parse
# is included first.
dir=${0%/*}/headers
source=$1
compiler=$2
shift 2

best=0
first=
while read -r line; do
    case $line in
    *\\) break ;; # the next line belongs to this one
    '' | //*) continue ;;
    '#include <'*'>' | '#include<'*'>') ;;
    *) break ;;
    esac
    name=${line#*<}
    name=${name%>}
    case $name in
    bits/stdc++.h) rank=5 ;;
    iostream) rank=4 ;;
    map) rank=3 ;;
    vector) rank=2 ;;
    algorithm) rank=1 ;;
    *[!a-z_0-9]*) break ;; # no header of the standard library
    *) continue ;;
    esac
    if [ "$rank" -gt "$best" ] && [ -f "$dir/$name.gch" ]; then
        best=$rank
        first=$dir/$name
    fi
done <"$source"

# With the streams a program needs most of the libraries in any case.
objects=
[ "$best" -lt 4 ] || objects=@${0%/*}/objects

exec "$compiler" "-I$dir" ${first:+-include "$first"} "@${0%/*}/flags" "$@" $objects
