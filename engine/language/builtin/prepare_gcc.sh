#!/bin/sh
# prepare_gcc.sh DIR COMPILER FLAG... - makes DIR/scrc, what build_gcc.sh builds with: the fastest linker
# of the image that links a static program which runs, and for C++ precompiled headers. FLAGs are those
# of the build, without which gcc would not take the headers. The last line of stdout says what there is;
# nothing on it: no more than the plain command has.
#
# What was made before is verified only. Exit code 1: it is damaged.
set -eu

. ./prepared.sh

prepared "$1"
compiler=$2
shift 2

# Those whose parsing takes longest of what programs begin with; 10 to 100 MB each.
case $compiler in
*++) kind=c++ headers='bits/stdc++.h iostream map vector algorithm' ;;
*) kind=c headers= ;;
esac
mkdir -p "$new/headers/bits"

# Without a word, too: what a linker says would be in every build log.
cat >"hello.$kind" <<'END'
#ifdef __cplusplus
#include <iostream>
#include <stdexcept>
int main() { try { throw std::runtime_error("hello"); } catch (std::exception &e) { std::cout << e.what() << "\n"; } }
#else
#include <stdio.h>
#include <math.h>
int main(int argc, char **argv) { (void)argv; puts(sqrt(argc) > 0 ? "hello" : ""); return 0; }
#endif
END
linker=
: >"$new/flags"
for name in mold lld gold; do
    said=$("$compiler" "$@" -static "-fuse-ld=$name" -fno-use-linker-plugin -x "$kind" "hello.$kind" -o hello -lm 2>&1) || continue
    if [ -z "$said" ] && [ "$(./hello)" = hello ]; then
        linker=$name
        echo "-fuse-ld=$name -fno-use-linker-plugin" >"$new/flags"
        break
    fi
done

# gcc takes NAME.gch for the first include of a source, and says so with -H; other compilers do not.
made=
for header in $headers; do
    echo "#include <$header>" >one.h
    "$compiler" "$@" -x c++-header one.h -o "$new/headers/$header.gch" || continue
    if "$compiler" "$@" "-I$new/headers" -H -x c++ -c one.h -o one.o 2>&1 | grep -q '^!'; then
        made=${made:+$made, }$header
    else
        rm -f "$new/headers/$header.gch"
    fi
done

cp build_gcc.sh "$new/build_gcc.sh"
keep "${made:+precompiled $made}${made:+${linker:+; }}$linker"
