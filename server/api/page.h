/* server/api/page.h - the dashboard: what www/ was built into, and how it is handed out.
 *
 * Each text is there three times: plain, gzip and brotli. `/` is looked up anew on every visit and
 * costs a 304; whatever it names has its content's hash in its name and is kept for ever.
 *
 * Room     server/api.
 * Threads  any; static tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/http/request.h"

enum page_coding { PAGE_PLAIN, PAGE_GZIP, PAGE_BROTLI, PAGE_CODINGS };

/* One form of a text, in page_bytes. */
struct page_form {
    size_t at, len;
    const char *etag; /* with its quotes */
};

struct page_asset {
    const char *name; /* behind /assets/; "index.html" is / itself */
    const char *type;
    struct page_form forms[PAGE_CODINGS];
};

/* Made by the build; the last one has no name. Without the page there is no other. */
extern const struct page_asset page_assets[];
extern const char page_bytes[];

/* NULL when there is no such asset. */
const struct page_asset *page_find(const char *name);

/* The smallest form that an Accept-Encoding allows; NULL: no such header. */
enum page_coding page_choose(const char *accept_encoding);

/* Whether an If-None-Match has the etag; NULL: no such header. */
bool page_is_known(const char *if_none_match, const char *etag);

/* ---- steps of a request ---- */

enum next page_index(struct request *r);
enum next page_asset(struct request *r);
