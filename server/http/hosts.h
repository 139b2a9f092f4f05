/* server/http/hosts.h - the names this server answers to, and the web pages that may use it.
 *
 * The owner of a page can have its name resolved to our address (DNS rebinding): then a browser
 * that shows the page sends its requests to us, and only Host shows it. A page of another site can
 * also post a form to us, and only Origin and Sec-Fetch-Site show it.
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

struct hosts {
    const char *listed; /* ALLOWED_HOSTS; NULL: none. borrowed */
    bool loopback; /* only this machine can reach us, so other IP addresses are no names of ours */
};

/* Whether `host`, the value of Host, is a name of ours: a loopback name or address; a listed name;
 * any IP address, when other machines can reach us, because DNS rebinding needs a name. */
bool hosts_answers(const struct hosts *h, const char *host);

/* The headers that describe the page which makes the request. Borrowed; NULL: absent. */
struct hosts_page {
    const char *host, *origin, *site, *mode, *dest; /* Host, Origin, Sec-Fetch-... */
    bool reads;                                     /* GET or HEAD */
};

/* True for our own pages, for pages of listed hosts, and for links that lead here. */
bool hosts_trusts(const struct hosts *h, const struct hosts_page *p);
