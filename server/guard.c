#include "server/guard.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>

#include "schema/base.h"

struct reading {
    struct guard_head head;
    int hosts, lengths, encodings;
    const char *wrong;
};

/* RFC 9110, 5.6.2. "Content-Length : 5" and names with control bytes fail here. */
static bool is_token(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80 || !(isalnum(c) || strchr("!#$%&'*+-.^_`|~", c)) || c == 0)
            return false;
    }
    return len > 0;
}

static bool is_clean(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
            return false;
    }
    return true;
}

static void read_length(struct reading *x, const char *value, size_t len)
{
    int64_t n = 0;

    x->lengths++;
    if (len == 0 || len > 18)
        x->wrong = "Content-Length is not a sensible number";
    for (size_t i = 0; i < len && !x->wrong; i++) {
        if (!isdigit((unsigned char)value[i]))
            x->wrong = "Content-Length is not a number";
        n = n * 10 + (value[i] - '0');
    }
    x->head.length = n;
}

static bool is_json(const char *value)
{
    static const char json[] = "application/json";
    const char *rest = value + sizeof json - 1;

    if (strncasecmp(value, json, sizeof json - 1) != 0)
        return false;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

static enum MHD_Result take(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_len,
                            const char *value, size_t value_len)
{
    struct reading *x = ctx;

    (void)kind;
    if (!value)
        value = "";
    if (!is_token(key, key_len))
        x->wrong = "a header's name is not a token";
    else if (!is_clean(value, value_len))
        x->wrong = "a header's value has control characters";
    else if (strcasecmp(key, "Host") == 0)
        x->hosts++;
    else if (strcasecmp(key, "Content-Length") == 0)
        read_length(x, value, value_len);
    else if (strcasecmp(key, "Content-Type") == 0)
        x->head.json = is_json(value);
    else if (strcasecmp(key, "Transfer-Encoding") == 0) {
        x->encodings++;
        x->head.chunked = strcasecmp(value, "chunked") == 0;
    }
    return x->wrong ? MHD_NO : MHD_YES;
}

const char *guard_read(struct MHD_Connection *connection, const char *version,
                       struct guard_head *ret_head)
{
    struct reading x = { .wrong = NULL };
    bool old = strcmp(version, "HTTP/1.0") == 0;

    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take, &x);
    if (x.wrong)
        return x.wrong;
    if (x.hosts > 1 || (x.hosts == 0 && !old))
        return "there must be one Host";
    if (x.lengths > 1)
        return "there is more than one Content-Length";
    if (x.encodings > 0 && x.lengths > 0)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (x.encodings > 1 || (x.encodings == 1 && !x.head.chunked))
        return "the only Transfer-Encoding is chunked";
    if (x.encodings > 0 && old)
        return "HTTP/1.0 has no Transfer-Encoding";
    *ret_head = x.head;
    return NULL;
}
