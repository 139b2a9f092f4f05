#!/bin/sh
# prepare_java.sh DIR - makes DIR/scrc: the resident compiler, compiled by the compiler of this image.
#
# What was made before is verified only. Exit code 1: it is damaged.
set -eu
. ./prepared.sh

prepared "$1"
javac -proc:none -encoding UTF-8 -d "$new" CompileServer.java
keep ""
