/* framing_take(): never two interpretations. However a connection's bytes are cut, the same of them
 * pass, as the same number of requests; what passed has that number for a plain reader too, which
 * looks for nothing but the ends of heads and the lengths of bodies; and what is refused is whole
 * with framing_rest().
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/http/framing.h"
#include "tests/fuzz/fuzz.h"

#define HEAD_LIMIT 1000

struct outcome {
    char *passed; /* owned */
    size_t len;
    struct framing f;
};

static struct outcome feed(const uint8_t *data, size_t size, size_t step)
{
    struct outcome o = { .passed = malloc(size + 100) };
    char *held = malloc(size + 1);
    size_t held_len = 0;

    MUST(o.passed && held);
    framing_init(&o.f, HEAD_LIMIT);
    for (size_t at = 0; at < size && !o.f.status; at += step) {
        size_t more = size - at < step ? size - at : step;
        memcpy(held + held_len, data + at, more);
        held_len += more;
        size_t n = framing_take(&o.f, held, held_len);
        MUST(n <= held_len);
        memcpy(o.passed + o.len, held, n);
        memmove(held, held + n, held_len - n);
        held_len -= n;
        o.len += n;
    }
    MUST(!o.f.status == !o.f.why);
    free(held);
    return o;
}

/* ---- a plain reader, of text that ends in a NUL ---- */

/* The value of a header in [head, end), or NULL. */
static const char *find_header(const char *head, const char *end, const char *name)
{
    const char *found = NULL;

    for (const char *line = strstr(head, "\r\n"); line && line < end; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            MUST(!found);
            found = line + strlen(name) + 1;
            found += strspn(found, " \t");
        }
    }
    return found;
}

/* Behind the chunks at p; NULL where they are not all there. */
static const char *skip_chunks(const char *p, const char *end)
{
    for (;;) {
        const char *line_end = strstr(p, "\r\n");
        if (!line_end)
            return NULL;
        MUST(isxdigit((unsigned char)*p));
        size_t size = strtoul(p, NULL, 16);
        p = line_end + 2;
        if (size == 0)
            break;
        if ((size_t)(end - p) < size + 2)
            return NULL;
        MUST(memcmp(p + size, "\r\n", 2) == 0);
        p += size + 2;
    }
    while (strncmp(p, "\r\n", 2) != 0) {
        p = strstr(p, "\r\n");
        if (!p)
            return NULL;
        p += 2;
    }
    return p + 2;
}

/* How many heads are in the text, all of which are whole. */
static uint64_t count(const char *text, size_t len)
{
    const char *end = text + len;
    uint64_t n = 0;

    for (const char *p = text; p && p < end; n++) {
        while (strncmp(p, "\r\n", 2) == 0)
            p += 2;
        const char *body = strstr(p, "\r\n\r\n");
        if (!body)
            MUST(!"a head that is not whole has passed");
        const char *length = find_header(p, body, "Content-Length");
        const char *coding = find_header(p, body, "Transfer-Encoding");
        body += 4;
        MUST(!length || !coding);
        MUST(!coding || strncasecmp(coding, "chunked", 7) == 0);
        size_t size = length ? strtoul(length, NULL, 10) : 0;
        if (coding)
            p = skip_chunks(body, end);
        else
            p = (size_t)(end - body) < size ? NULL : body + size;
    }
    return n;
}

/* ---- */

/* Bodies may hold NUL, where the plain reader would end. */
static void check_count(struct outcome *o)
{
    if (memchr(o->passed, '\0', o->len))
        return;
    o->passed[o->len] = '\0';
    MUST(count(o->passed, o->len) == o->f.requests - (o->f.status && o->f.state == FRAMING_START));
    if (!o->f.status)
        return;
    size_t len = o->len + (size_t)sprintf(o->passed + o->len, "%s", framing_rest(&o->f));
    struct outcome whole = feed((const uint8_t *)o->passed, len, len);
    MUST(!whole.f.status && whole.len == len && whole.f.requests == o->f.requests);
    MUST(whole.f.state == FRAMING_START);
    MUST(count(o->passed, len) == o->f.requests);
    free(whole.passed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64 };

    if (size == 0 || size > 4000)
        return 0;
    struct outcome all = feed(data, size, size);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct outcome o = feed(data, size, steps[i]);
        MUST(o.len == all.len && memcmp(o.passed, all.passed, o.len) == 0);
        MUST(o.f.requests == all.f.requests && !o.f.status == !all.f.status);
        free(o.passed);
    }
    check_count(&all);
    free(all.passed);
    return 0;
}
