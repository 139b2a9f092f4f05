#!/bin/sh
# postgres.sh - does with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB what the image postgres does.
set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PGDATA=/var/lib/postgresql/data
if [ ! -s $PGDATA/PG_VERSION ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    initdb -E UTF8 --locale=C.UTF-8 -U "$POSTGRES_USER" --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password
    echo 'host all all all scram-sha-256' >>$PGDATA/pg_hba.conf
    pg_ctl -w start -o '-c listen_addresses='
    createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -w stop
fi
exec postgres -c listen_addresses='*'
