/* judge_compare() against a simple second implementation: split into arrays, regcomp and strtod.
 *
 * Input: one byte of options, then the expected text, a byte 0x01, the actual text.
 */
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/judge/judge_compare.h"
#include "schema/base/text.h"
#include "tests/fuzz/fuzz.h"

struct piece {
    char text[2048]; /* a NUL would end the text early: such inputs are skipped */
};
static struct piece left[4096], right[4096];

static bool fold_equal(const struct checker *checker, const char *a, const char *b)
{
    return checker->case_sensitive ? strcmp(a, b) == 0 : strcasecmp(a, b) == 0;
}

static size_t split_tokens(const char *text, struct piece *out)
{
    size_t n = 0;
    for (int used = 0; n < 4096 && sscanf(text, " %2047s%n", out[n].text, &used) == 1; n++)
        text += used;
    return n;
}

static size_t split_lines(const char *text, struct piece *out)
{
    size_t n = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        (void)snprintf(out[n].text, sizeof out[n].text, "%.*s", (int)len, text);
        for (size_t k = strlen(out[n].text); k > 0 && isspace((unsigned char)out[n].text[k - 1]);)
            out[n].text[--k] = '\0';
        n++;
        text += len + (text[len] == '\n');
    }
    while (n > 0 && !out[n - 1].text[0])
        n--;
    return n;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t r;
    int rc = regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB | REG_ICASE);
    assert(rc == 0);
    rc = regexec(&r, text, 0, NULL, 0);
    regfree(&r);
    return rc == 0;
}

#define NUMBER "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?$"
#define INF    "^[+-]?inf(inity)?$"
#define NOTNUM "^[+-]?nan$"

static bool float_equal(const struct checker *checker, const char *e, const char *g)
{
    if (fold_equal(checker, e, g))
        return true;
    if (matches(NOTNUM, e))
        return matches(NOTNUM, g);
    if (matches(INF, e))
        return matches(INF, g) && (e[0] == '-') == (g[0] == '-');
    if (!matches(NUMBER, e) || !matches(NUMBER, g))
        return false;
    double x = strtod(e, NULL), y = strtod(g, NULL);
    if (isinf(x) || isinf(y))
        return false;
    double absolute = checker->absolute_tolerance, relative = checker->relative_tolerance;
    if (absolute == CHECKER_NOT_GIVEN && relative == CHECKER_NOT_GIVEN)
        return fabs(x - y) <= 1e-6 || fabs(x - y) <= 1e-6 * fabs(x);
    if (absolute != CHECKER_NOT_GIVEN && fabs(x - y) <= absolute)
        return true;
    return relative != CHECKER_NOT_GIVEN && fabs(x - y) <= relative * fabs(x);
}

static bool plain_check(const struct checker *checker, const char *e, const char *g)
{
    if (checker->kind == CHECKER_NONE)
        return true;
    if (checker->kind == CHECKER_EXACT)
        return fold_equal(checker, e, g);
    bool lines = checker->kind == CHECKER_LINES;
    size_t n = lines ? split_lines(e, left) : split_tokens(e, left);
    size_t m = lines ? split_lines(g, right) : split_tokens(g, right);
    if (n != m)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool ok = checker->kind == CHECKER_FLOAT ? float_equal(checker, left[i].text, right[i].text)
                                                 : fold_equal(checker, left[i].text, right[i].text);
        if (!ok)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char e[2048], g[2048];
    if (size < 2 || size > 2000 || memchr(data + 1, 0, size - 1))
        return 0;
    const uint8_t *middle = memchr(data + 1, 1, size - 1);
    if (!middle)
        return 0;
    size_t e_len = (size_t)(middle - data) - 1, g_len = size - e_len - 2;
    memcpy(e, data + 1, e_len);
    memcpy(g, middle + 1, g_len);
    e[e_len] = g[g_len] = '\0';

    struct checker checker = { .kind = (enum checker_kind)(data[0] % CHECKER_COUNT),
                               .case_sensitive = data[0] & 64,
                               .absolute_tolerance = data[0] & 32 ? 1e-6 : CHECKER_NOT_GIVEN,
                               .relative_tolerance = data[0] & 128 ? 1e-3 : CHECKER_NOT_GIVEN };
    struct first_difference d = { 0 };
    bool passes = judge_compare(&checker, e, e_len, g, g_len, &d);
    assert(passes == plain_check(&checker, e, g));
    assert(passes == !d.present);
    assert(passes || (d.line >= 1 && d.column >= 1 && d.expected.data && d.got.data));
    assert(passes ||
           (d.expected.len <= REPORT_DIFFERENCE_MAX && d.got.len <= REPORT_DIFFERENCE_MAX));
    assert(passes ||
           (text_is_utf8(d.expected.data, d.expected.len) && text_is_utf8(d.got.data, d.got.len)));
    assert(passes || (d.from_column >= 1 && d.got_offset <= g_len));
    free(d.expected.data);
    free(d.got.data);
    return 0;
}
