#!/bin/sh
# build_go.sh SOURCE PROGRAM - compiles and links one file, with the commands that prepare_go.sh puts at
# the end. What they cannot take, or would take in another way than `go build` does, fails.
set -e
# shellcheck disable=SC2034 # the commands use it
dir=${0%/*}

# A package of another name is no program, whatever it holds.
while read -r line; do
    case $line in
    '' | //*) continue ;;
    'package main') break ;;
    *) exit 1 ;;
    esac
done <"$1"
[ ! -e go.mod ]
[ ! -e go.work ]
if grep -qE '//go:|"C"|//export|\+build' "$1"; then
    exit 1 # directives and cgo are for go build
fi

# COMMANDS
