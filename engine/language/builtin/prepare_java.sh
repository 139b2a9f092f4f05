#!/bin/sh
# Compiles the resident compiler with the compiler of this image. What is complete and whole stays.
set -eu
cd /var/tmp
if sha256sum -c whole >/dev/null 2>&1; then
    exit 0
fi
rm -rf ./*
javac -proc:none -encoding UTF-8 -d . "$OLDPWD/CompileServer.java"
sha256sum ./*.class >new
mv new whole
