#include "server/http/framing.h"

#include <ctype.h>
#include <string.h>

#include "schema/base/base.h"
#include "server/http/grammar.h"

/* A number with more digits is above every limit here. */
#define LENGTH_DIGITS 18
#define CHUNK_DIGITS  15

/* Returns 0: nothing is passed on. */
static size_t refuse(struct framing *f, unsigned status, const char *why)
{
    f->status = status;
    f->why = why;
    if (f->state == FRAMING_START)
        f->requests++;
    return 0;
}

/* ---- the request line ---- */

static bool has_many_parameters(const char *target, size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += target[i] == '&';
    return n >= FRAMING_PARAMETERS_MAX;
}

static size_t read_version(struct framing *f, const char *s, size_t len)
{
    if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || !isdigit((unsigned char)s[5]) || s[6] != '.' ||
        !isdigit((unsigned char)s[7]))
        return refuse(f, 400, "the request line does not end in a version");
    if (s[5] != '1' || s[7] > '1')
        return refuse(f, 505, "HTTP/1.1 and HTTP/1.0 are spoken here");
    f->is_http_1_0 = s[7] == '0';
    return 0;
}

static void read_request_line(struct framing *f, const char *line, size_t len)
{
    size_t method = grammar_token_len(line, len);
    const char *target = line + method + 1;
    const char *blank = method < len ? memchr(target, ' ', len - method - 1) : NULL;

    f->has_request_line = true;
    if (method == 0 || method == len || line[method] != ' ' || !blank)
        (void)refuse(f, 400, "the request line is not a method, a target and a version");
    else if (!grammar_is_target(line, method, target, (size_t)(blank - target)))
        (void)refuse(f, 400, "the target is none of the forms that HTTP has");
    else if (has_many_parameters(target, (size_t)(blank - target)))
        (void)refuse(f, 414, "the target has too many parameters");
    else
        (void)read_version(f, blank + 1, len - (size_t)(blank + 1 - line));
}

/* ---- fields ---- */

static void read_host(struct framing *f, const char *value, size_t len)
{
    if (f->hosts++ > 0)
        (void)refuse(f, 400, "there is more than one Host");
    else if (!grammar_is_authority(value, len))
        (void)refuse(f, 400, "Host is no host");
}

static void read_length(struct framing *f, const char *value, size_t len)
{
    size_t digits = 0;

    f->length = 0;
    while (digits < len && isdigit((unsigned char)value[digits])) {
        if (digits < LENGTH_DIGITS)
            f->length = f->length * 10 + (uint64_t)(value[digits] - '0');
        digits++;
    }
    if (f->lengths++ > 0)
        (void)refuse(f, 400, "there is more than one Content-Length");
    else if (digits == 0 || digits < len)
        (void)refuse(f, 400, "Content-Length is not a number");
    else if (digits > LENGTH_DIGITS)
        (void)refuse(f, 413, "Content-Length is larger than any body here");
}

static void read_encoding(struct framing *f, const char *value, size_t len)
{
    size_t last = len;

    f->chunked = grammar_equals(value, len, "chunked");
    while (last > 0 && value[last - 1] != ',' && value[last - 1] != ' ' && value[last - 1] != '\t')
        last--;
    if (f->encodings++ > 0)
        (void)refuse(f, 400, "there is more than one Transfer-Encoding");
    else if (!grammar_equals(value + last, len - last, "chunked"))
        (void)refuse(f, 400, "the last Transfer-Encoding must be chunked");
    else if (!f->chunked)
        (void)refuse(f, 501, "the only Transfer-Encoding here is chunked");
}

static void count_content_type(struct framing *f, const char *value, size_t len)
{
    (void)value, (void)len;
    if (f->content_types++ > 0)
        (void)refuse(f, 400, "there is more than one Content-Type");
}

static const struct known_header {
    const char *name;
    void (*read)(struct framing *f, const char *value, size_t len);
} known_headers[] = {
    { "Host", read_host },
    { "Content-Length", read_length },
    { "Transfer-Encoding", read_encoding },
    { "Content-Type", count_content_type },
};

