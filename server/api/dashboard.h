/* server/api/dashboard.h - the dashboard: what www/ was built into, and how it is handed out.
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

enum dashboard_coding { DASHBOARD_PLAIN, DASHBOARD_GZIP, DASHBOARD_BROTLI, DASHBOARD_CODINGS };

/* One form of a text, in page_bytes. */
struct dashboard_form {
    size_t at, len;
    const char *etag; /* with its quotes */
};

struct dashboard_asset {
    const char *name; /* behind /assets/; "index.html" is / itself */
    const char *type;
    struct dashboard_form forms[DASHBOARD_CODINGS];
};

/* Made by the build; the last one has no name. Without the page there is no other. */
extern const struct dashboard_asset page_assets[];
extern const char page_bytes[];

/* NULL when there is no such asset. */
const struct dashboard_asset *dashboard_find(const char *name);

/* The smallest form that an Accept-Encoding allows; NULL: no such header. */
enum dashboard_coding dashboard_choose(const char *accept_encoding);

/* Whether an If-None-Match has the etag; NULL: no such header. */
bool dashboard_is_known(const char *if_none_match, const char *etag);

/* ---- steps of a request ---- */

enum next dashboard_index(struct request *r);
enum next dashboard_asset(struct request *r);
