#!/bin/sh
# tests/house/openapi.sh ROOT - redocly and spectral have nothing to say of openapi.yaml. 77: they are not here.
cd "$1" || exit 2
bin=tests/openapi/node_modules/.bin
[ -e "$bin/redocly" ] && [ -e "$bin/spectral" ] || exit 77
status=0
# It would tell its maker that it runs, and look for a newer version.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
"$bin/redocly" lint --config tests/openapi/redocly.yaml openapi.yaml || status=1
"$bin/spectral" lint --ruleset tests/openapi/spectral.yaml --fail-severity hint openapi.yaml || status=1
exit $status
