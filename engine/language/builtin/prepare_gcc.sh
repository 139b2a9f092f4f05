#!/bin/sh
# prepare_gcc.sh DIR COMPILER FLAG... - makes DIR/scrc, what build_gcc.sh builds with: the fastest linker
# of the image that links a static program which runs, the libraries linked in advance, and for C++
# precompiled headers. FLAGs are those of the build, without which gcc would not take the headers. The
# last line of stdout says what there is; nothing on it: no more than the plain command has.
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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char *text = malloc(100);
    int n = argc;

    if (argc > 9 && scanf("%d%99s", &n, text) < 1)
        exit(1);
    printf("%s\n", text && sqrt(n) > 0 && !strcpy(text, argv[0])[0] ? "" : "hello");
    free(text);
    return 0;
}
#endif
END
says_hello() { # ARGUMENT...: hello is linked so, without a word, and runs
    said=$("$compiler" $flags -static -x "$kind" "hello.$kind" -x none "$@" -o hello -lm 2>&1) &&
        [ -z "$said" ] && [ "$(./hello)" = hello ]
}
flags=$*
# Only debuggers read symbols and a build id, and a program that looks into its own file.
short='-s -Wl,--build-id=none'
linker=
: >"$new/flags"
for name in mold lld gold; do
    # shellcheck disable=SC2086 # two words
    says_hello "-fuse-ld=$name" -fno-use-linker-plugin $short || continue
    linker=$name
    echo "-fuse-ld=$name -fno-use-linker-plugin $short" >"$new/flags"
    break
done

# What hello takes of the libraries, hundreds of small objects, as one with few sections: a linker reads
# that in half of the time. A program with a function of the same name as one of those does not link with
# it, and is then built by the plain command; a program that is linked works as ever, since each of its own
# functions comes first, and what is not in the object still comes from the libraries.
prelink() {
    ld=$("$compiler" -print-prog-name=ld) && ar=$("$compiler" -print-prog-name=ar) || return 1
    says_hello -Wl,-Map,map || return 1
    sed -nE '/^Discarded|^Memory|^Merging/q; s/^([^ ()]*\.a)\(([^()]+)\).*/\1 \2/p' map | sort -u >members
    mkdir members.d
    for library in $(cut -d ' ' -f 1 members | sort -u); do
        own=members.d/$(echo "$library" | tr / _)
        mkdir "$own"
        (cd "$own" && sed -n "s#^$library ##p" ../../members | xargs "$ar" x "$library") || return 1
    done
    cat >sections <<'END'
SECTIONS
{
    .text : { *(.text .text.*) }
    .rodata : { *(.rodata .rodata.*) }
    .data : { *(.data .data.*) }
    .bss : { *(.bss .bss.*) }
}
END
    "$ld" -r -S -x --force-group-allocation -T sections -o "$new/libraries.o" members.d/*/*.o || return 1
    # shellcheck disable=SC2046 # two words
    says_hello $(cat "$new/flags") "$new/libraries.o"
}
libraries=
: >"$new/objects"
if prelink >prelink.log 2>&1; then
    libraries="prelinked libraries"
    echo "$dir/libraries.o" >"$new/objects"
else
    rm -f "$new/libraries.o"
fi

# gcc takes NAME.gch for the first include of a source, and says so with -H; other compilers do not.
made=
for header in $headers; do
    echo "#include <$header>" >one.h
    "$compiler" "$@" -x c++-header one.h -o "$new/headers/$header.gch" 2>/dev/null || continue
    if "$compiler" "$@" "-I$new/headers" -H -x c++ -c one.h -o one.o 2>&1 | grep -q '^!'; then
        made=${made:+$made, }$header
    else
        rm -f "$new/headers/$header.gch"
    fi
done

cp build_gcc.sh "$new/build_gcc.sh"
says=
for part in "${made:+precompiled $made}" "$linker" "$libraries"; do
    [ -z "$part" ] || says=${says:+$says; }$part
done
keep "$says"
