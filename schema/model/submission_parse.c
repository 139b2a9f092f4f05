#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/fields.h"
#include "schema/model/labels.h"
#include "schema/model/submission.h"

/* How many JSON values a submission may have, and how many more for each test (it needs 6). */
#define VALUES_BASE     1024
#define VALUES_PER_TEST 32

static const struct fields_place root = { "", FIELDS_NO_INDEX };

static const struct submission_rules *rules(const struct fields *f) { return f->ctx; }

bool submission_id_is_legal(const char *id, size_t len)
{
    if (len == 0 || len > SUBMISSION_ID_MAX || !text_is_utf8(id, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)id[i];
        if (c < 0x20 || c == 0x7F)
            return false;
        if (c == 0xC2 && (unsigned char)id[i + 1] < 0xA0) /* U+0080 .. U+009F */
            return false;
    }
    return true;
}

/* Into a char *; "" counts as absent. */
static int read_name(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                     json_t *v, void *into)
{
    char **name = (char **)((char *)into + row->offset);
    CLEANUP(freep) char *word = NULL;

    if (fields_word(f, at, row, v, &word) < 0)
        return -1;
    if (!word || *word == '\0')
        return 0;
    if (!submission_id_is_legal(word, strlen(word)))
        return fields_wrong(f, at, row->name, "must be 1 to %d bytes without control characters",
                            SUBMISSION_ID_MAX);
    *name = TAKE(word);
    return 0;
}

static int read_priority(struct fields *f, const struct fields_place *at,
                         const struct fields_row *row, json_t *v, void *into)
{
    static const struct fields_row whole = { "priority", fields_whole, 0 };
    struct submission *s = into;
    size_t errors = f->errors->len;
    int64_t priority = 0;

    if (whole.read(f, at, &whole, v, &priority) < 0)
        return -1;
    if (f->errors->len > errors)
        return 0;
    if (priority < -SUBMISSION_PRIORITY_MAX || priority > SUBMISSION_PRIORITY_MAX)
        return fields_wrong(f, at, row->name, "must be %d to %d", -SUBMISSION_PRIORITY_MAX,
                            SUBMISSION_PRIORITY_MAX);
    s->priority = priority;
    return 0;
}

static int read_submission_type(struct fields *f, const struct fields_place *at,
                                const struct fields_row *row, json_t *v, void *into)
{
    CLEANUP(freep) char *type = NULL;

    (void)into;
    if (fields_word(f, at, row, v, &type) < 0)
        return -1;
    if (!type || *type == '\0' || strcmp(type, "script") == 0)
        return 0;
    return fields_wrong(f, at, row->name, "must be \"script\"");
}

static int read_submission_language(struct fields *f, const struct fields_place *at,
                                    const struct fields_row *row, json_t *v, void *into)
{
    struct submission *s = into;
    char hint[300] = "";

    if (fields_word(f, at, row, v, &s->language) < 0)
        return -1;
    if (!s->language || rules(f)->knows_language(rules(f)->ctx, s->language))
        return 0;
    if (rules(f)->hint_language)
        rules(f)->hint_language(rules(f)->ctx, s->language, hint, sizeof hint);
    return fields_wrong(f, at, row->name, "is not a language of this server%s", hint);
}

/* One file, which the language names. */
static int read_submission_source(struct fields *f, const struct fields_place *at,
                                  const struct fields_row *row, json_t *v, void *into)
{
    static const struct fields_row text = { "source", fields_text,
                                            offsetof(struct source_file, bytes) };
    struct submission *s = into;

    (void)row;
    if (source_tree_make(1, &s->source) < 0)
        return -1;
    return text.read(f, at, &text, v, s->source.files);
}

static int read_checker_name(struct fields *f, const struct fields_place *at,
                             const struct fields_row *row, json_t *v, void *into)
{
    struct checker *checker = into;
    CLEANUP(freep) char *name = NULL;

    if (fields_word(f, at, row, v, &name) < 0)
        return -1;
    if (!name || checker_kind_from_name(name, &checker->kind))
        return 0;
    return fields_wrong(f, at, row->name, "must be exact, lines, tokens, float or none");
}

