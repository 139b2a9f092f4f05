#!/bin/sh
# Archives the classes that programs of contests use (class data sharing), beside those that this
# image's runtime archives itself. Names that this runtime does not know are skipped. Dumped with G1,
# since then the archive holds the module graph too, which every collector can load.
set -eu
from=$PWD
cd /var/tmp
if ! sha256sum -c whole >/dev/null 2>&1; then
    rm -rf ./*
    home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
    cat "$home/lib/classlist" "$from/java_classes.txt" >"$from/classes"
    java -Xmx128m -XX:+UseG1GC -Xshare:dump -XX:SharedClassListFile="$from/classes" \
        -XX:SharedArchiveFile=/var/tmp/run.jsa >"$from/log" 2>&1 || { tail -n 3 "$from/log" >&2 && exit 1; }
    sha256sum run.jsa >new
    mv new whole
fi
echo "archived classes"
