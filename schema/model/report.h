/* schema/model/report.h - the result of a submission, and its JSON (Report in openapi.yaml).
 *
 * A report is stored once, without input and expected output of the tests; for each consumer
 * report_render() makes the JSON from it.
 *
 * Owns     everything below a struct report, until report_free().
 * Threads  any; one at a time for each report.
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
    int64_t from_column;  /* column at which `expected` and `got` begin */
    struct bytes expected, got;
    size_t got_offset; /* offset of the difference in the whole output; not in the JSON */
};

/* Where the middle of an output was left out. */
struct output_gap {
    char *marker;         /* owned; the line in the text that replaces it; NULL: no gap */
    int64_t line, column; /* position in the output of the text behind the marker */
};

/* The result of one test. A test that did not run: verdict VERDICT_NONE and ran false. */
struct test_report {
    int64_t number;
    enum verdict verdict;
    bool ran;              /* false: exit_code, times and memory are null */
    int exit_code;         /* 128+n when killed by signal n */
    const char *signal;    /* "SIGSEGV", static; NULL: not killed by a signal */
    const char *limit_hit; /* "cpu", "wall", "memory", "output", "processes"; static; NULL: none */
    int64_t duration_ms, cpu_time_ms; /* exec to exit */
    int64_t memory_bytes;
    struct bytes out, err; /* raw bytes, already truncated to REPORT_OUTPUT_BYTES */
    bool out_truncated, err_truncated;
    struct output_gap out_gap;
    struct first_difference difference;
    char *error; /* owned; NULL = "" */
};

struct report {
    char *id;       /* owned */
    char *language; /* owned */
    char *labels;   /* owned; as those of the submission; NULL: none */
    enum verdict verdict;
    bool has_tests;
    bool
        ran; /* false: exit_code (except for BF), duration_ms, cpu_time_ms, memory_bytes are null */
    int exit_code;         /* the last that is not 0, else 0; BF: the compiler's */
    const char *signal;    /* of the run that exit_code is from */
    const char *limit_hit; /* of the test that the verdict is from */
    struct limits limits;  /* effective; wall_ms 0: derived; memory_bytes 0: all are unknown */
    struct bytes out, err; /* of the last test with a text that is not empty; BF: err = build log */
    int64_t duration_ms, cpu_time_ms; /* sums over tests */
    int64_t memory_bytes;             /* the largest of the tests */
    char *error;                      /* owned; NULL = "" */
    struct test_report *tests;        /* owned */
    size_t tests_len;
    int64_t timestamp_ms; /* when it became final, ms since 1970 */
    int64_t queue_ms, build_ms, run_ms;
    struct bytes build_log;
    int64_t attempts;
    enum submission_door door;
    char traceparent[TRACEPARENT_SIZE]; /* "": none */
    struct {
        char *version, *image, *build, *run, *compiler; /* owned; NULL = "" */
    } produced_by;
};

/* A report in which nothing has run: "-", no outputs, and the tests of s by their numbers (s NULL:
 * they are not known). The texts are copied. The caller owns *ret_report. -1 out of memory. */
NODISCARD int report_unjudged(const char *id, const char *language, const struct submission *s,
                              struct report **ret_report);

/* The stored form. Caller owns *ret_json (NUL-terminated). Outputs may be any bytes. */
NODISCARD int report_encode(const struct report *r, char **ret_json, size_t *ret_len,
                            struct err *e);

/* How many bytes an output, or the texts of a difference, add to the stored form. */
size_t report_text_size(const struct bytes *b);
size_t report_difference_size(const struct first_difference *d);

/* The stored form in at most max bytes. If it would be larger, or there is not enough memory, the
 * outputs are left out and marked as truncated, and `error` says so. */
NODISCARD int report_encode_within(const struct report *r, size_t max, char **ret_json,
                                   size_t *ret_len, struct err *e);

struct report_view {
    enum status_set set; /* FULL or SCRC; BY_EDGE counts as FULL */
    /* REPORT_TEST_IO. True: add input and expected_output of the tests; false: leave out the
     * outputs and the first difference too, because these can show them. */
    bool test_io;
    const char *const *fields; /* ?fields=: top-level names to keep, NULL-terminated; NULL = all */
    const char *id;            /* replaces the stored id; NULL: the stored one */
    const struct submission *submission; /* borrowed; input and expected output of the tests; NULL:
                                            they are "" */
};

/* All top-level names of a report, NULL-terminated: the legal words of ?fields=. */
extern const char *const report_fields[];

/* The traceparent of a stored report; false: it has none, and out is "". */
bool report_traceparent(const char *stored, size_t stored_len, char out[TRACEPARENT_SIZE]);

/* The JSON of a stored report for one consumer. stored: written by report_encode(). Caller owns
 * *ret_json. */
NODISCARD int report_render(const char *stored, size_t stored_len, const struct report_view *view,
                            char **ret_json, size_t *ret_len, struct err *e);

/* Frees all that a test_report owns; do not use the struct afterwards. */
void report_clear_test(struct test_report *t);

/* Takes NULL and incomplete reports, returns NULL. */
struct report *report_free(struct report *r);
DEFINE_CLEANUP(struct report, report_free)