/* The length of the header's name; 0 when the header is refused. */
static size_t header_name_len(struct framing *f, const char *line, size_t len)
{
    size_t name = grammar_token_len(line, len);

    if (line[0] == ' ' || line[0] == '\t')
        (void)refuse(f, 400, "a header is folded over two lines");
    else if (name == 0 || name == len || line[name] != ':')
        (void)refuse(f, 400, "a header has no name, or something else than a colon behind it");
    else if (!grammar_is_field_text(line + name, len - name))
        (void)refuse(f, 400, "a header has control characters");
    return f->status ? 0 : name;
}

static void read_header(struct framing *f, char *line, size_t len)
{
    size_t name = header_name_len(f, line, len), at = name + 1;

    if (name == 0)
        return;
    if (++f->fields > FRAMING_FIELDS_MAX) {
        (void)refuse(f, 431, "there are too many headers");
        return;
    }
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (len > at && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (grammar_equals(line, name, "Cookie"))
        memset(line, 'X', name); /* the library would keep a record for each cookie */
    for (size_t i = 0; i < ARRAY_LEN(known_headers); i++) {
        if (grammar_equals(line, name, known_headers[i].name))
            known_headers[i].read(f, line + at, len - at);
    }
}

/* ---- lines ---- */

/* The line that begins at f->line, without CR LF. False: it is not whole, or refused. The caller
 * checks the length. */
static bool take_line(struct framing *f, char *data, size_t len, char **ret_line, size_t *ret_len)
{
    char *end = f->searched < len ? memchr(data + f->searched, '\n', len - f->searched) : NULL;

    if (!end) {
        f->searched = len;
        return false;
    }
    *ret_line = data + f->line;
    *ret_len = (size_t)(end - *ret_line);
    f->line = f->searched = (size_t)(end + 1 - data);
    if (*ret_len == 0 || end[-1] != '\r') {
        (void)refuse(f, 400, "a line ends in a line feed without a carriage return before it");
        return false;
    }
    (*ret_len)--;
    return true;
}

/* ---- the head ---- */

static void reset_head(struct framing *f)
{
    f->line = f->searched = 0;
    f->has_request_line = f->is_http_1_0 = f->chunked = false;
    f->fields = f->hosts = f->lengths = f->encodings = f->content_types = 0;
    f->length = 0;
}

static size_t end_head(struct framing *f)
{
    size_t len = f->line;

    if (f->hosts == 0 && !f->is_http_1_0)
        return refuse(f, 400, "there must be one Host");
    if (f->encodings > 0 && f->lengths > 0)
        return refuse(f, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (f->encodings > 0 && f->is_http_1_0)
        return refuse(f, 400, "HTTP/1.0 has no Transfer-Encoding");
    f->requests++;
    f->bytes_left = f->length;
    f->state = f->chunked ? FRAMING_CHUNK : f->bytes_left > 0 ? FRAMING_BODY : FRAMING_START;
    reset_head(f);
    return len;
}

static size_t take_head(struct framing *f, char *data, size_t len)
{
    char *line;
    size_t line_len;

    /* At once, because a client that does not speak HTTP may never send the end of a line. */
    if (!grammar_is_token_byte((unsigned char)data[0]) && data[0] != '\r')
        return refuse(f, 400, "a request begins with a method");
    while (take_line(f, data, len, &line, &line_len)) {
        if (f->line > f->head_limit)
            break;
        if (line_len == 0 && f->has_request_line)
            return end_head(f);
        if (f->has_request_line)
            read_header(f, line, line_len);
        else if (line_len > 0) /* some clients send an empty line after a body */
            read_request_line(f, line, line_len);
        if (f->status)
            return 0;
    }
    if (!f->status && (f->line > f->head_limit || len > f->head_limit))
        return f->has_request_line ? refuse(f, 431, "request line and headers are too large")
                                   : refuse(f, 414, "the request line is too long");
    return 0;
}

/* ---- the body ---- */

static size_t take_data(struct framing *f, size_t len, enum framing_state then)
{
    size_t n = len < f->bytes_left ? len : (size_t)f->bytes_left;

    f->bytes_left -= n;
    if (f->bytes_left == 0)
        f->state = then;
    return n;
}

/* Refuses trailers that would change how the request is read. */
static void read_trailer(struct framing *f, const char *line, size_t len)
{
    size_t name = header_name_len(f, line, len);

    for (size_t i = 0; i < ARRAY_LEN(known_headers) && !f->status; i++) {
        if (grammar_equals(line, name, known_headers[i].name))
            (void)refuse(f, 400, "a trailer may not say how the request is to be read");
    }
}

static size_t take_trailers(struct framing *f, char *data, size_t len)
{
    char *line;
    size_t line_len;

    while (take_line(f, data, len, &line, &line_len) && f->line <= FRAMING_TRAILERS_MAX) {
        if (line_len == 0) {
            size_t whole = f->line;
            f->state = FRAMING_START;
            reset_head(f);
            return whole;
        }
        read_trailer(f, line, line_len);
        if (f->status)
            return 0;
    }
    return f->status || len <= FRAMING_TRAILERS_MAX ? 0
                                                    : refuse(f, 431, "the trailers are too large");
}

static size_t take_chunk_line(struct framing *f, char *data, size_t len)
{
    size_t line_len, digits = 0;
    char *line;

    if (!take_line(f, data, len, &line, &line_len)) {
        bool endless = !f->status && len > FRAMING_CHUNK_LINE_MAX;
        return endless ? refuse(f, 400, "a chunk's line is too long") : 0;
    }
    for (f->bytes_left = 0; digits < line_len && isxdigit((unsigned char)line[digits]); digits++) {
        int c = tolower((unsigned char)line[digits]);
        if (digits < CHUNK_DIGITS)
            f->bytes_left = f->bytes_left * 16 + (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
    }
    if (digits == 0 || (digits < line_len && line[digits] != ';') ||
        line_len > FRAMING_CHUNK_LINE_MAX ||
        !grammar_is_field_text(line + digits, line_len - digits))
        return refuse(f, 400, "a chunk does not begin with its size");
    if (digits > CHUNK_DIGITS)
        return refuse(f, 413, "a chunk is larger than any body here");
    if (f->bytes_left == 0) {
        f->state = FRAMING_TRAILERS;
        return take_trailers(f, data, len);
    }
    size_t whole = f->line;
    f->state = FRAMING_DATA;
    f->line = f->searched = 0;
    return whole;
}

static size_t take_data_end(struct framing *f, const char *data, size_t len)
{
    if (data[0] != '\r' || (len > 1 && data[1] != '\n'))
        return refuse(f, 400, "a chunk is not as long as it says");
    if (len < 2)
        return 0;
    f->state = FRAMING_CHUNK;
    return 2;
}

/* ---- the whole ---- */

static size_t take_part(struct framing *f, char *data, size_t len)
{
    switch (f->state) {
    case FRAMING_START:
        return take_head(f, data, len);
    case FRAMING_BODY:
        return take_data(f, len, FRAMING_START);
    case FRAMING_CHUNK:
        return take_chunk_line(f, data, len);
    case FRAMING_DATA:
        return take_data(f, len, FRAMING_DATA_END);
    case FRAMING_DATA_END:
        return take_data_end(f, data, len);
    case FRAMING_TRAILERS:
        return take_trailers(f, data, len);
    }
    return 0;
}

void framing_init(struct framing *f, size_t head_limit)
{
    *f = (struct framing){ .head_limit = head_limit };
}

size_t framing_take(struct framing *f, char *data, size_t len)
{
    size_t done = 0;

    while (done < len && !f->status) {
        size_t n = take_part(f, data + done, len - done);
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

bool framing_is_between(const struct framing *f) { return f->state == FRAMING_START; }

const char *framing_rest(const struct framing *f)
{
    if (f->state == FRAMING_START)
        return "REFUSED / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    return f->state == FRAMING_DATA_END ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
}
