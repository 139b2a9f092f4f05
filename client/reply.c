#include "client/reply.h"

#include <string.h>

#include "client/transport.h"
#include "schema/base/err.h"

#define VERDICT_MAX 7

int reply_object(const char *data, size_t len, json_t **ret_object, struct err *e)
{
    json_error_t why;
    json_t *object = json_loadb(data ? data : "", len, JSON_ALLOW_NUL, &why);

    if (json_is_object(object)) {
        *ret_object = object;
        return 0;
    }
    json_decref(object);
    return err_set(e, ERR_UNAVAILABLE, "what answered is no scrc: its answer is no JSON object");
}

const char *reply_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

const char *reply_verdict(const json_t *object)
{
    static const char letters[] = "-ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *verdict = reply_text(object, "verdict");
    size_t len = strlen(verdict);

    return len <= VERDICT_MAX && strspn(verdict, letters) == len ? verdict : "?";
}

int64_t reply_number(const json_t *object, const char *name, int64_t other)
{
    const json_t *number = json_object_get(object, name);
    return json_is_integer(number) ? json_integer_value(number) : other;
}

bool reply_is_temporary(long status) { return status == 429 || status == 503 || status == 507; }

static enum err_kind kind_of(long status)
{
    static const long about_the_body[] = { 400, 409, 413, 415, 422 };

    for (size_t i = 0; i < ARRAY_LEN(about_the_body); i++) {
        if (about_the_body[i] == status)
            return ERR_CONFLICT;
    }
    return reply_is_temporary(status) ? ERR_QUEUE_FULL : ERR_UNAVAILABLE;
}

int reply_refused(const struct transport_answer *a, struct err *e)
{
    json_auto_t *problem = NULL;
    struct err ignored;
    enum err_kind kind = kind_of(a->status);

    if (reply_object(a->body.data, a->body.len, &problem, &ignored) < 0 ||
        !*reply_text(problem, "title"))
        return err_set(
            e, kind, "the server answered %ld%s", a->status,
            a->status == 401 || a->status == 403
                ? ": it wants a user; SCRC_URL may have one, as http://USER:PASSWORD@HOST"
                : "");
    const json_t *first = json_array_get(json_object_get(problem, "errors"), 0);
    const char *where = reply_text(first, "pointer");
    if (!*where)
        where = reply_text(first, "parameter");
    if (first)
        return err_set(e, kind, "the server refused (%ld): %s %s", a->status, where,
                       reply_text(first, "detail"));
    return err_set(e, kind, "the server refused (%ld): %s: %s", a->status,
                   reply_text(problem, "title"), reply_text(problem, "detail"));
}
