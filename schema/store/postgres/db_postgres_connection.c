#include "schema/store/postgres/db_postgres_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/postgres/db_postgres_error.h"
#include "schema/store/postgres/db_postgres_url.h"

#define CONNECT_NS     (10 * NS_PER_S)
#define VERSION_OLDEST 140000

/* A server of ours that is stopped in a transaction keeps its locks for this long at most, such as
 * that of a text which others want to store too; a group's statements follow one another within
 * milliseconds; large ones get more (db_postgres_statement.c). Who reads has no locks, and all the
 * time to send a list. synchronous_commit: an operator's setting that promises more than "on"
 * stays. jit: compiling costs more than the short statements here. */
static const char session_setup[] =
    "SET idle_in_transaction_session_timeout = 1000;"
    "SET default_transaction_isolation = 'read committed';"
    "SET standard_conforming_strings = on;"
    "SET client_min_messages = warning;"
    "SET jit = off;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
static const char reader_setup[] = "SET default_transaction_read_only = on;"
                                   "SET idle_in_transaction_session_timeout = 5000";
/* Refused by a server whose system cannot tell. */
static const char check_setup[] = "SET client_connection_check_interval = 1000";

static void disconnect(struct db_postgres_connection *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
}

int db_postgres_connection_lose(struct db_postgres_connection *c, struct err *e)
{
    bool lost = PQstatus(c->pg) == CONNECTION_BAD;

    (void)db_postgres_error_connection(c->pg, e);
    disconnect(c);
    if (!lost && e)
        e->kind = ERR_NOMEM;
    return -1;
}

/* Waits until the socket is ready. Past the deadline: closes the connection. */
static int wait_socket(struct db_postgres_connection *c, short events, int64_t until_ns,
                       struct err *e)
{
    struct pollfd p = { .fd = PQsocket(c->pg), .events = events };

    for (;;) {
        int n = poll(&p, 1, until_ns ? clock_ms_until(until_ns) : -1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR) {
            int number = errno;
            disconnect(c);
            return err_errno(e, ERR_UNAVAILABLE, number, "PostgreSQL: poll");
        }
        if (n == 0 && clock_mono_ns() >= until_ns) {
            disconnect(c);
            return err_set(e, ERR_TIMEOUT, "PostgreSQL: no answer in time");
        }
    }
}

/* Sends what waits and receives until one answer is complete. */
static int exchange(struct db_postgres_connection *c, int64_t until_ns, struct err *e)
{
    int unsent;

    while ((unsent = PQflush(c->pg)) > 0 || (unsent == 0 && PQisBusy(c->pg))) {
        if (wait_socket(c, (short)(unsent ? POLLIN | POLLOUT : POLLIN), until_ns, e) < 0)
            return -1;
        if (!PQconsumeInput(c->pg))
            return db_postgres_connection_lose(c, e);
    }
    return unsent < 0 ? db_postgres_connection_lose(c, e) : 0;
}

static bool is_failure(const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED: /* behind a failure */
        return false;
    default:
        return true;
    }
}

/* Keeps the first failure, else the last answer that is one to a statement. */
static PGresult *keep(PGresult *kept, PGresult *next)
{
    ExecStatusType status = PQresultStatus(next);

    if (kept &&
        (is_failure(kept) || status == PGRES_PIPELINE_SYNC || status == PGRES_PIPELINE_ABORTED)) {
        PQclear(next);
        return kept;
    }
    PQclear(kept);
    return next;
}

/* All answers; in a pipeline there is a NULL behind each and a SYNC behind the last one. NULL with
 * *e filled when the connection is lost and the server did not say why. */
