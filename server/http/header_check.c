#include "server/http/header_check.h"

#include <microhttpd.h>
#include <stddef.h>
#include <string.h>

#include "schema/base/base.h"
#include "schema/base/traceparent.h"
#include "server/http/grammar.h"

static const char *skip_spaces(const char *p) { return p + strspn(p, " \t"); }

/* Whether the value of a parameter is exactly `word`, quoted or not. */
static bool is_parameter_value(const char *value, const char *word)
{
    size_t quoted = *value == '"', len = strlen(word);

    if (strncasecmp(value + quoted, word, len) != 0)
        return false;
    value += quoted + len;
    if (quoted && *value++ != '"')
        return false;
    value = skip_spaces(value);
    return *value == '\0' || *value == ';';
}

static void read_media_type(struct header_check_head *h, const char *value)
{
    static const char charset[] = "charset=";
    size_t len = strcspn(value, "; \t");
    const char *rest = skip_spaces(value + len);

    if (*rest && *rest != ';')
        return;
    h->json = grammar_equals(value, len, "application/json");
    h->form = grammar_equals(value, len, "multipart/form-data");
    for (; *rest; rest += strcspn(rest, ";")) {
        rest = skip_spaces(rest + 1);
        if (strncasecmp(rest, charset, strlen(charset)) == 0)
            h->other_charset |= h->json && !is_parameter_value(rest + strlen(charset), "utf-8");
    }
}

static const struct {
    const char *name;
    size_t offset;
} page_headers[] = {
    { "Host", offsetof(struct header_check_head, page.host) },
    { "Origin", offsetof(struct header_check_head, page.origin) },
    { "Sec-Fetch-Site", offsetof(struct header_check_head, page.site) },
    { "Sec-Fetch-Mode", offsetof(struct header_check_head, page.mode) },
    { "Sec-Fetch-Dest", offsetof(struct header_check_head, page.dest) },
};

static const struct {
    const char *name;
    size_t offset;
} trace_headers[] = {
    { "X-Request-Id", offsetof(struct header_check_head, request_id) },
    { TRACEPARENT_NAME, offsetof(struct header_check_head, traceparent) },
};

/* Which of two would be meant is not known, so "" stands for both. */
static void read_trace(struct header_check_head *h, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(trace_headers); i++) {
        const char **into = (const char **)(void *)((char *)h + trace_headers[i].offset);
        if (strcasecmp(name, trace_headers[i].name) == 0)
            *into = *into ? "" : value;
    }
}

static enum MHD_Result read_header_value(void *ctx, enum MHD_ValueKind kind, const char *name,
                                         const char *value)
{
    struct header_check_head *h = ctx;

    (void)kind;
    if (!value)
        value = "";
    for (size_t i = 0; i < ARRAY_LEN(page_headers); i++) {
        if (strcasecmp(name, page_headers[i].name) == 0)
            *(const char **)(void *)((char *)h + page_headers[i].offset) = value;
    }
    read_trace(h, name, value);
    if (strcasecmp(name, "Content-Length") == 0)
        h->length = strtoll(value, NULL, 10);
    else if (strcasecmp(name, "Transfer-Encoding") == 0)
        h->chunked = true;
    else if (strcasecmp(name, "Content-Type") == 0)
        read_media_type(h, value);
    else if (strcasecmp(name, "Content-Encoding") == 0)
        h->coded |= strcasecmp(value, "identity") != 0;
    return MHD_YES;
}

void header_check_read(struct MHD_Connection *connection, struct header_check_head *ret_head)
{
    *ret_head = (struct header_check_head){ .length = 0 };
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, read_header_value, ret_head);
}