static int read_checker(struct fields *f, const struct fields_place *at,
                        const struct fields_row *row, json_t *v, void *into)
{
    static const struct fields_row rows[] = {
        { "name", read_checker_name, 0 },
        { "case_sensitive", fields_bool, offsetof(struct checker, case_sensitive) },
        { "absolute_tolerance", fields_real, offsetof(struct checker, absolute_tolerance) },
        { "relative_tolerance", fields_real, offsetof(struct checker, relative_tolerance) },
        { NULL, NULL, 0 },
    };
    static const struct fields_place inside = { "/checker", FIELDS_NO_INDEX };
    struct submission *s = into;

    s->checker_given = true;
    s->checker = (struct checker)CHECKER_INIT(CHECKER_LINES);
    if (json_is_string(v))
        return read_checker_name(f, at, row, v, &s->checker);
    if (!json_is_object(v))
        return fields_wrong(f, at, row->name, "must be a string or an object");
    if (fields_object(f, &inside, rows, v, &s->checker) < 0)
        return -1;
    const json_t *name = json_object_get(v, "name");
    return name && !json_is_null(name) ? 0 : fields_wrong(f, &inside, "name", "is missing");
}

static int read_limits(struct fields *f, const struct fields_place *at,
                       const struct fields_row *row, json_t *v, void *into)
{
    static const struct fields_row rows[] = {
        { "time_limit_ms", fields_natural, offsetof(struct limits, time_ms) },
        { "memory_limit_bytes", fields_natural, offsetof(struct limits, memory_bytes) },
        { "wall_time_limit_ms", fields_natural, offsetof(struct limits, wall_ms) },
        { NULL, NULL, 0 },
    };
    static const struct fields_place inside = { "/limits", FIELDS_NO_INDEX };
    struct submission *s = into;
    const struct submission_rules *r = rules(f);
    const int64_t most[] = { r->max_time_ms, r->max_memory_bytes,
                             r->max_time_ms + SUBMISSION_WALL_EXTRA_MS };
    size_t errors = f->errors->len;

    (void)at, (void)row;
    if (fields_object(f, &inside, rows, v, &s->limits) < 0)
        return -1;
    const int64_t sent[] = { s->limits.time_ms, s->limits.memory_bytes, s->limits.wall_ms };
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        if (sent[i] > most[i] &&
            fields_wrong(f, &inside, rows[i].name, "must be at most %lld", (long long)most[i]) < 0)
            return -1;
    }

    if (sent[1] > 0 && sent[1] < r->min_memory_bytes)
        return fields_wrong(f, &inside, rows[1].name, "must be 0 or at least %lld bytes",
                            (long long)r->min_memory_bytes);
    struct limits held = submission_limits(s, r->default_time_ms, 0, r->max_time_ms, INT64_MAX);
    if (f->errors->len == errors && s->limits.wall_ms > 0 && s->limits.wall_ms < held.time_ms)
        return fields_wrong(f, &inside, "wall_time_limit_ms",
                            "must be at least the time limit, %lld", (long long)held.time_ms);
    return 0;
}

/* ---- tests ---- */

struct numbered {
    int64_t number;
    size_t index;
};

static int compare_numbers(const void *a_, const void *b_)
{
    const struct numbered *a = a_, *b = b_;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int check_numbers(struct fields *f, const struct submission *s)
{
    size_t rising = 1;
    while (rising < s->tests_len && s->tests[rising - 1].number < s->tests[rising].number)
        rising++;
    if (rising >= s->tests_len)
        return 0;

    CLEANUP(freep) struct numbered *sorted = calloc(s->tests_len, sizeof *sorted);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < s->tests_len; i++)
        sorted[i] = (struct numbered){ s->tests[i].number, i };
    qsort(sorted, s->tests_len, sizeof *sorted, compare_numbers);
    for (size_t i = 1; i < s->tests_len; i++) {
        const struct fields_place at = { "/tests", sorted[i].index };
        if (sorted[i].number == sorted[i - 1].number &&
            fields_wrong(f, &at, "number", "is the number of another test, %lld",
                         (long long)sorted[i].number) < 0)
            return -1;
    }
    return 0;
}

static int read_test(struct fields *f, size_t index, json_t *v, struct test *t)
{
    static const struct fields_row rows[] = {
        { "number", fields_whole, offsetof(struct test, number) },
        { "input", fields_text, offsetof(struct test, input) },
        { "expected_output", fields_text, offsetof(struct test, expected) },
        { "input_base64", fields_base64, offsetof(struct test, input) },
        { "expected_output_base64", fields_base64, offsetof(struct test, expected) },
        { NULL, NULL, 0 },
    };
    const struct fields_place at = { "/tests", index };

    if (fields_object(f, &at, rows, v, t) < 0)
        return -1;
    if (t->number <= 0)
        t->number = (int64_t)index + 1;
    if (!t->input.data && bytes_copy(NULL, 0, &t->input) < 0)
        return -1;
    return t->expected.data ? 0 : bytes_copy(NULL, 0, &t->expected);
}

