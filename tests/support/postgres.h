/* tests/support/postgres.h - databases in a real PostgreSQL.
 *
 * The server is that of SCRC_TEST_POSTGRES (a URL of a superuser's database), else the one that
 * ctest has started for all tests with the fixture `postgres`, else one that this process starts
 * and that ends with it, however it ends (script/lib/postgres.sh: its keeper).
 *
 * Owns     the databases and the server of its own; what is left of them goes with the process.
 * Threads  not locked: for the main thread alone.
 * Errors   each fails the test, also where there is no PostgreSQL.
 */
#pragma once

/* The URL of a new, empty database, UTF-8 and in the order of its bytes unless the environment has
 * other words for CREATE DATABASE (SCRC_TEST_POSTGRES_OPTIONS). Valid until it is dropped. */
const char *postgres_url(void);

/* As postgres_url(); options are words of CREATE DATABASE. */
const char *postgres_url_with(const char *options);

/* Unlike what we expect of a server: another order of letters; and one that is refused. */
#define POSTGRES_TURKISH "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'"
#define POSTGRES_LATIN1  "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"

/* Drops the database of an URL from here, even when somebody is connected to it; takes the URL. */
void postgres_drop(const char *url);

/* ---- a server of the test's own, which it may end ---- */

/* Starts it. word: NULL, "tcp", "tls" or "fsync"; script/lib/postgres.sh: postgres_settle(). */
void postgres_own_start(const char *word);
/* Ends it; its databases and their URLs go with it. */
void postgres_own_end(void);

/* A new, empty database there; starts a server without TCP when there is none. */
const char *postgres_own_url(void);

/* Ends the server at once: by itself as in an immediate shutdown, or by killing all its processes.
 * Who is connected finds a broken connection. */
void postgres_stop_hard(void);
void postgres_kill(void);
/* Starts it after one of these, with the same address and data. */
void postgres_start_again(void);

/* Holds all processes of the server and lets them go on: connections stay open and nothing answers.
 */
void postgres_pause(void);
void postgres_resume(void);
