#include "server/http/negotiation.h"

#include <string.h>
#include <strings.h>

/* ---- Accept-Encoding (RFC 9110, 12.5.3) ---- */

static const char *skip_spaces_and_tabs(const char *p) { return p + strspn(p, " \t"); }

/* Whether the parameters of a coding contain q=0, which means "not acceptable". */
static bool has_zero_weight(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p != ';')
            continue;
        const char *q = skip_spaces_and_tabs(p + 1);
        if (strncasecmp(q, "q=", 2) == 0)
            return q[2] == '0' && skip_spaces_and_tabs(q + 2 + strspn(q + 2, "0.")) >= end;
    }
    return false;
}

/* 1: acceptable; 0: not acceptable; -1: not in the header. */
static int find_coding(const char *header, const char *coding)
{
    size_t len = strlen(coding);

    for (const char *p = header; *p; p += *p == ',') {
        const char *end = p + strcspn(p, ",");
        p = skip_spaces_and_tabs(p);
        if (strncasecmp(p, coding, len) == 0 && strchr(" \t;,", p[len]))
            return !has_zero_weight(p + len, end);
        p = end;
    }
    return -1;
}

bool negotiation_accepts(const char *accept_encoding, const char *coding)
{
    if (!accept_encoding)
        return false;
    int allowed = find_coding(accept_encoding, coding);
    return allowed == 1 || (allowed == -1 && find_coding(accept_encoding, "*") == 1);
}

/* ---- If-None-Match (RFC 9110, 13.1.2) ---- */

bool negotiation_is_known(const char *if_none_match, const char *etag)
{
    size_t len = strlen(etag);

    for (const char *p = if_none_match ? if_none_match : ""; *p; p += *p == ',') {
        p = skip_spaces_and_tabs(p);
        if (*p == '*')
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        if (strncmp(p, etag, len) == 0 && strchr(" \t,", p[len]))
            return true;
        p += strcspn(p, ",");
    }
    return false;
}
