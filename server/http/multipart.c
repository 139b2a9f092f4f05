#include "server/http/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/err.h"
#include "server/http/grammar.h"

/* ---- parameters ---- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* Behind the next ';' that is not quoted; end when there is none. */
static const char *next_param(const char *p, const char *end)
{
    bool quoted = false;

    for (; p < end; p++) {
        if (quoted && *p == '\\' && p + 1 < end)
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == ';' && !quoted)
            return p + 1;
    }
    return end;
}

/* One character of a quoted text. Browsers write %22, %0D and %0A for what a quoted text cannot
 * hold, older clients a backslash. */
static char unquote(const char **p, const char *end)
{
    static const struct {
        const char *escape;
        char c;
    } escapes[] = {
        { "%22", '"' }, { "%0D", '\r' }, { "%0A", '\n' }, { "\\\"", '"' }, { "\\\\", '\\' }
    };

    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        size_t len = strlen(escapes[i].escape);
        if ((size_t)(end - *p) >= len && strncasecmp(*p, escapes[i].escape, len) == 0) {
            *p += len;
            return escapes[i].c;
        }
    }
    return *(*p)++;
}

/* False: it is longer than out, or its quote is never closed. */
static bool read_value(const char *p, const char *end, char *out, size_t size)
{
    bool quoted = p < end && *p == '"', closed = !quoted;
    size_t n = 0;

    p += quoted;
    while (p < end && (quoted ? *p != '"' : !strchr(" \t;", *p))) {
        if (n + 1 == size)
            return false;
        out[n++] = quoted ? unquote(&p, end) : *p++;
    }
    out[n] = '\0';
    return closed || p < end;
}

/* The parameter of a header's value. 1; 0: there is none; -1: it is there twice, or has no value
 * that fits. */
static int find_param(const char *value, const char *end, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    int found = 0;

    for (const char *p = next_param(value, end); p < end; p = next_param(p, end)) {
        p = skip_blanks(p, end);
        if ((size_t)(end - p) <= len || strncasecmp(p, name, len) != 0 || p[len] != '=')
            continue;
        if (found || !read_value(p + len + 1, end, out, size))
            return -1;
        found = 1;
    }
    return found;
}

/* ---- the whole ---- */

static bool is_next(const char *p, const char *end, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(end - p) >= len && memcmp(p, word, len) == 0;
}

/* What ends a delimiter: nothing that makes it a longer text. */
static bool is_delimiter_end(const char *p, const char *end)
{
    return is_next(p, end, "--") || is_next(skip_blanks(p, end), end, "\r\n");
}

int multipart_open(const char *content_type, const char *body, size_t len,
                   struct multipart *ret_multipart, struct err *e)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1] = "";
    struct multipart m = { .at = body, .end = body + len };
    int found = find_param(content_type, content_type + strlen(content_type), "boundary", boundary,
                           sizeof boundary);

    if (found < 0 || (found > 0 && *boundary == '\0'))
        return err_set(e, ERR_SYNTAX, "the boundary in Content-Type is not 1 to %d characters",
                       MULTIPART_BOUNDARY_MAX);
    if (found == 0)
        return err_set(e, ERR_SYNTAX, "Content-Type names no boundary");
    m.delimiter_len = (size_t)snprintf(m.delimiter, sizeof m.delimiter, "\r\n--%s", boundary);
    if (len >= 2 && memcmp(body, "\r\n", 2) == 0)
        m.at += 2;
    if (!is_next(m.at, m.end, m.delimiter + 2) ||
        !is_delimiter_end(m.at + m.delimiter_len - 2, m.end))
        return err_set(e, ERR_SYNTAX,
                       "the body does not begin with the boundary that Content-Type names");
    m.at += m.delimiter_len - 2;
    *ret_multipart = m;
    return 0;
}

static int refuse_cut(const struct multipart *m, struct err *e)
{
    return err_set(e, ERR_SYNTAX, "the body ends within part %zu: its last boundary is missing",
                   m->parts);
}

/* ---- headers ---- */

static int read_disposition(const struct multipart *m, const char *value, const char *end,
                            struct multipart_part *part, struct err *e)
{
    static const char form[] = "form-data";
    size_t len = sizeof form - 1;

