/* schema/store/postgres/postgres_locks.h - the advisory locks of a database's job table, all of the
 * class "scrc". Each lasts to the end of its transaction, but that of INDEXES, which is its
 * session's. */
#pragma once

#define POSTGRES_LOCK_FEED    "1935893091, 1" /* numbers changes, with the last statements */
#define POSTGRES_LOCK_MIGRATE "1935893091, 2"
#define POSTGRES_LOCK_TIDY    "1935893091, 3"
#define POSTGRES_LOCK_INDEXES "1935893091, 4"
