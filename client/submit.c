#include "client/submit.h"

#include <string.h>
#include <sys/stat.h>

#include "client/body.h"
#include "client/bundle_read.h"
#include "client/exchange.h"
#include "client/language_list.h"
#include "client/option.h"
#include "client/reply.h"
#include "client/show.h"
#include "client/sources.h"
#include "client/term.h"
#include "client/testset_read.h"
#include "client/transport.h"
#include "client/watch.h"
#include "schema/base/err.h"
#include "schema/bundle/testset.h"

/* Of a run without tests. */
#define INPUT_MOST ((size_t)(64 * MIB))
/* How long the POST itself waits for the report. What it has not brought by then is asked for by
 * the id, which a server that is started again knows too. */
#define QUIET_MS 500
/* How long a server may be away that has accepted the submission. */
#define AWAY_MS 60000

struct submit {
    const char *path, *language, *tests, *input; /* borrowed from argv */
    bool watch, json;
    json_t *body; /* owned */
    struct testset set;
    struct sources sources;
};

enum { OPTION_TESTS = OPTION_OWN, OPTION_INPUT, OPTION_ID, OPTION_WATCH, OPTION_JSON };

/* clang-format off */
static const struct command_option options[] = {
    { "tests", OPTION_TESTS, "DIR|ZIP", COMMAND_FILE, NULL, "Pairs of N.in and N.ans (or N.out), run in natural order; without it one run, which is OK when it exits with 0" },
    { "input", OPTION_INPUT, "FILE", COMMAND_FILE, NULL, "Input of the run without tests; without it standard input, where that is a pipe or a file" },
    OPTION_ROWS,
    { "id", OPTION_ID, "ID", COMMAND_TEXT, NULL, "The id of the submission; without it the server makes one" },
    { "watch", OPTION_WATCH, NULL, COMMAND_NONE, NULL, "A line for each test as it ends, on standard error" },
    { "json", OPTION_JSON, NULL, COMMAND_NONE, NULL, "Print the report as it came, and nothing else" },
};
/* clang-format on */

static int take_submit_option(void *ctx, int key, const char *argument, struct err *e)
{
    struct submit *s = ctx;

    switch (key) {
    case 0:
        if (s->path)
            return err_set(e, ERR_SETTING,
                           "a submission has one source: a file, or a directory or "
                           "zip archive that holds it");
        s->path = argument;
        return 0;
    case OPTION_LANGUAGE:
        s->language = argument;
        return body_set_word(s->body, "language", argument, e);
    case OPTION_TESTS:
        s->tests = argument;
        return 0;
    case OPTION_INPUT:
        s->input = argument;
        return 0;
    case OPTION_ID:
        return body_set_word(s->body, "id", argument, e);
    case OPTION_WATCH:
        s->watch = true;
        return 0;
    case OPTION_JSON:
        s->json = true;
        return 0;
    default:
        return option_take(s->body, key, argument, e);
    }
}

/* One run with standard input where that is a pipe or a file; a terminal would wait for somebody to
 * type. What it prints is not compared. */
