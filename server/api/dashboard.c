#include "server/api/dashboard.h"

#include <string.h>

#include "server/http/negotiation.h"

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

enum dashboard_coding dashboard_choose(const char *accept_encoding)
{
    for (int coding = DASHBOARD_CODINGS - 1; coding > DASHBOARD_PLAIN; coding--) {
        if (negotiation_accepts(accept_encoding, coding_names[coding]))
            return (enum dashboard_coding)coding;
    }
    return DASHBOARD_PLAIN;
}

/* ---- answers ---- */

static enum next reply_asset(struct request *r, const struct dashboard_asset *a,
                             const char *cache_control)
{
    enum dashboard_coding coding = dashboard_choose(request_header(r, "Accept-Encoding"));
    const struct dashboard_form *form = &a->forms[coding];
    bool known = negotiation_is_known(request_header(r, "If-None-Match"), form->etag);

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

/* A page by its own address: the browser asks each time whether it is still the same. */
static enum next reply_html(struct request *r, const char *name, const char *without)
{
    const struct dashboard_asset *a = dashboard_find(name);

    if (!a)
        return request_refuse(r, PROBLEM_NOT_FOUND, "%s", without);
    return reply_asset(r, a, "no-cache");
}

enum next dashboard_index(struct request *r)
{
    return reply_html(r, "index.html", "this server was built without the dashboard");
}

enum next dashboard_docs(struct request *r)
{
    return reply_html(r, "docs.html",
                      "this server was built without its pages; GET /openapi.yaml has the same");
}

static bool is_page(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && strcmp(end, ".html") == 0;
}

enum next dashboard_asset(struct request *r)
{
    const struct dashboard_asset *a = dashboard_find(r->id);

    if (!a || is_page(a->name))
        return request_refuse(r, PROBLEM_NOT_FOUND, "there is no such asset");
    return reply_asset(r, a, "public, max-age=31536000, immutable");
}
