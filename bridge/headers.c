#include "bridge/headers.h"

#include <string.h>
#include <strings.h>

#include "schema/buf.h"

#define NO_VALUE UINT32_MAX

struct entry {
    uint32_t name_len, value_len;
};

/* What a message of ours says would be untrue of one that is made from it. */
static bool is_ours(const char *name) { return strncasecmp(name, "scrc-", 5) == 0; }

static int pack_one(struct buf *out, const char *name, const void *value, size_t size)
{
    size_t name_len = strlen(name);
    const struct entry e = { (uint32_t)name_len, value ? (uint32_t)size : NO_VALUE };

    if (out->len + sizeof e + name_len + size > HEADERS_MAX_BYTES)
        return 0;
    if (buf_add(out, &e, sizeof e) < 0 || buf_add(out, name, name_len) < 0)
        return -1;
    return value ? buf_add(out, value, size) : 0;
}

int headers_pack(const rd_kafka_headers_t *headers, struct buf *out)
{
    const char *name;
    const void *value;
    size_t size;

    for (size_t i = 0; headers && rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0;
         i++) {
        if (!is_ours(name) && pack_one(out, name, value, size) < 0)
            return -1;
    }
    return 0;
}

bool headers_unpack(const void *packed, size_t len, rd_kafka_headers_t *headers)
{
    const char *at = packed;
    struct entry e;

    while (len >= sizeof e) {
        memcpy(&e, at, sizeof e);
        at += sizeof e;
        len -= sizeof e;
        size_t value_len = e.value_len == NO_VALUE ? 0 : e.value_len;
        if (e.name_len > len || value_len > len - e.name_len)
            return false;
        const char *value = e.value_len == NO_VALUE ? NULL : at + e.name_len;
        /* Fails for read-only headers alone. */
        (void)rd_kafka_header_add(headers, at, (ssize_t)e.name_len, value, (ssize_t)value_len);
        at += e.name_len + value_len;
        len -= e.name_len + value_len;
    }
    return len == 0;
}
