#include "engine/judge/judge_compare.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

/* A position in a text, with its line. */
struct text_cursor {
    const char *at, *end;
    const char *line_start;
    int64_t line; /* from 1 */
};

struct span {
    const char *data;
    size_t len;
};

static struct text_cursor cursor_of(const char *data, size_t len)
{
    return (struct text_cursor){ .at = data, .end = data + len, .line_start = data, .line = 1 };
}

/* As isspace() in the C locale, whatever the locale is. */
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* How many bytes at the start of a and b are equal. */
static size_t common_prefix(const struct checker *checker, struct span a, struct span b)
{
    enum { STEP = 4096 };
    size_t n = a.len < b.len ? a.len : b.len, i = 0;

    while (n - i >= STEP && memcmp(a.data + i, b.data + i, STEP) == 0)
        i += STEP;
    while (i < n && (a.data[i] == b.data[i] ||
                     (!checker->case_sensitive && fold(a.data[i]) == fold(b.data[i]))))
        i++;
    return i;
}

static bool is_same_text(const struct checker *checker, struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    if (a.len == 0 || memcmp(a.data, b.data, a.len) == 0)
        return true;
    return !checker->case_sensitive && common_prefix(checker, a, b) == a.len;
}

/* ---- the difference ---- */

/* So many bytes are shown before the difference in a long line. Each may be no UTF-8 and then
 * takes three bytes, and the difference must still be within REPORT_DIFFERENCE_MAX. */
#define SHOWN_BEFORE 64

/* s from `from` on, as a report shows it. *ret_whole: up to its end. */
static struct bytes show_text(struct span s, size_t from, bool *ret_whole)
{
    struct bytes b = { 0 };
    size_t raw = text_cut(s.data + from, s.len - from, REPORT_DIFFERENCE_MAX);

    *ret_whole = false;
    if (text_to_utf8(s.data + from, raw, &b.data, &b.len) < 0)
        return (struct bytes){ 0 };
    size_t len = text_cut(b.data, b.len, REPORT_DIFFERENCE_MAX);
    *ret_whole = from + raw == s.len && len == b.len;
    b.len = len;
    b.data[len] = '\0';
    return b;
}

/* The start of the first whole character at most SHOWN_BEFORE bytes before `at`. */
static size_t window_start(struct span s, size_t at)
{
    size_t start = at - SHOWN_BEFORE;

    for (int i = 0; i < 3 && start < at && ((unsigned char)s.data[start] & 0xC0) == 0x80; i++)
        start++;
    return start;
}

/* Where in the output a compared piece begins. */
struct text_place {
    int64_t line;
    size_t column, offset; /* column from 1, offset in the whole output */
};

/* Always false, so that a check can return it. The first `at` bytes of both are equal. */
static bool report_difference(struct first_difference *ret, struct text_place begin,
                              struct span expected, struct span got, size_t at)
{
    bool whole[2];
    size_t from = 0;

    *ret = (struct first_difference){ .present = true,
                                      .line = begin.line,
                                      .column = (int64_t)begin.column,
                                      .expected = show_text(expected, 0, &whole[0]),
                                      .got = show_text(got, 0, &whole[1]),
                                      .got_offset = begin.offset + at };
    if (at > SHOWN_BEFORE && !(whole[0] && whole[1])) {
        from = window_start(got, at);
        bytes_clear(&ret->expected);
        bytes_clear(&ret->got);
        ret->expected = show_text(expected, from, &whole[0]);
        ret->got = show_text(got, from, &whole[1]);
    }
    ret->from_column = (int64_t)(begin.column + from);
    return false;
}

/* For lines the column is that of the byte that differs. */
static bool report_line_difference(const struct checker *checker, struct first_difference *ret,
                                   struct text_place begin, struct span expected, struct span got)
{
    size_t at = common_prefix(checker, expected, got);

    (void)report_difference(ret, begin, expected, got, at);
    ret->column += (int64_t)at;
    return false;
}

/* ---- exact, lines ---- */

/* The next line without its newline. False at the end of the text. */
static bool next_text_line(struct text_cursor *c, struct span *ret_line)
{
    if (c->at == c->end)
        return false;
    const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
    const char *stop = newline ? newline : c->end;
    *ret_line = (struct span){ c->at, (size_t)(stop - c->at) };
    c->at = newline ? newline + 1 : c->end;
    return true;
}

