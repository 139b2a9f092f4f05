/* schema/store/postgres/postgres_locks.h - the advisory locks of a database's job table, all of the
 * class "scrc". Each lasts to the end of its transaction, but that of INDEXES, which is its
 * session's. */
#pragma once

/* "1935893091, 1" is that of number_changes(), in sql. */
#define POSTGRES_LOCK_MIGRATE "1935893091, 2"
#define POSTGRES_LOCK_TIDY    "1935893091, 3"
#define POSTGRES_LOCK_INDEXES "1935893091, 4"