static PGresult *collect(struct db_postgres_connection *c, int64_t until_ns, struct err *e)
{
    PGresult *kept = NULL;
    bool piped = PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF, synced = false;

    while (!synced) {
        if (exchange(c, until_ns, e) < 0)
            break;
        PGresult *next = PQgetResult(c->pg);
        if (!next && (!piped || PQstatus(c->pg) == CONNECTION_BAD))
            break;
        synced = next && PQresultStatus(next) == PGRES_PIPELINE_SYNC;
        if (next)
            kept = keep(kept, next);
    }
    if (!c->pg && kept && !is_failure(kept)) {
        PQclear(kept);
        return NULL;
    }
    if (!kept && c->pg)
        (void)err_set(e, ERR_UNAVAILABLE, "PostgreSQL: the connection gave no answer");
    return kept;
}

PGresult *db_postgres_connection_result(struct db_postgres_connection *c, int64_t until_ns,
                                        struct err *e)
{
    PGresult *r = collect(c, until_ns, e);
    bool lost = !c->pg || PQstatus(c->pg) == CONNECTION_BAD;

    if (r && is_failure(r)) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        (void)db_postgres_error_result(r, lost, e);
        (void)snprintf(c->sqlstate, sizeof c->sqlstate, "%.5s", state ? state : "");
        /* A server that only reads is left: the next connection may find the one that writes. */
        lost = lost || strcmp(c->sqlstate, "25006") == 0;
        PQclear(r);
        r = NULL;
    }
    if (lost && c->pg)
        disconnect(c);
    if (c->pg)
        c->in_transaction = PQtransactionStatus(c->pg) != PQTRANS_IDLE;
    return r;
}

int db_postgres_connection_run(struct db_postgres_connection *c, const char *sql, int64_t until_ns,
                               struct err *e)
{
    if (!PQsendQuery(c->pg, sql))
        return db_postgres_connection_lose(c, e);
    PGresult *r = db_postgres_connection_result(c, until_ns, e);
    if (!r)
        return -1;
    PQclear(r);
    return 0;
}

/* ---- COPY ---- */

#define COPY_PART (64 * KIB) /* libpq keeps a copy of what is not sent yet */

static int send_part(struct db_postgres_connection *c, const char *data, size_t len,
                     int64_t until_ns, struct err *e)
{
    int unsent;

    if (PQputCopyData(c->pg, data, (int)len) != 1)
        return db_postgres_connection_lose(c, e);
    while ((unsent = PQflush(c->pg)) > 0) {
        if (wait_socket(c, POLLIN | POLLOUT, until_ns, e) < 0)
            return -1;
        if (!PQconsumeInput(c->pg))
            return db_postgres_connection_lose(c, e);
    }
    return unsent < 0 ? db_postgres_connection_lose(c, e) : 0;
}

static int send_parts(struct db_postgres_connection *c, const struct db_postgres_bytes *parts,
                      size_t parts_len, int64_t until_ns, struct err *e)
{
    for (size_t i = 0; i < parts_len; i++)
        for (size_t at = 0, n; at < parts[i].len; at += n) {
            n = parts[i].len - at;
            if (n > COPY_PART)
                n = COPY_PART;
            if (send_part(c, parts[i].data + at, n, until_ns, e) < 0)
                return -1;
        }
    return PQputCopyEnd(c->pg, NULL) == 1 ? 0 : db_postgres_connection_lose(c, e);
}

/* 0: the server takes data. Else it has said why not. */
static int begin_copy(struct db_postgres_connection *c, const char *sql, int64_t until_ns,
                      struct err *e)
{
    if (!PQsendQuery(c->pg, sql))
        return db_postgres_connection_lose(c, e);
    if (exchange(c, until_ns, e) < 0)
        return -1;
    PGresult *r = PQgetResult(c->pg);
    bool takes = PQresultStatus(r) == PGRES_COPY_IN;
    if (!takes)
        (void)db_postgres_error_result(r, PQstatus(c->pg) == CONNECTION_BAD, e);
    PQclear(r);
    if (takes)
        return 0;
    PQclear(db_postgres_connection_result(c, until_ns, NULL));
    return -1;
}

int db_postgres_connection_copy(struct db_postgres_connection *c, const char *sql,
                                const struct db_postgres_bytes *parts, size_t parts_len,
                                int64_t until_ns, struct err *e)
{
    if (begin_copy(c, sql, until_ns, e) < 0 || send_parts(c, parts, parts_len, until_ns, e) < 0)
        return -1;
    PGresult *r = db_postgres_connection_result(c, until_ns, e);
    if (!r)
        return -1;
    PQclear(r);
    return 0;
}

