#!/bin/sh
# tests/house/types.sh ROOT - the dashboard's types fit together, and openapi.yaml. 77: its packages are not here.
cd "$1/www" || exit 2
[ -e node_modules/typescript/bin/tsc ] || exit 77
node types.mjs || exit 1
exec node node_modules/typescript/bin/tsc
