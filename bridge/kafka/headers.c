#include "bridge/kafka/headers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"

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

static bool is_structured(const char *name, const void *value, size_t size)
{
    static const char type[] = "application/cloudevents";

    return strcasecmp(name, "content-type") == 0 && value && size >= sizeof type - 1 &&
           strncasecmp(value, type, sizeof type - 1) == 0;
}

/* ---- attributes of a CloudEvent ---- */

#define ATTRIBUTE_MAX 64 /* bytes of a name; the specification advises 20 */

/* https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#attribute-naming-convention
 */
static bool is_attribute(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

    return len > 0 && len <= ATTRIBUTE_MAX && !name[len];
}

/* NULL: it is of no type that an attribute may have in JSON. */
static const char *value_of(const json_t *v, char number[32], size_t *ret_len)
{
    const char *text = NULL;

    if (json_is_string(v)) {
        *ret_len = json_string_length(v);
        return json_string_value(v);
    }
    if (json_is_boolean(v)) {
        text = json_is_true(v) ? "true" : "false";
    } else if (json_is_integer(v)) {
        (void)snprintf(number, 32, "%lld", (long long)json_integer_value(v));
        text = number;
    }
    *ret_len = text ? strlen(text) : 0;
    return text;
}

static int pack_attributes(const rd_kafka_headers_t *headers, const json_t *attributes,
                           struct buf *out)
{
    char header[ATTRIBUTE_MAX + 4], number[32];
    const char *name;
    const void *have;
    json_t *v;
    size_t len;

    /* Only read. */
    json_object_foreach((json_t *)(uintptr_t)attributes, name, v)
    {
        const char *value = is_attribute(name) ? value_of(v, number, &len) : NULL;
        if (!value)
            continue;
        (void)snprintf(header, sizeof header, "ce_%s", name);
        if (headers && rd_kafka_header_get_last(headers, header, &have, &(size_t){ 0 }) == 0)
            continue;
        if (pack_one(out, header, value, len) < 0)
            return -1;
    }
    return 0;
}

int headers_pack(const rd_kafka_headers_t *headers, const json_t *attributes, bool as_it_came,
                 struct buf *out)
{
    const char *name;
    const void *value;
    size_t size;

    for (size_t i = 0; headers && rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0;
         i++) {
        if (is_ours(name) || (!as_it_came && is_structured(name, value, size)))
            continue;
        if (pack_one(out, name, value, size) < 0)
            return -1;
    }
    return attributes ? pack_attributes(headers, attributes, out) : 0;
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