static struct span without_trailing_blanks(struct span s)
{
    while (s.len > 0 && is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Finds the line only when it is known that a byte differs. */
static bool check_exact(const struct checker *checker, struct span expected, struct span got,
                        struct first_difference *ret)
{
    size_t at = common_prefix(checker, expected, got), start = 0;
    int64_t line = 1;

    if (at == expected.len && at == got.len)
        return true;
    for (const char *n; (n = memchr(got.data + start, '\n', at - start)); line++)
        start = (size_t)(n - got.data) + 1;

    struct span e = { expected.data + start, expected.len - start };
    struct span g = { got.data + start, got.len - start };
    struct text_cursor ec = cursor_of(e.data, e.len), gc = cursor_of(g.data, g.len);
    (void)next_text_line(&ec, &e);
    (void)next_text_line(&gc, &g);
    return report_line_difference(checker, ret, (struct text_place){ line, 1, start }, e, g);
}

/* A text that has ended counts as more empty lines, so that trailing ones make no difference. */
static bool check_lines(const struct checker *checker, struct span expected, struct span got,
                        struct first_difference *ret)
{
    struct text_cursor ec = cursor_of(expected.data, expected.len),
                       gc = cursor_of(got.data, got.len);
    struct span e, g;

    for (int64_t line = 1;; line++) {
        bool more_expected = next_text_line(&ec, &e), more_got = next_text_line(&gc, &g);
        if (!more_expected && !more_got)
            return true;
        e = more_expected ? without_trailing_blanks(e) : (struct span){ "", 0 };
        g = more_got ? without_trailing_blanks(g) : (struct span){ gc.end, 0 };
        if (!is_same_text(checker, e, g))
            return report_line_difference(
                checker, ret, (struct text_place){ line, 1, (size_t)(g.data - got.data) }, e, g);
    }
}

/* ---- tokens, float ---- */

/* The next run of bytes that are not white space; empty at the end of the text. */
static struct span next_text_token(struct text_cursor *c)
{
    for (; c->at < c->end && is_space(*c->at); c->at++) {
        if (*c->at == '\n') {
            c->line++;
            c->line_start = c->at + 1;
        }
    }
    const char *start = c->at;
    while (c->at < c->end && !is_space(*c->at))
        c->at++;
    return (struct span){ start, (size_t)(c->at - start) };
}

enum number_form { NOT_A_NUMBER, FINITE, INFINITE, NAN_WORD };

struct number {
    enum number_form form;
    double value; /* of FINITE; of INFINITE its sign */
};

static bool equals_word(struct span s, const char *word)
{
    size_t i = 0;
    while (i < s.len && word[i] && fold(s.data[i]) == (unsigned char)word[i])
        i++;
    return i == s.len && !word[i];
}

static bool is_digit_at(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* The digits of a decimal, collected in linear time and constant memory: further digits cannot
 * change a double, so they only change the exponent. */
enum { DIGITS_MAX = 800, EXPONENT_MAX = 100000 };

struct decimal {
    char digits[DIGITS_MAX + 16]; /* room for "e-100000" */
    size_t len;
    int64_t exponent; /* as if the decimal point were behind the digits kept */
};

static const char *add_digits(struct decimal *d, const char *p, const char *end, bool fraction)
{
    for (; is_digit_at(p, end); p++) {
        bool leading_zero = d->len == 0 && *p == '0';
        bool kept = !leading_zero && d->len < DIGITS_MAX;
        if (kept)
            d->digits[d->len++] = *p;
        d->exponent += (fraction ? -1 : 0) + (kept || leading_zero ? 0 : 1);
    }
    return p;
}

/* Reads "e+12" at p, or nothing. NULL when it is malformed. */
static const char *add_exponent(struct decimal *d, const char *p, const char *end)
{
    if (p == end || fold(*p) != 'e')
        return p;
    p++;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (!is_digit_at(p, end))
        return NULL;
    int64_t e = 0;
    for (; is_digit_at(p, end); p++)
        e = e < INT32_MAX ? e * 10 + (*p - '0') : e;
    d->exponent += minus ? -e : e;
    return p;
}

static double decimal_value(struct decimal *d)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    if (d->len == 0)
        return 0;
    /* Up to 15 digits and these powers are exact doubles, so one operation rounds correctly. */
    if (d->len <= 15 && d->exponent >= -22 && d->exponent <= 22) {
        int64_t n = 0;
        for (size_t i = 0; i < d->len; i++)
            n = n * 10 + (d->digits[i] - '0');
        return d->exponent < 0 ? (double)n / powers[-d->exponent] : (double)n * powers[d->exponent];
    }
    int64_t e = d->exponent;
    if (e > EXPONENT_MAX || e < -EXPONENT_MAX)
        return e > 0 ? HUGE_VAL : 0;
    char *p = d->digits + d->len;
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    e = e < 0 ? -e : e;
    for (int64_t unit = EXPONENT_MAX; unit > 0; unit /= 10)
        *p++ = (char)('0' + e / unit % 10);
    *p = '\0';
    return strtod(d->digits, NULL); /* there is no decimal point, so the locale does not matter */
}

/* [+-] digits [. digits] [e [+-] digits], or nan, inf, infinity in any letter case. Hexadecimal,
 * "nan(...)" and the like are words: no language prints them by default. */
static struct number parse_number(struct span token)
{
    const char *p = token.data, *end = p + token.len;
    bool minus = p < end && *p == '-';
    struct decimal d;

    if (p < end && (*p == '+' || *p == '-'))
        p++;
    struct span rest = { p, (size_t)(end - p) };
    if (equals_word(rest, "nan"))
        return (struct number){ .form = NAN_WORD };
    if (equals_word(rest, "inf") || equals_word(rest, "infinity"))
        return (struct number){ .form = INFINITE, .value = minus ? -1 : 1 };

    d.len = 0;
    d.exponent = 0;
    const char *whole = p;
    p = add_digits(&d, p, end, false);
    bool any = p > whole;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = add_digits(&d, p, end, true);
        any = any || p > fraction;
    }
    p = any ? add_exponent(&d, p, end) : NULL;
    if (p != end)
        return (struct number){ .form = NOT_A_NUMBER };
    double value = decimal_value(&d);
    return (struct number){ .form = FINITE, .value = minus ? -value : value };
}

/* A number too large for a double is compared as a word: two different integers of a thousand
 * digits must not be equal because both are infinite. */
static bool is_same_number(const struct checker *checker, struct span expected, struct span got)
{
    if (is_same_text(checker, expected, got))
        return true;
    struct number e = parse_number(expected);
    if (e.form == NOT_A_NUMBER || (e.form == FINITE && isinf(e.value)))
        return false;
    struct number g = parse_number(got);
    if (e.form != g.form || e.form != FINITE)
        return e.form == g.form && e.value == g.value;
    double off = fabs(e.value - g.value);
    double absolute = checker->absolute_tolerance, relative = checker->relative_tolerance;
    if (absolute < 0 && relative < 0)
        absolute = relative = CHECKER_TOLERANCE;
    return off <= absolute || (relative >= 0 && off <= relative * fabs(e.value));
}

static bool check_tokens(const struct checker *checker, struct span expected, struct span got,
                         struct first_difference *ret)
{
    struct text_cursor ec = cursor_of(expected.data, expected.len),
                       gc = cursor_of(got.data, got.len);

