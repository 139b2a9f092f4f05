#include "client/grade.h"

#include <jansson.h>
#include <string.h>

#include "client/body.h"
#include "client/csv_file.h"
#include "client/grade_class.h"
#include "client/grade_student.h"
#include "client/language_list.h"
#include "client/option.h"
#include "client/term.h"
#include "client/testset_read.h"
#include "client/transport.h"
#include "schema/base/err.h"
#include "schema/base/hash.h"
#include "schema/base/quantity.h"
#include "schema/bundle/testset.h"

#define JOBS_NORMAL     8
#define RETRY_NORMAL_MS 60000

struct grade {
    const char *tests, *csv; /* borrowed from argv */
    int64_t jobs;
    json_t *body;                   /* owned: what all submissions have */
    struct grade_student *students; /* owned */
    size_t len;
    struct grade_common common;
};

enum { OPTION_GRADE_TESTS = OPTION_OWN, OPTION_CSV, OPTION_JOBS, OPTION_RETRY };

/* clang-format off */
static const struct command_option options[] = {
    { "tests", OPTION_GRADE_TESTS, "DIR|ZIP", COMMAND_FILE, NULL, "Pairs of N.in and N.ans (or N.out), run in natural order" },
    { "csv", OPTION_CSV, "FILE", COMMAND_FILE, NULL, "Where the table goes; it is written when all have ended" },
    { "jobs", OPTION_JOBS, "N", COMMAND_TEXT, NULL, "Submissions that are at the server at once, 8 when it is not given, at most 256" },
    { "retry-for", OPTION_RETRY, "TIME", COMMAND_TEXT, NULL, "How long a server that is away or full is asked again, 60s when it is not given" },
    OPTION_ROWS,
};
/* clang-format on */

static int add_student(struct grade *g, const char *path, struct err *e)
{
    struct grade_student *more = reallocarray(g->students, g->len + 1, sizeof *more);

    if (!more)
        return err_set(e, ERR_NOMEM, "read the command line");
    g->students = more;
    if (grade_student_init(&more[g->len], path) < 0)
        return err_set(e, ERR_NOMEM, "read the command line");
    g->len++;
    return 0;
}

static int take_grade_option(void *ctx, int key, const char *argument, struct err *e)
{
    struct grade *g = ctx;

    switch (key) {
    case 0:
        return add_student(g, argument, e);
    case OPTION_LANGUAGE:
        g->common.language = argument;
        return 0;
    case OPTION_GRADE_TESTS:
        g->tests = argument;
        return 0;
    case OPTION_CSV:
        g->csv = argument;
        return 0;
    case OPTION_JOBS:
        if (quantity_count(argument, &g->jobs) < 0 || g->jobs < 1 || g->jobs > GRADE_CLASS_JOBS_MAX)
            return err_set(e, ERR_SETTING, "--jobs %s: must be 1 to %d", argument,
                           GRADE_CLASS_JOBS_MAX);
        return 0;
    case OPTION_RETRY:
        if (quantity_duration(argument, &g->common.patience_ms) < 0)
            return err_set(e, ERR_SETTING, "--retry-for %s: must be a time, as 60s", argument);
        return 0;
    default:
        return option_take(g->body, key, argument, e);
    }
}

/* What all have in common, as the JSON that each body ends with. */
static int make_common(struct grade *g, struct err *e)
{
    struct testset tests;
    crypto_generichash_state h;

    if (!g->tests || !g->csv)
        return err_set(e, ERR_SETTING, "--%s is missing", g->tests ? "csv" : "tests");
    if (testset_read(g->tests, &tests, e) < 0)
        return -1;
    int rc = json_object_set_new(g->body, "tests", testset_json(&tests));
    testset_clear(&tests);
    g->common.members = rc < 0 ? NULL : json_dumps(g->body, JSON_COMPACT | JSON_SORT_KEYS);
    if (!g->common.members)
        return err_set(e, ERR_NOMEM, "make a submission");
    json_object_clear(g->body);
    (void)crypto_generichash_init(&h, NULL, 0, sizeof g->common.hash);
    hash_text(&h, g->common.members);
    (void)crypto_generichash_final(&h, g->common.hash, sizeof g->common.hash);
    return 0;
}

