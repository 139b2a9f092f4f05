#!/bin/sh
# prepare_go.sh DIR - makes DIR/scrc: go-build, a build cache of go with the standard library, and
# build_go.sh, which compiles and links one file with the commands that `go build` would give, without the
# time in which it finds out that the library is there, and without collecting garbage in commands that
# end after a tenth of a second. The last line of stdout says what there is; nothing on it: only the cache.
#
# What was made before is verified only. Exit code 1: it is damaged, or the cache could not be filled.
set -eu

. ./prepared.sh

prepared "$1"
export GOCACHE="$new/go-build"
go build std

# Packages by the file of their export data; a program may import none that is internal. Where they cannot
# be listed, what is below does not work, which is found out at its end.
go list -export -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' std >"$new/link.cfg" || true
grep -vE '^packagefile (vendor/|internal/|[^=]*/internal[/=])' "$new/link.cfg" >"$new/compile.cfg" || true

# The two commands of a hello, with our files in place of its own. -s -w leaves out what only debuggers
# read.
cat >main.go <<'END'
package main

import "fmt"

func main() { fmt.Println("hello") }
END
go build -x -o plain main.go >commands 2>&1
sed -n '/^modinfo /p' commands >>"$new/link.cfg"
# shellcheck disable=SC2016 # for the script that is made
compile=$(grep '/compile .* -p main ' commands | tail -n 1 | sed 's#[^ ]*/b001/_pkg_\.a#main.a#
    s#"\$WORK/b001=>"#"$PWD/none=>"#
    s#-importcfg [^ ]*#-importcfg "$dir/compile.cfg"#
    s# \./main\.go$# "./$1"#')
# shellcheck disable=SC2016
link=$(grep '/link .*-buildmode=' commands | tail -n 1 | sed 's#-o [^ ]*/exe/a\.out#-s -w -o "$2"#
    s#-importcfg [^ ]*#-importcfg "$dir/link.cfg"#
    s#[^ ]*/b001/_pkg_\.a#main.a#')
{
    sed '/^# COMMANDS/,$d' build_go.sh
    printf 'GOGC=off %s\nGOGC=off %s\n' "$compile" "$link"
} >"$new/build_go.sh"

says=
case $compile$link in
*WORK* | *go-build*/b0*) ;; # a version that puts its files elsewhere
*)
    if said=$(sh "$new/build_go.sh" main.go warm 2>&1) && [ -z "$said" ] && [ "$(./warm)" = "$(./plain)" ]; then
        says="compile and link without go build"
    fi
    ;;
esac
for list in link compile; do
    sed "s#=$new/#=$dir/#" "$new/$list.cfg" >list
    mv list "$new/$list.cfg"
done
keep "$says"
