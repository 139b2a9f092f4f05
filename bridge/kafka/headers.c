#include "bridge/kafka/headers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"

#define NO_VALUE UINT32_MAX

struct header_entry {
    uint32_t name_len, value_len;
};

/* Headers that another scrc server wrote describe its message, not the one made from it. */
static bool is_scrc_header(const char *name) { return strncasecmp(name, "scrc-", 5) == 0; }

static int pack_header(struct buf *out, const char *name, const void *value, size_t size)
{
    size_t name_len = strlen(name);
    const struct header_entry entry = { (uint32_t)name_len, value ? (uint32_t)size : NO_VALUE };

    if (out->len + sizeof entry + name_len + size > HEADERS_MAX_BYTES)
        return 0;
    if (buf_add(out, &entry, sizeof entry) < 0 || buf_add(out, name, name_len) < 0)
        return -1;
    return value ? buf_add(out, value, size) : 0;
}

static bool is_structured_content_type(const char *name, const void *value, size_t size)
{
    static const char type[] = "application/cloudevents";

    return strcasecmp(name, "content-type") == 0 && value && size >= sizeof type - 1 &&
           strncasecmp(value, type, sizeof type - 1) == 0;
}

/* ---- attributes of a CloudEvent ---- */

#define ATTRIBUTE_MAX 64 /* bytes of a name; the specification advises 20 */

/* https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#attribute-naming-convention
 */
static bool is_attribute_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

    return len > 0 && len <= ATTRIBUTE_MAX && !name[len];
}

/* NULL: a JSON type that an attribute cannot have. */
static const char *attribute_text(const json_t *v, char number[32], size_t *ret_len)
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

    /* The macro wants a pointer to non-const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)attributes, name, v)
    {
        const char *value = is_attribute_name(name) ? attribute_text(v, number, &len) : NULL;
        if (!value)
            continue;
        (void)snprintf(header, sizeof header, "ce_%s", name);
        if (headers && rd_kafka_header_get_last(headers, header, &have, &(size_t){ 0 }) == 0)
            continue;
        if (pack_header(out, header, value, len) < 0)
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
        if (is_scrc_header(name) || (!as_it_came && is_structured_content_type(name, value, size)))
            continue;
        if (pack_header(out, name, value, size) < 0)
            return -1;
    }
    return attributes ? pack_attributes(headers, attributes, out) : 0;
}

bool headers_traceparent(const rd_kafka_message_t *m, char out[TRACEPARENT_SIZE])
{
    rd_kafka_headers_t *headers;
    const void *value = NULL;
    size_t size = 0;

    out[0] = '\0';
    return !rd_kafka_message_headers(m, &headers) &&
           !rd_kafka_header_get_last(headers, TRACEPARENT_NAME, &value, &size) && value &&
           traceparent_read(value, size, out);
}

bool headers_unpack(const void *packed, size_t len, rd_kafka_headers_t *headers)
{
    const char *at = packed;
    struct header_entry entry;

    while (len >= sizeof entry) {
        memcpy(&entry, at, sizeof entry);
        at += sizeof entry;
        len -= sizeof entry;
        size_t value_len = entry.value_len == NO_VALUE ? 0 : entry.value_len;
        if (entry.name_len > len || value_len > len - entry.name_len)
            return false;
        const char *value = entry.value_len == NO_VALUE ? NULL : at + entry.name_len;
        /* Fails for read-only headers only. */
        (void)rd_kafka_header_add(headers, at, (ssize_t)entry.name_len, value, (ssize_t)value_len);
        at += entry.name_len + value_len;
        len -= entry.name_len + value_len;
    }
    return len == 0;
}
