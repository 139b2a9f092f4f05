#include "schema/store/postgres/db_postgres_url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <libpq-fe.h>

#include "schema/base/err.h"

/* ---- check ---- */

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

int db_postgres_url_check(const char *url, struct err *e)
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

/* ---- without what is secret ---- */

static int hex_value(char c) { return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10; }

/* The name of a parameter, which libpq decodes. */
static void decode_name(const char *text, size_t len, char out[32])
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < 31; i++) {
        if (text[i] == '%' && i + 2 < len) {
            out[n++] = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        } else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
}

static bool is_secret(const char *parameter, size_t len)
{
    static const char *const names[] = { "password", "sslpassword", "scram_client_key",
                                         "scram_server_key", "oauth_client_secret" };
    const char *equals = memchr(parameter, '=', len);
    char name[32];

    decode_name(parameter, equals ? (size_t)(equals - parameter) : len, name);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void add_shown(char *out, size_t size, size_t *n, const char *text, size_t len)
{
    size_t room = size - 1 - *n, taken = len < room ? len : room;

    memcpy(out + *n, text, taken);
    *n += taken;
    out[*n] = '\0';
}

/* As libpq reads it: what is before the first '@' is user and password, unless a '/' comes before
 * that. */
void db_postgres_url_show(const char *url, char *out, size_t size)
{
    const char *rest = strstr(url, "://") + 3, *before = "?";
    size_t n = 0;

    add_shown(out, size, &n, url, (size_t)(rest - url));
    size_t end = strcspn(rest, "@/");
    if (rest[end] == '@') {
        add_shown(out, size, &n, rest, strcspn(rest, ":@"));
        rest += end;
    }
    const char *query = rest + strcspn(rest, "?");
    add_shown(out, size, &n, rest, (size_t)(query - rest));
    while (*query) {
        size_t len = strcspn(++query, "&");
        if (!is_secret(query, len)) {
            add_shown(out, size, &n, before, 1);
            add_shown(out, size, &n, query, len);
            before = "&";
        }
        query += len;
    }
}