static int read_tests(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                      json_t *v, void *into)
{
    struct submission *s = into;
    size_t len = json_array_size(v);

    if (!json_is_array(v))
        return fields_wrong(f, at, row->name, "must be an array");
    if (len > (size_t)rules(f)->max_tests)
        return fields_wrong(f, at, row->name, "must have at most %lld tests",
                            (long long)rules(f)->max_tests);
    if (len == 0)
        return 0;
    s->tests = calloc(len, sizeof *s->tests);
    if (!s->tests)
        return -1;
    s->tests_len = len;
    for (size_t i = 0; i < len; i++) {
        if (read_test(f, i, json_array_get(v, i), &s->tests[i]) < 0)
            return -1;
    }
    return check_numbers(f, s);
}

/* ---- the submission ---- */

static bool is_absent(const struct fields *f, const char *name)
{
    const json_t *v = json_object_get(f->reader.root, name);
    return !v || json_is_null(v);
}

static int check_required(struct fields *f, const struct submission *s)
{
    size_t size = source_tree_size(&s->source);

    if (!json_is_object(f->reader.root))
        return 0; /* this error is listed already */
    if (is_absent(f, "language") && fields_wrong(f, &root, "language", "is missing") < 0)
        return -1;
    if (is_absent(f, "source"))
        return fields_wrong(f, &root, "source", "is missing");
    if (size == 0 && s->source.files[0].bytes.data)
        return fields_wrong(f, &root, "source", "must not be empty");
    if (size > (size_t)rules(f)->max_source_bytes)
        return fields_wrong(f, &root, "source", "must be at most %lld bytes",
                            (long long)rules(f)->max_source_bytes);
    return 0;
}

static int read_submission(struct fields *f, struct submission *s)
{
    static const struct fields_row rows[] = {
        { "id", read_name, offsetof(struct submission, id) },
        { "type", read_submission_type, 0 },
        { "language", read_submission_language, 0 },
        { "source", read_submission_source, 0 },
        { "limits", read_limits, 0 },
        { "tests", read_tests, 0 },
        { "checker", read_checker, 0 },
        { "stop_on_failure", fields_bool, offsetof(struct submission, stop_on_failure) },
        { "priority", read_priority, 0 },
        { "owner", read_name, offsetof(struct submission, owner) },
        { "labels", labels_read, offsetof(struct submission, labels) },
        { NULL, NULL, 0 },
    };

    s->checker = rules(f)->default_checker;
    s->stop_on_failure = true;
    if (fields_object(f, &root, rows, f->reader.root, s) < 0)
        return -1;
    return check_required(f, s);
}

int64_t submission_values_max(const struct submission_rules *rules)
{
    return VALUES_BASE + VALUES_PER_TEST * rules->max_tests;
}

static int parse(struct fields *f, const char *json, size_t len, struct submission *s,
                 struct err *e)
{
    if (reader_load(json, len, rules(f)->max_depth, submission_values_max(rules(f)), &f->reader,
                    e) < 0) {
        if (e->kind == ERR_INPUT &&
            field_errors_add(f->errors, f->reader.error_pointer, "%s", e->msg) < 0)
            return err_set(e, ERR_NOMEM, "read a submission");
        return -1;
    }
    if (read_submission(f, s) < 0)
        return err_set(e, ERR_NOMEM, "read a submission");
    if (f->errors->len > 0)
        return err_set(e, ERR_INPUT, "%s: %s", f->errors->list[0].pointer,
                       f->errors->list[0].detail);
    if (s->id)
        submission_hash(s, s->hash);
    return 0;
}

int submission_parse(const char *json, size_t len, const struct submission_rules *rules,
                     struct submission **ret_submission, struct field_errors *p, struct err *e)
{
    CLEANUP(submission_freep) struct submission *s = calloc(1, sizeof *s);
    struct fields f = { .errors = p, .ctx = rules, .refuse_unknown = rules->refuse_unknown };
    struct err why; /* e may be NULL, but parse() needs the kind */

    *p = (struct field_errors){ 0 };
    if (!s)
        return err_set(e, ERR_NOMEM, "read a submission");
    int result = parse(&f, json, len, s, &why);
    reader_clear(&f.reader);
    if (result < 0) {
        if (e)
            *e = why;
        return -1;
    }
    s->in_force = submission_limits(s, rules->default_time_ms, rules->default_memory_bytes,
                                    rules->max_time_ms, rules->max_memory_bytes);
    *ret_submission = TAKE(s);
    return 0;
}