    for (;;) {
        struct span e = next_text_token(&ec), g = next_text_token(&gc);
        if (e.len == 0 && g.len == 0)
            return true;
        bool ok = e.len > 0 && g.len > 0 &&
                  (checker->kind == CHECKER_FLOAT ? is_same_number(checker, e, g)
                                                  : is_same_text(checker, e, g));
        if (!ok) {
            const struct text_place begin = { gc.line, (size_t)(g.data - gc.line_start) + 1,
                                              (size_t)(g.data - got.data) };
            return report_difference(ret, begin, e, g, common_prefix(checker, e, g));
        }
    }
}

bool judge_compare(const struct checker *checker, const char *expected, size_t expected_len,
                   const char *got, size_t got_len, struct first_difference *ret_difference)
{
    struct span e = { expected_len > 0 ? expected : "", expected_len };
    struct span g = { got_len > 0 ? got : "", got_len };

    if (e.len == g.len && memcmp(e.data, g.data, e.len) == 0)
        return true;
    switch (checker->kind) {
    case CHECKER_NONE:
        return true;
    case CHECKER_EXACT:
        return check_exact(checker, e, g, ret_difference);
    case CHECKER_TOKENS:
    case CHECKER_FLOAT:
        return check_tokens(checker, e, g, ret_difference);
    case CHECKER_LINES:
    case CHECKER_COUNT:
        break;
    }
    return check_lines(checker, e, g, ret_difference);
}