    if ((size_t)(end - value) < len || strncasecmp(value, form, len) != 0 ||
        (value + len < end && !strchr("; \t", value[len])))
        return err_set(e, ERR_SYNTAX, "part %zu: its Content-Disposition is not form-data",
                       m->parts);
    if (find_param(value, end, "name", part->name, sizeof part->name) != 1)
        return err_set(e, ERR_SYNTAX, "part %zu has no name of at most %d bytes", m->parts,
                       MULTIPART_NAME_MAX);
    int file = find_param(value, end, "filename", part->filename, sizeof part->filename);
    if (file < 0)
        return err_set(e, ERR_SYNTAX, "part %zu, %s: its filename has more than %d bytes", m->parts,
                       part->name, MULTIPART_NAME_MAX);
    part->is_file = file > 0;
    return 0;
}

static int check_coding(const struct multipart *m, const char *value, const char *end,
                        struct err *e)
{
    static const char *const plain[] = { "7bit", "8bit", "binary" };

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (grammar_equals(value, (size_t)(end - value), plain[i]))
            return 0;
    }
    return err_set(e, ERR_SYNTAX,
                   "part %zu: send its bytes as they are, without a Content-Transfer-Encoding",
                   m->parts);
}

static int read_part_header(const struct multipart *m, const char *line, const char *end,
                            struct multipart_part *part, bool *has_disposition, struct err *e)
{
    size_t name = grammar_token_len(line, (size_t)(end - line));
    const char *value = skip_blanks(line + name + 1, end);

    if (name == 0 || line + name == end || line[name] != ':' ||
        !grammar_is_field_text(line, (size_t)(end - line)))
        return err_set(e, ERR_SYNTAX, "part %zu has a line among its headers that is none",
                       m->parts);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (grammar_equals(line, name, "Content-Transfer-Encoding"))
        return check_coding(m, value, end, e);
    if (!grammar_equals(line, name, "Content-Disposition"))
        return 0;
    if (*has_disposition)
        return err_set(e, ERR_SYNTAX, "part %zu has more than one Content-Disposition", m->parts);
    *has_disposition = true;
    return read_disposition(m, value, end, part, e);
}

static int read_part_headers(struct multipart *m, struct multipart_part *part, struct err *e)
{
    const char *most =
        m->at +
        ((size_t)(m->end - m->at) > MULTIPART_HEADERS_MAX ? MULTIPART_HEADERS_MAX : m->end - m->at);
    bool has_disposition = false;

    for (;;) {
        const char *line = m->at, *end = memmem(line, (size_t)(most - line), "\r\n", 2);
        if (!end && most < m->end)
            return err_set(e, ERR_SYNTAX, "the headers of part %zu have more than %d bytes",
                           m->parts, (int)MULTIPART_HEADERS_MAX);
        if (!end)
            return refuse_cut(m, e);
        m->at = end + 2;
        if (end == line)
            break;
        if (read_part_header(m, line, end, part, &has_disposition, e) < 0)
            return -1;
    }
    return has_disposition
               ? 0
               : err_set(e, ERR_SYNTAX, "part %zu has no Content-Disposition", m->parts);
}

/* ---- parts ---- */

static int find_part_end(struct multipart *m, struct multipart_part *part, struct err *e)
{
    const char *from = m->at, *hit;

    while ((hit = memmem(from, (size_t)(m->end - from), m->delimiter, m->delimiter_len))) {
        if (is_delimiter_end(hit + m->delimiter_len, m->end)) {
            part->data = m->at;
            part->len = (size_t)(hit - m->at);
            m->at = hit + m->delimiter_len;
            return 0;
        }
        from = hit + m->delimiter_len;
    }
    return refuse_cut(m, e);
}

int multipart_next(struct multipart *m, struct multipart_part *ret_part, struct err *e)
{
    struct multipart_part part = { .name = "" };

    if (is_next(m->at, m->end, "--")) {
        const char *rest = skip_blanks(m->at + 2, m->end);
        rest += is_next(rest, m->end, "\r\n") ? 2 : 0;
        return rest == m->end ? 0
                              : err_set(e, ERR_SYNTAX, "the body goes on behind its last boundary");
    }
    m->parts++;
    m->at = skip_blanks(m->at, m->end);
    if (!is_next(m->at, m->end, "\r\n"))
        return refuse_cut(m, e);
    m->at += 2;
    if (read_part_headers(m, &part, e) < 0 || find_part_end(m, &part, e) < 0)
        return -1;
    *ret_part = part;
    return 1;
}
