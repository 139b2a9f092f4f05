#!/bin/sh
# prepare_java.sh DIR - makes DIR/scrc: the resident compiler, compiled by the compiler of this image.
#
# What was made before is verified only. Exit code 1: it is damaged.
set -eu
dir=$1/scrc
if [ -d "$dir" ]; then
    if ! (cd "$dir" && sha256sum -c manifest) >/dev/null 2>&1; then
        echo "$dir is damaged" >&2
        exit 1
    fi
    exit
fi

new=$(mktemp -d "$1/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
javac -proc:none -encoding UTF-8 -d "$new" CompileServer.java
(cd "$new" && sha256sum ./*.class) >all
mv all "$new/manifest"
chmod -R a+rX "$new"
[ -d "$dir" ] || mv "$new" "$dir"
