#!/bin/sh
# prepare_java_run.sh DIR - makes DIR/scrc: an archive of the classes that programs of contests use (class
# data sharing), beside those that this image's runtime archives itself. Names that this runtime does
# not know are skipped. Dumped with G1, since then the archive holds the module graph too, which every
# collector can load. The last line of stdout says what there is.
#
# What was made before is verified only. Exit code 1: it is damaged.
set -eu
. ./prepared.sh

prepared "$1"
home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
cat "$home/lib/classlist" java_classes.txt >classes
java -Xmx128m -XX:+UseG1GC -Xshare:dump -XX:SharedClassListFile=classes \
    -XX:SharedArchiveFile="$new/run.jsa" >log 2>&1 || { tail -n 3 log >&2 && exit 1; }
keep "archived classes"
