#include "schema/base/traceparent.h"

#include <string.h>

/* VERSION-TRACE-PARENT-FLAGS, in lower case hex digits. */
static const struct {
    size_t start, len;
    bool may_be_zero;
} parts[] = { { 0, 2, true }, { 3, 32, false }, { 36, 16, false }, { 53, 2, true } };

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!strchr("0123456789abcdef", text[i]) || text[i] == '\0')
            return false;
    }
    return true;
}

static bool is_zero(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '0')
            return false;
    }
    return true;
}

static bool is_valid_place(const char *value, size_t len)
{
    if (len < TRACEPARENT_SIZE - 1)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *part = value + parts[i].start;
        if (!is_hex(part, parts[i].len) || (i > 0 && part[-1] != '-') ||
            (!parts[i].may_be_zero && is_zero(part, parts[i].len)))
            return false;
    }
    if (memcmp(value, "ff", 2) == 0)
        return false;
    /* A later version may have more behind a dash. */
    return len == TRACEPARENT_SIZE - 1 ||
           (memcmp(value, "00", 2) != 0 && value[TRACEPARENT_SIZE - 1] == '-');
}

bool traceparent_read(const char *value, size_t len, char out[TRACEPARENT_SIZE])
{
    out[0] = '\0';
    if (!is_valid_place(value, len))
        return false;
    memcpy(out, value, TRACEPARENT_SIZE - 1);
    out[TRACEPARENT_SIZE - 1] = '\0';
    if (memcmp(out, "00", 2) != 0) { /* of its flags we know one, "sampled" */
        memcpy(out, "00", 2);
        out[53] = '0';
        out[54] = strchr("13579bdf", out[54]) ? '1' : '0';
    }
    return true;
}
