#include "server/http/hosts.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "schema/base/base.h"

struct host_name {
    const char *host, *port;
    size_t host_len, port_len; /* port_len 0: none */
};

/* Splits "[::1]:8080", "localhost:80", "localhost" and the like; never fails. */
static struct host_name split_host(const char *text, size_t len)
{
    struct host_name n = { .host = text, .host_len = len };
    const char *bracket = len > 0 && text[0] == '[' ? memchr(text, ']', len) : NULL;
    const char *from = bracket ? bracket : text;
    const char *colon = memchr(from, ':', len - (size_t)(from - text));

    if (colon) {
        n.host_len = (size_t)(colon - text);
        n.port = colon + 1;
        n.port_len = len - n.host_len - 1;
    }
    if (n.host_len > 1 && text[n.host_len - 1] == '.')
        n.host_len--; /* the root domain, which is usually left out */
    return n;
}

static bool equals_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* AF_INET, AF_INET6, or 0 when the name is no address; *ret_address holds either kind. */
static int family_of(const struct host_name *n, struct in6_addr *ret_address)
{
    bool v6 = n->host_len > 2 && n->host[0] == '[';
    char text[INET6_ADDRSTRLEN];
    size_t len = v6 ? n->host_len - 2 : n->host_len;
    int family = v6 ? AF_INET6 : AF_INET;

    if (len >= sizeof text)
        return 0;
    memcpy(text, n->host + v6, len);
    text[len] = '\0';
    return inet_pton(family, text, ret_address) == 1 ? family : 0;
}

static bool is_loopback_name(const struct host_name *n)
{
    static const char local[] = "localhost";
    const size_t len = sizeof local - 1;
    struct in6_addr address;

    switch (family_of(n, &address)) {
    case AF_INET:
        return address.s6_addr[0] == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&address);
    default:
        break;
    }
    if (n->host_len < len || !equals_text(n->host + n->host_len - len, len, local, len))
        return false;
    return n->host_len == len || n->host[n->host_len - len - 1] == '.';
}

/* An entry without a port matches every port. everything: "*" matches every name. */
static bool is_listed(const struct hosts *h, const struct host_name *n, bool everything)
{
    for (const char *p = h->listed ? h->listed : ""; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t len = strcspn(p, ",");
        size_t end = len;
        while (end > 0 && (p[end - 1] == ' ' || p[end - 1] == '\t'))
            end--;
        struct host_name entry = split_host(p, end);
        if (everything && equals_text(p, end, "*", 1))
            return true;
        if (end > 0 && equals_text(entry.host, entry.host_len, n->host, n->host_len) &&
            (!entry.port || equals_text(entry.port, entry.port_len, n->port, n->port_len)))
            return true;
        p += len;
    }
    return false;
}

bool hosts_answers(const struct hosts *h, const char *host)
{
    struct host_name n = split_host(host, strlen(host));
    struct in6_addr address;

    return is_loopback_name(&n) || is_listed(h, &n, true) ||
           (!h->loopback && family_of(&n, &address) != 0);
}

/* Whether the origin is the host of this request. A host without a port has the scheme's port. */
static bool is_own_origin(const struct host_name *origin, const char *normal_port, const char *host)
{
    struct host_name own = split_host(host, strlen(host));

    if (!own.port_len)
        own.port = normal_port, own.port_len = strlen(normal_port);
    return equals_text(origin->host, origin->host_len, own.host, own.host_len) &&
           equals_text(origin->port, origin->port_len, own.port, own.port_len);
}

static bool trusts_origin(const struct hosts *h, const char *origin, const char *host)
{
    static const struct {
        const char *prefix, *port;
    } schemes[] = { { "http://", "80" }, { "https://", "443" } };

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncasecmp(origin, schemes[i].prefix, len) != 0)
            continue;
        struct host_name n = split_host(origin + len, strlen(origin + len));
        if (!n.port_len)
            n.port = schemes[i].port, n.port_len = strlen(schemes[i].port);
        return is_own_origin(&n, schemes[i].port, host) || is_listed(h, &n, false);
    }
    return false;
}

static bool is_header_value(const char *value, const char *word)
{
    return value && strcmp(value, word) == 0;
}

bool hosts_trusts(const struct hosts *h, const struct hosts_page *p)
{
    if (p->origin)
        return trusts_origin(h, p->origin, p->host ? p->host : "");
    if (!is_header_value(p->site, "cross-site"))
        return true;
    return p->reads && is_header_value(p->mode, "navigate") && is_header_value(p->dest, "document");
}
