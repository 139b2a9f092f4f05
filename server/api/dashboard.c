#include "server/api/dashboard.h"

#include <string.h>
#include <strings.h>

/* The dashboard loads nothing from other hosts, and content must not run as code: no inline script
 * or style, no eval, no string that becomes markup, no frame around it. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "          \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static const char *const coding_names[DASHBOARD_CODINGS] = { "identity", "gzip", "br" };

const struct dashboard_asset *dashboard_find(const char *name)
{
    for (const struct dashboard_asset *a = page_assets; a->name; a++) {
        if (strcmp(a->name, name) == 0)
            return a;
    }
    return NULL;
}

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

enum dashboard_coding dashboard_choose(const char *accept_encoding)
{
    if (!accept_encoding)
        return DASHBOARD_PLAIN;
    int others = find_coding(accept_encoding, "*");
    for (int coding = DASHBOARD_CODINGS - 1; coding > DASHBOARD_PLAIN; coding--) {
        int allowed = find_coding(accept_encoding, coding_names[coding]);
        if (allowed == 1 || (allowed == -1 && others == 1))
            return (enum dashboard_coding)coding;
    }
    return DASHBOARD_PLAIN;
}

/* ---- If-None-Match (RFC 9110, 13.1.2) ---- */

bool dashboard_is_known(const char *if_none_match, const char *etag)
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

/* ---- answers ---- */

static enum next reply_asset(struct request *r, const struct dashboard_asset *a,
                             const char *cache_control)
{
    enum dashboard_coding coding = dashboard_choose(request_header(r, "Accept-Encoding"));
    const struct dashboard_form *form = &a->forms[coding];
    bool known = dashboard_is_known(request_header(r, "If-None-Match"), form->etag);

    request_reply_kept(r, known ? 304 : 200, a->type, page_bytes + form->at, form->len);
    if (coding != DASHBOARD_PLAIN)
        request_add_header(r, "Content-Encoding", coding_names[coding]);
    request_add_header(r, "Vary", "Accept-Encoding");
    request_add_header(r, "ETag", form->etag);
    request_add_header(r, "Cache-Control", cache_control);
    request_add_header(r, "Content-Security-Policy", POLICY);
    request_add_header(r, "Referrer-Policy", "no-referrer");
    request_add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    return NEXT_REPLY;
}

enum next dashboard_index(struct request *r)
{
    const struct dashboard_asset *a = dashboard_find("index.html");

    if (!a)
        return request_refuse(r, PROBLEM_NOT_FOUND, "this server was built without the dashboard");
    return reply_asset(r, a, "no-cache");
}

enum next dashboard_asset(struct request *r)
{
    const struct dashboard_asset *a = dashboard_find(r->id);

    if (!a || strcmp(a->name, "index.html") == 0)
        return request_refuse(r, PROBLEM_NOT_FOUND, "there is no such asset");
    return reply_asset(r, a, "public, max-age=31536000, immutable");
}