static int add_run(struct submit *s, struct err *e)
{
    struct bytes input = { .data = NULL };
    struct stat st;
    const char *path = s->input;

    if (!path && fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
        path = "/dev/stdin";
    if (path && bundle_read_file(path, INPUT_MOST, &input, e) < 0)
        return -1;
    json_auto_t *test = json_object();
    int rc = input.data ? body_set_text(test, "input", &input) : 0;
    bytes_clear(&input);
    if (rc < 0 || json_object_set_new(s->body, "tests", json_pack("[O]", test)) < 0)
        return err_set(e, ERR_NOMEM, "make a submission");
    if (!json_object_get(s->body, "checker"))
        return body_set_word(s->body, "checker", "none", e);
    return 0;
}

static int add_tests(struct submit *s, struct err *e)
{
    if (!s->tests)
        return add_run(s, e);
    if (s->input)
        return err_set(e, ERR_SETTING, "--input is for a run without --tests");
    if (testset_read(s->tests, &s->set, e) < 0)
        return -1;
    return json_object_set_new(s->body, "tests", testset_json(&s->set)) < 0
               ? err_set(e, ERR_NOMEM, "make a submission")
               : 0;
}

static int add_source(struct submit *s, struct transport *t, struct err *e)
{
    json_auto_t *languages = NULL;
    struct stat st;

    /* A file whose language is given needs no list. */
    if ((!s->language || (stat(s->path, &st) == 0 && S_ISDIR(st.st_mode))) &&
        language_list_get(t, 0, &languages, e) < 0)
        return -1;
    if (sources_read(s->path, languages, s->language, &s->sources, e) < 0 ||
        body_set_word(s->body, "language", s->sources.language, e) < 0)
        return -1;
    return body_set_source(s->body, s->sources.files.files, s->sources.files.len, e);
}

/* The submission's report; progress where there is somebody to see it. */
static int run_submission(struct submit *s, struct transport *t, struct exchange_result *ret_result,
                          struct err *e)
{
    CLEANUP(freep) char *body = json_dumps(s->body, JSON_COMPACT);
    struct term progress;

    *ret_result = (struct exchange_result){ .id = NULL };
    if (!body)
        return err_set(e, ERR_NOMEM, "make a submission");
    term_open(stderr, &progress);
    bool watched = s->watch || (progress.is_tty && !s->json);
    const struct exchange_post p = { .body = body,
                                     .body_len = strlen(body),
                                     .wait_ms = s->watch ? 0 : QUIET_MS };
    if (exchange_submit(t, &p, ret_result, e) < 0)
        return -1;
    if (watched && ret_result->report.len == 0)
        watch_run(t, &progress, s->watch, ret_result);
    return exchange_await(t, AWAY_MS, ret_result, e);
}

static int print_report(const struct submit *s, const struct buf *report, struct err *e)
{
    json_auto_t *object = NULL;
    struct term t;

    if (reply_object(report->data, report->len, &object, e) < 0)
        return -1;
    if (s->json) {
        (void)fwrite(report->data, 1, report->len, stdout);
        (void)fputc('\n', stdout);
    } else {
        term_open(stdout, &t);
        show_report(&t, object, &s->set);
    }
    if (fflush(stdout) != 0)
        return err_set(e, ERR_INPUT, "standard output cannot be written");
    const char *verdict = reply_text(object, "verdict");
    return strcmp(verdict, "OK") == 0  ? COMMAND_OK
           : strcmp(verdict, "-") == 0 ? COMMAND_UNJUDGED
                                       : COMMAND_OTHER;
}

static int submit_all(struct submit *s, struct err *e)
{
    CLEANUP(transport_freep) struct transport *t = NULL;
    struct exchange_result result = { .id = NULL };
    int rc = -1;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is only one thread */
    if (transport_open(getenv("SCRC_URL"), &t, e) == 0 && add_source(s, t, e) == 0 &&
        add_tests(s, e) == 0 && run_submission(s, t, &result, e) == 0)
        rc = print_report(s, &result.report, e);
    exchange_result_clear(&result);
    return rc;
}

static int submit_run(const struct command *c, int argc, char **argv)
{
    struct submit s = { .body = json_object() };
    struct err e;

    command_read(c, argc, argv, 1, take_submit_option, &s);
    int code = submit_all(&s, &e);
    if (code < 0)
        code = (int)command_fail(&e);
    json_decref(s.body);
    testset_clear(&s.set);
    sources_clear(&s.sources);
    return code;
}

const struct command submit_command = {
    .name = "submit",
    .arguments = "FILE",
    .brief = "Hands in a submission and shows its report.",
    .text = "With tests a table of them is shown, and where the first wrong output differs from "
            "what was "
            "expected; blanks are drawn where they matter. Without, the program is run once, and "
            "what it "
            "prints is shown. While it waits, a terminal shows how far it is.",
    .options = options,
    .options_len = ARRAY_LEN(options),
    .run = submit_run,
};
