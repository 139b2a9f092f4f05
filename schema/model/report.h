/* schema/model/report.h - what became of a submission, and its JSON (openapi.yaml, Report).
 *
 * One report is stored, without the tests' input and expected output; the edge renders it for its
 * consumer with report_render().
 *
 * Owns     everything below a struct report, until report_free().
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"
#include "schema/model/verdict.h"

struct err;

#define REPORT_DIFFERENCE_MAX 256 /* bytes of `expected` and `got`, both UTF-8 */

struct first_difference {
    bool present;
    int64_t line, column; /* from 1; column in bytes */
    int64_t from_column;  /* where expected and got begin */
    struct bytes expected, got;
    size_t got_offset; /* of the difference in the whole output; not in the JSON */
};

/* Where something was left out of an output in the middle. */
struct output_gap {
    char *marker;         /* owned; the line of the text that stands for it; NULL: nothing was */
    int64_t line, column; /* of the output, where the text goes on behind the marker */
};

/* What one run gave. A test that did not run: verdict VERDICT_NONE and ran false. */
struct test_report {
    int64_t number;
    enum verdict verdict;
    bool ran;              /* false: exit_code, times and memory are null */
    int exit_code;         /* 128+n when killed by signal n */
    const char *signal;    /* "SIGSEGV", static; NULL when not killed by one */
    const char *limit_hit; /* "cpu", "wall", "memory", "output"; static; NULL: none was */
    int64_t duration_ms, cpu_time_ms; /* exec to exit */
    int64_t memory_bytes;
    struct bytes out, err; /* raw, already cut at REPORT_OUTPUT_BYTES */
    bool out_truncated, err_truncated;
    struct output_gap out_gap;
    struct first_difference difference;
    char *error; /* owned; NULL = "" */
};

struct report {
    char *id;       /* owned */
    char *language; /* owned */
    enum verdict verdict;
    bool has_tests;
    bool ran; /* false: exit_code (but BF's), duration_ms, cpu_time_ms, memory_bytes are null */
    int exit_code;         /* the last non-zero one, else 0; the compiler's for BF */
    const char *signal;    /* of the run exit_code is from */
    const char *limit_hit; /* of the test the verdict is from */
    struct limits limits;  /* in force; wall_ms 0: derived; memory_bytes 0: all are unknown */
    struct bytes out, err; /* of the last test whose text is not empty; BF: err = the build log */
    int64_t duration_ms, cpu_time_ms; /* sums over tests */
    int64_t memory_bytes;             /* the largest of the tests */
    char *error;                      /* owned; NULL = "" */
    struct test_report *tests;        /* owned */
    size_t tests_len;
    int64_t timestamp_ms; /* wall clock when it became final */
    int64_t queue_ms, build_ms, run_ms;
    struct bytes build_log;
    int64_t attempts;
    struct {
        char *version, *image, *build, *run, *compiler; /* owned; NULL = "" */
    } produced_by;
};

/* A report in which nothing has run: "-", no outputs, and the tests of s (NULL: nobody knows them)
 * by their numbers. The texts are copied. The caller owns *ret_report. -1 out of memory. */
NODISCARD int report_unjudged(const char *id, const char *language, const struct submission *s,
                              struct report **ret_report);

/* The stored form. caller owns *ret_json (NUL-terminated). Program output of any bytes is legal. */
NODISCARD int report_encode(const struct report *r, char **ret_json, size_t *ret_len,
                            struct err *e);

/* Bytes that an output, or the texts of a difference, add to the stored form. */
size_t report_text_size(const struct bytes *b);
size_t report_difference_size(const struct first_difference *d);

/* The same in at most max bytes: without the outputs where it would be more, or where there is no
 * memory for more; then they are marked truncated and `error` says so. */
NODISCARD int report_encode_within(const struct report *r, size_t max, char **ret_json,
                                   size_t *ret_len, struct err *e);

struct report_view {
    enum status_set set; /* FULL or SCRC; BY_EDGE counts as FULL */
    /* REPORT_TEST_IO. True: fill in input and expected_output; false: leave out all that shows
     * them, which the outputs and the first difference do. */
    bool test_io;
    const char *const *fields; /* ?fields=: top-level names to keep, NULL-terminated; NULL = all */
    const char *id;            /* goes in place of the stored id; NULL: the stored one */
    const struct submission *submission; /* lends the tests' input and expected output; NULL: they
                                            stay "" */
};

/* Every top-level name of a report, NULL-terminated: what ?fields= may ask for. */
extern const char *const report_fields[];

/* A stored report (from report_encode(), no other) as one consumer reads it. Caller owns
 * *ret_json. */
NODISCARD int report_render(const char *stored, size_t stored_len, const struct report_view *view,
                            char **ret_json, size_t *ret_len, struct err *e);

/* Frees what a test's report holds; the struct is not to be used again as it is. */
void report_clear_test(struct test_report *t);

/* Takes NULL and half-built ones, returns NULL. */
struct report *report_free(struct report *r);
DEFINE_CLEANUP(struct report, report_free)
