/* server/http/hosts.h - the names this server answers to, and whose pages may use it.
 *
 * A page from elsewhere can have its own name resolved to our address, and then every browser that
 * shows it asks us in good faith; only Host gives it away. A page can also send us a form; only
 * Origin and Sec-Fetch-Site give that away.
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

struct hosts {
    const char *listed; /* ALLOWED_HOSTS; NULL: none. borrowed */
    bool loopback;      /* nobody but this machine reaches us: by its loopback names alone */
};

/* host: the value of Host. Names of the loopback, what is listed, and, when others reach us, every
 * IP address: a page's own name is never one. */
bool hosts_answers(const struct hosts *h, const char *host);

/* What a browser says of the page that asks. All borrowed; NULL: it does not say. */
struct hosts_page {
    const char *host, *origin, *site, *mode, *dest; /* Host, Origin, Sec-Fetch-... */
    bool reads;                                     /* GET or HEAD */
};

/* Its own pages, listed ones, and who follows a link to here. */
bool hosts_trusts(const struct hosts *h, const struct hosts_page *p);
