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
    { "25P03", ERR_UNAVAILABLE }, /* we were silent for too long in a transaction */
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

/* user:password@host has one '@', and no '/' in front of it; else a character of the password is
 * not written as %XX, and libpq takes it for the end of something. */
static bool is_authority_clear(const char *rest)
{
    size_t authority = strcspn(rest, "/"), at = strcspn(rest, "@");

    if (rest[at] == '\0' || authority == 0)
        return true;
    if (at > authority)
        return false;
    const char *tail = rest + at + 1;
    return memchr(tail, '@', strcspn(tail, "?")) == NULL;
}

static bool are_ports_numbers(const PQconninfoOption *options)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (strcmp(o->keyword, "port") == 0 && o->val)
            return o->val[strspn(o->val, "0123456789,")] == '\0';
    return true;
}

int db_postgres_error_url(const char *url, struct err *e)
{
    static const char *const schemes[] = { "postgres://", "postgresql://" };
    const char *rest = NULL;

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            rest = url + strlen(schemes[i]);
    if (!rest)
        return err_set(e, ERR_SETTING, "the database is no postgres:// URL");

    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool is_clear = options && is_authority_clear(rest) && are_ports_numbers(options);
    PQconninfoFree(options);
    if (!is_clear)
        return err_set(e, ERR_SETTING,
                       "the postgres:// URL cannot be read; a character of a password that is no "
                       "letter or digit must be written as %%XX");
    return 0;
}
