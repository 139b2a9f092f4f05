#include "server/http/route.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "server/http/uri.h"

int route_check(const struct route_table *table, struct err *e)
{
    for (size_t i = 0; i < table->len; i++) {
        const struct route *route = &table->rows[i];
        if (!route->handle || !route->right || route->body_bytes < 0)
            return err_set(e, ERR_BUG, "the route %s %s names no handler, no right or no bound",
                           route->method, route->path);
    }
    return 0;
}

/* Compares path with a route's; {...} stands for one segment that is not empty. */
static bool matches(const char *route, const char *path, const char **ret_id, size_t *ret_id_len)
{
    size_t fixed = strcspn(route, "{");

    if (strncmp(route, path, fixed) != 0)
        return false;
    if (!route[fixed])
        return !path[fixed];
    *ret_id = path + fixed;
    *ret_id_len = strcspn(*ret_id, "/");
    return *ret_id_len > 0 && strcmp(*ret_id + *ret_id_len, strchr(route + fixed, '}') + 1) == 0;
}

/* No accepted id has control characters or is longer; such a path cannot name anything. */
static bool could_be_id(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f)
            return false;
    }
    return text_is_utf8(id, len);
}

static enum route_found decode_id(const char *raw, size_t raw_len, char *id)
{
    char decoded[4 * ROUTE_ID_MAX]; /* room to tell "too long" from "broken" */

    if (raw_len >= sizeof decoded)
        return ROUTE_NO_PATH;
    int len = uri_decode(raw, raw_len, decoded, sizeof decoded);
    if (len < 0)
        return ROUTE_BAD_PATH;
    if (len > ROUTE_ID_MAX || !could_be_id(decoded, (size_t)len))
        return ROUTE_NO_PATH;
    memcpy(id, decoded, (size_t)len + 1);
    return ROUTE_FOUND;
}

static void add_allowed(char allow[40], const char *method)
{
    size_t n = strlen(allow);
    const char *head = strcmp(method, "GET") == 0 ? ", HEAD" : "";

    (void)snprintf(allow + n, 40 - n, "%s%s%s", n ? ", " : "", method, head);
}

enum route_found route_find(const struct route_table *table, const char *method, const char *path,
                            const struct route **ret_route, char *id, char allow[40])
{
    const char *want = strcmp(method, "HEAD") == 0 ? "GET" : method;

    allow[0] = '\0';
    for (size_t i = 0; i < table->len; i++) {
        const struct route *route = &table->rows[i];
        const char *raw_id = NULL;
        size_t raw_len = 0;
        if (!matches(route->path, path, &raw_id, &raw_len))
            continue;
        if (strcmp(route->method, want) != 0) {
            add_allowed(allow, route->method);
            continue;
        }
        enum route_found found = raw_id ? decode_id(raw_id, raw_len, id) : ROUTE_FOUND;
        if (found == ROUTE_FOUND)
            *ret_route = route;
        return found;
    }
    return allow[0] ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}
