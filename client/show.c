#include "client/show.h"

#include <stdbool.h>
#include <string.h>

#include "client/difference.h"
#include "client/reply.h"
#include "client/term.h"
#include "schema/bundle/testset.h"

/* Of the build log and of a run's standard error. */
#define LOG_MOST 4096

void show_ms(int64_t ms, char out[SHOW_AMOUNT_SIZE])
{
    if (ms < 0)
        out[0] = '\0';
    else if (ms < 10000)
        (void)snprintf(out, SHOW_AMOUNT_SIZE, "%lld ms", (long long)ms);
    else
        (void)snprintf(out, SHOW_AMOUNT_SIZE, "%.1f s", (double)ms / 1e3);
}

void show_bytes(int64_t bytes, char out[SHOW_AMOUNT_SIZE])
{
    if (bytes < 0)
        out[0] = '\0';
    else
        (void)snprintf(out, SHOW_AMOUNT_SIZE, "%.1f MiB", (double)bytes / (double)MIB);
}

static enum term_paint paint_of(const char *verdict)
{
    return strcmp(verdict, "OK") == 0  ? TERM_GOOD
           : strcmp(verdict, "-") == 0 ? TERM_FAINT
                                       : TERM_BAD;
}

/* ": SIGSEGV", ": exit code 3", ": cpu": why the verdict is what it is. */
static void show_reason(const struct term *t, const json_t *test)
{
    const char *signal = reply_text(test, "signal"), *limit = reply_text(test, "limit_hit");
    const char *error = reply_text(test, "error");
    int64_t code = reply_number(test, "exit_code", 0);

    const char *reason = *limit ? limit : *signal ? signal : error;
    char text[40];

    if (!*reason && code != 0) {
        (void)snprintf(text, sizeof text, "exit code %lld", (long long)code);
        reason = text;
    }
    if (*reason) {
        term_raw(t, ": ");
        term_text(t, reason, strlen(reason));
    }
}

static void show_test(const struct term *t, const json_t *test, const char *name)
{
    const char *verdict = reply_verdict(test);
    char cpu[SHOW_AMOUNT_SIZE], wall[SHOW_AMOUNT_SIZE], memory[SHOW_AMOUNT_SIZE];

    show_ms(reply_number(test, "cpu_time_ms", -1), cpu);
    show_ms(reply_number(test, "duration_ms", -1), wall);
    show_bytes(reply_number(test, "memory_bytes", -1), memory);
    term_raw(t, "%5lld  ", (long long)reply_number(test, "number", 0));
    term_paint(t, paint_of(verdict), "%-7s", verdict);
    term_raw(t, "  %9s  %9s  %11s", cpu, wall, memory);
    if (name) {
        term_raw(t, "  ");
        term_text(t, name, strlen(name));
    }
    show_reason(t, test);
    term_raw(t, "\n");
}

/* Tests that did not run are one line, however many. */
static void show_tests(const struct term *t, const json_t *tests, const struct testset *sent)
{
    const json_t *test;
    size_t i, not_run = 0;

    term_paint(t, TERM_FAINT, " test  verdict        cpu       wall       memory\n");
    json_array_foreach(tests, i, test)
    {
        if (strcmp(reply_text(test, "verdict"), "-") == 0)
            not_run++;
        else
            show_test(t, test, i < sent->len ? sent->pairs[i].name : NULL);
    }
    if (not_run)
        term_paint(t, TERM_FAINT, "       -        %zu did not run\n", not_run);
}

/* A long text's end says more than its beginning, in logs of compilers as well. */
static void show_log(const struct term *t, const char *title, const json_t *text, size_t most)
{
    const char *data = json_string_value(text);
    size_t len = json_string_length(text), from = 0;

    if (len == 0)
        return;
    if (len > most)
        for (from = len - most; from < len && (data[from] & 0xc0) == 0x80;)
            from++;
    if (title)
        term_paint(t, TERM_FAINT, "%s%s\n", title, from ? " (its end)" : "");
    term_lines(t, data + from, len - from);
    if (data[len - 1] != '\n')
        term_raw(t, "\n");
}

static void show_first_failure(const struct term *t, const json_t *tests)
{
    const json_t *test;
    size_t i;

    json_array_foreach(tests, i, test)
    {
        const char *verdict = reply_verdict(test);
        char title[40];
        if (strcmp(verdict, "OK") == 0 || strcmp(verdict, "-") == 0)
            continue;
        (void)snprintf(title, sizeof title, "test %lld",
                       (long long)reply_number(test, "number", 0));
        term_raw(t, "\n");
        difference_show(t, test, title);
        if (strcmp(verdict, "RE") == 0)
            show_log(t, "standard error:", json_object_get(test, "stderr"), LOG_MOST);
        return;
    }
}

static void show_verdict(const struct term *t, const json_t *report, bool has_tests)
{
    const char *verdict = reply_verdict(report), *error = reply_text(report, "error");
    const char *id = reply_text(report, "id");
    const json_t *tests = json_object_get(report, "tests"), *test;
    char cpu[SHOW_AMOUNT_SIZE], memory[SHOW_AMOUNT_SIZE];
    size_t i, passed = 0;

    json_array_foreach(tests, i, test) passed += strcmp(reply_text(test, "verdict"), "OK") == 0;
    show_ms(reply_number(report, "cpu_time_ms", -1), cpu);
    show_bytes(reply_number(report, "memory_bytes", -1), memory);
    term_paint(t, paint_of(verdict), "%s", verdict);
    if (has_tests)
        term_raw(t, "  %zu of %zu passed", passed, json_array_size(tests));
    else
        show_reason(t, json_array_get(tests, 0));
    if (*cpu && strcmp(verdict, "BF") != 0)
        term_raw(t, "  %s  %s", cpu, memory);
    if (*error) {
        term_raw(t, ": ");
        term_text(t, error, strlen(error));
    }
    term_raw(t, "  ");
    term_text(t, id, strlen(id));
    term_raw(t, "\n");
}

void show_report(const struct term *t, const json_t *report, const struct testset *tests)
{
    const json_t *list = json_object_get(report, "tests");

    if (strcmp(reply_text(report, "verdict"), "BF") == 0) {
        show_log(t, "build log:", json_object_get(report, "build_log"), LOG_MOST);
    } else if (tests->len > 0) {
        show_tests(t, list, tests);
        show_first_failure(t, list);
    } else {
        show_log(t, NULL, json_object_get(report, "stdout"), (size_t)MIB);
        show_log(t, "standard error:", json_object_get(report, "stderr"), LOG_MOST);
    }
    show_verdict(t, report, tests->len > 0);
}
