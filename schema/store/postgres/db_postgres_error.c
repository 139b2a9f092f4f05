#include "schema/store/postgres/db_postgres_error.h"

#include <ctype.h>
#include <string.h>

/* The first row whose code the SQLSTATE begins with. */
static const struct {
    const char *code;
    enum err_kind kind;
} kinds[] = {
    { "08", ERR_UNAVAILABLE },    /* the connection */
    { "25006", ERR_UNAVAILABLE }, /* a server that only reads: a replica, or a primary no longer */
    { "25P03", ERR_AGAIN },       /* we were silent for too long in a transaction: it is not in */
    { "53100", ERR_DISK },        /* full */
    { "53", ERR_UNAVAILABLE },    /* too many connections; the server is out of memory */
    { "57014", ERR_TIMEOUT },     /* cancelled */
    { "57P", ERR_UNAVAILABLE },   /* shuts down, starts, crashed; the session was ended */
    { "55P03", ERR_TIMEOUT },     /* a lock, past lock_timeout */
    { "40001", ERR_AGAIN },       /* serialization */
    { "40P01", ERR_AGAIN },       /* deadlock */
    { "23503", ERR_AGAIN },       /* what the row names was deleted meanwhile */
    { "0A000", ERR_AGAIN },       /* the table has changed since the statement was prepared */
    { "28", ERR_SETTING },        /* no such user, wrong password, not allowed to connect */
    { "3D000", ERR_SETTING },     /* no such database */
    { "42501", ERR_SETTING },     /* no rights */
    { "58030", ERR_DISK },        /* input or output failed */
    { "XX001", ERR_DISK },        /* damaged data */
    { "XX002", ERR_DISK },        /* damaged index */
};

enum err_kind db_postgres_error_kind(const char *sqlstate)
{
    if (!sqlstate || !*sqlstate)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strncmp(sqlstate, kinds[i].code, strlen(kinds[i].code)) == 0)
            return kinds[i].kind;
    return ERR_BUG;
}

static int set_first_line(enum err_kind kind, const char *text, struct err *e)
{
    return err_set(e, kind, "PostgreSQL: %.*s", (int)strcspn(text, "\n"), text);
}

int db_postgres_error_result(const PGresult *r, bool lost, struct err *e)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (text && state)
        return err_set(e, db_postgres_error_kind(state), "PostgreSQL: %s (%s)", text, state);
    if (lost)
        return set_first_line(ERR_UNAVAILABLE, PQresultErrorMessage(r), e);
    return set_first_line(ERR_NOMEM, PQresultErrorMessage(r), e); /* libpq itself has no memory */
}

/* The SQLSTATE of the last server that was tried: "...FATAL:  28P01: password ...". NULL: none. */
static const char *find_sqlstate(const char *text)
{
    const char *found = NULL;

    for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  ")) {
        size_t n = 0;
        while (n < 5 && (isdigit((unsigned char)p[3 + n]) || isupper((unsigned char)p[3 + n])))
            n++;
        if (n == 5 && strncmp(p + 8, ": ", 2) == 0)
            found = p + 3;
    }
    return found;
}

/* With several hosts there is a line for each; the last one's sentence is kept. */
int db_postgres_error_connection(const PGconn *c, struct err *e)
{
    char place[200];
    const char *all = PQerrorMessage(c), *state = find_sqlstate(all), *start = all;

    if (!state)
        return set_first_line(ERR_UNAVAILABLE, all, e);
    for (const char *p = strchr(all, '\n'); p && p < state; p = strchr(p + 1, '\n'))
        start = p + 1;
    size_t len = (size_t)(state - start);
    if (len >= sizeof place)
        len = sizeof place - 1;
    memcpy(place, start, len);
    place[len] = '\0';
    return err_set(e, db_postgres_error_kind(state), "PostgreSQL: %s%.*s", place,
                   (int)strcspn(state + 7, "\n"), state + 7);
}