static void write_number(struct csv_file *c, int64_t number)
{
    if (number < 0)
        csv_file_text(c, NULL);
    else
        csv_file_number(c, number);
}

static int write_table(const struct grade *g, struct csv_file *c, struct err *e)
{
    static const char *const heads[] = { "name",        "verdict",      "passed", "tests",
                                         "cpu_time_ms", "memory_bytes", "id",     "error" };

    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        csv_file_text(c, heads[i]);
    csv_file_end_line(c);
    for (size_t i = 0; i < g->len; i++) {
        const struct grade_student *s = &g->students[i];
        csv_file_text(c, s->name);
        csv_file_text(c, s->verdict);
        write_number(c, s->passed);
        write_number(c, s->tests);
        write_number(c, s->cpu_ms);
        write_number(c, s->memory_bytes);
        csv_file_text(c, s->id);
        csv_file_text(c, s->error);
        csv_file_end_line(c);
    }
    return csv_file_close(c, e);
}

/* How many have no verdict; each is named. */
static size_t count_unjudged(const struct grade *g)
{
    struct term t;
    size_t n = 0;

    term_open(stderr, &t);
    for (size_t i = 0; i < g->len; i++) {
        const struct grade_student *s = &g->students[i];
        if (*s->verdict && strcmp(s->verdict, "-") != 0)
            continue;
        n++;
        term_paint(&t, TERM_WARN, "scrc:");
        term_raw(&t, " ");
        term_text(&t, s->name, strlen(s->name));
        term_raw(&t, " has no verdict: ");
        term_text(&t, s->error, strlen(s->error));
        term_raw(&t, "\n");
    }
    return n;
}

static int grade_all(struct grade *g, struct err *e)
{
    CLEANUP(transport_freep) struct transport *t = NULL;
    CLEANUP(csv_file_abort) struct csv_file csv = { .out = NULL };
    json_auto_t *languages = NULL;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is only one thread so far */
    const char *url = getenv("SCRC_URL");

    if (make_common(g, e) < 0 || transport_open(url, &t, e) < 0)
        return -1;
    /* A table that cannot be written is to be known before anything is handed in. */
    if (csv_file_open(g->csv, &csv, e) < 0)
        return -1;
    csv_file_abort(&csv);
    if (language_list_get(t, g->common.patience_ms, &languages, e) < 0)
        return -1;
    g->common.languages = languages;
    const struct grade_class class = { .students = g->students,
                                       .len = g->len,
                                       .jobs = (size_t)g->jobs,
                                       .common = &g->common,
                                       .url = url };
    if (grade_class_run(&class, e) < 0 || csv_file_open(g->csv, &csv, e) < 0 ||
        write_table(g, &csv, e) < 0)
        return -1;
    return count_unjudged(g) > 0 ? COMMAND_OTHER : COMMAND_OK;
}

static int grade_run(const struct command *c, int argc, char **argv)
{
    struct grade g = { .jobs = JOBS_NORMAL,
                       .body = json_object(),
                       .common = { .patience_ms = RETRY_NORMAL_MS } };
    struct err e;

    command_read(c, argc, argv, 1, take_grade_option, &g);
    int code = grade_all(&g, &e);
    if (code < 0)
        code = (int)command_fail(&e);
    for (size_t i = 0; i < g.len; i++)
        grade_student_clear(&g.students[i]);
    free(g.students);
    free(g.common.members);
    json_decref(g.body);
    return code;
}

const struct command grade_command = {
    .name = "grade",
    .arguments = "SUBMISSION...",
    .brief = "Hands in the submissions of a class and writes their verdicts into a CSV file.",
    .text =
        "Each SUBMISSION is one line of the table, under the name of its file or directory without "
        ".zip or a suffix: name, verdict, passed, tests, cpu_time_ms, memory_bytes, id and error "
        "(RFC 4180). The file is written when all have ended, and there whole or not at all.\n"
        "The id of a submission is made of all that is sent, so it may be ended and called again "
        "at any time: what was handed in before is not judged again, and the same work is one "
        "submission. Where a submission cannot be read, or the server refuses it, its line says "
        "why; a server that is away or full is asked again, for so long as --retry-for says.",
    .options = options,
    .options_len = ARRAY_LEN(options),
    .run = grade_run,
};