static void on_notice(void *ctx, const PGresult *r)
{
    struct db_postgres_connection *c = ctx;
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity && strcmp(severity, "WARNING") == 0)
        c->warned = true;
}

/* What stands in front of the URL may be set otherwise in it; what stands behind it may not. */
static PGconn *start_connection(const char *url)
{
    const char *const names[] = {
        "fallback_application_name", "tcp_user_timeout",
        "target_session_attrs",      "dbname",
        "client_encoding",           NULL,
    };
    const char *const values[] = { "scrc", "5000", "read-write", url, "UTF8", NULL };

    return PQconnectStartParams(names, values, 1);
}

static int make_connection(struct db_postgres_connection *c, int64_t until_ns, struct err *e)
{
    c->pg = start_connection(c->url);
    if (!c->pg)
        return err_set(e, ERR_NOMEM, "PostgreSQL: a connection");
    (void)PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(c->pg, on_notice, c);
    if (PQstatus(c->pg) == CONNECTION_BAD)
        return db_postgres_connection_lose(c, e);

    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (wait_socket(c, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ns, e) < 0)
            return -1;
        status = PQconnectPoll(c->pg);
        if (status == PGRES_POLLING_FAILED)
            return db_postgres_connection_lose(c, e);
    }
    return 0;
}

static int set_up(struct db_postgres_connection *c, int64_t until_ns, struct err *e)
{
    if (PQserverVersion(c->pg) < VERSION_OLDEST)
        return err_set(e, ERR_SETTING, "PostgreSQL %d is too old: 14 or newer is needed",
                       PQserverVersion(c->pg) / 10000);
    if (PQsetnonblocking(c->pg, 1) < 0)
        return err_set(e, ERR_NOMEM, "PostgreSQL: a connection");
    if (db_postgres_connection_run(c, session_setup, until_ns, e) < 0)
        return -1;
    if (db_postgres_connection_run(c, check_setup, until_ns, e) < 0 && !c->pg)
        return -1;
    if (c->read_only && db_postgres_connection_run(c, reader_setup, until_ns, e) < 0)
        return -1;
    if (!c->channel[0])
        return 0;
    char listen[sizeof c->channel + sizeof "LISTEN \"\""];
    (void)snprintf(listen, sizeof listen, "LISTEN \"%s\"", c->channel);
    c->rung = true;
    return db_postgres_connection_run(c, listen, until_ns, e);
}

int db_postgres_connection_ready(struct db_postgres_connection *c, int64_t until_ns, struct err *e)
{
    if (c->pg)
        return 0;
    if (c->in_transaction)
        return err_set(e, ERR_UNAVAILABLE,
                       "PostgreSQL: the connection was lost in the transaction");

    int64_t by = clock_mono_ns() + CONNECT_NS;
    if (until_ns && until_ns < by)
        by = until_ns;
    if (make_connection(c, by, e) < 0 || set_up(c, by, e) < 0) {
        disconnect(c);
        /* Past our own limit it is as good as refused. */
        if (e && e->kind == ERR_TIMEOUT && by != until_ns)
            e->kind = ERR_UNAVAILABLE;
        return -1;
    }
    c->number++;
    return 0;
}

int db_postgres_connection_init(struct db_postgres_connection *c, const char *url, bool read_only,
                                struct err *e)
{
    if (db_postgres_url_check(url, e) < 0)
        return -1;
    *c = (struct db_postgres_connection){ .url = strdup(url), .read_only = read_only };
    return c->url ? 0 : err_set(e, ERR_NOMEM, "PostgreSQL: a connection");
}

void db_postgres_connection_destroy(struct db_postgres_connection *c)
{
    disconnect(c);
    if (c->url)
        explicit_bzero(c->url, strlen(c->url));
    free(c->url);
}
