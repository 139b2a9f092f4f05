#include "schema/bundle/testset.h"

#include <assert.h>
#include <string.h>

#include "schema/base/err.h"

enum part { PART_INPUT, PART_ANSWER, PART_NONE };

/* Which half of a pair a file is; *ret_stem is how much of its name the other half shares. */
static enum part part_of(const char *name, size_t *ret_stem)
{
    static const struct {
        const char *suffix;
        enum part part;
    } rows[] = { { ".in", PART_INPUT }, { ".ans", PART_ANSWER }, { ".out", PART_ANSWER } };
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].suffix);
        if (len > n && strcmp(name + len - n, rows[i].suffix) == 0) {
            *ret_stem = len - n;
            return rows[i].part;
        }
    }
    return PART_NONE;
}

bool testset_wants(const char *name)
{
    size_t stem;

    return part_of(name, &stem) != PART_NONE;
}

/* Each file that is half of a test, as a pair without the other half. */
static int list_halves(struct testset *t, struct err *e)
{
    t->pairs = calloc(t->bundle.len + 1, sizeof *t->pairs);
    if (!t->pairs)
        return err_set(e, ERR_NOMEM, "read tests");
    for (size_t i = 0; i < t->bundle.len; i++) {
        struct bundle_file *f = &t->bundle.files[i];
        size_t stem;
        enum part part = part_of(f->name, &stem);
        if (part == PART_NONE)
            continue;
        struct testset_pair *p = &t->pairs[t->len];
        if (!(p->name = strndup(f->name, stem)))
            return err_set(e, ERR_NOMEM, "read tests");
        *(part == PART_INPUT ? &p->input : &p->answer) = f;
        t->len++;
    }
    return 0;
}

/* Of its first file; a pair has one. */
static const char *file_name(const struct testset_pair *p)
{
    const struct bundle_file *f = p->input ? p->input : p->answer;

    assert(f);
    return f->name;
}

static int compare_halves(const void *a_, const void *b_)
{
    const struct testset_pair *a = a_, *b = b_;
    int order = strverscmp(a->name, b->name);

    return order ? order : strcmp(file_name(a), file_name(b));
}

static int join_half(struct testset_pair *p, struct testset_pair *half, struct err *e)
{
    if (half->input ? !p->input : !p->answer) {
        *(half->input ? &p->input : &p->answer) = half->input ? half->input : half->answer;
        free(TAKE(half->name));
        return 0;
    }
    const char *first = half->input ? p->input->name : p->answer->name, *second = file_name(half);
    return strcmp(first, second) == 0
               ? err_set(e, ERR_INPUT, "%s is there twice", first)
               : err_set(e, ERR_INPUT, "%s and %s are answers of one test", first, second);
}

/* Halves of one name are neighbours. */
static int join_halves(struct testset *t, struct err *e)
{
    size_t len = 0;

    for (size_t i = 0; i < t->len; i++) {
        struct testset_pair *half = &t->pairs[i];
        if (len > 0 && strcmp(t->pairs[len - 1].name, half->name) == 0) {
            if (join_half(&t->pairs[len - 1], half, e) < 0)
                return -1;
            continue;
        }
        const struct testset_pair taken = *half;
        half->name = NULL;
        t->pairs[len++] = taken;
    }
    t->len = len;
    return 0;
}

static int check_pairs(const struct testset *t, struct err *e)
{
    if (t->len == 0)
        return err_set(e, ERR_INPUT, "it has no tests: pairs of N.in and N.ans (or N.out)");
    for (size_t i = 0; i < t->len; i++) {
        const struct testset_pair *p = &t->pairs[i];
        if (!p->input)
            return err_set(e, ERR_INPUT, "%s has no input (%s.in)", file_name(p), p->name);
        if (!p->answer)
            return err_set(e, ERR_INPUT, "%s has no answer (%s.ans or .out)", file_name(p),
                           p->name);
    }
    return 0;
}

int testset_make(struct testset *t, struct err *e)
{
    if (list_halves(t, e) < 0)
        return -1;
    if (t->len > 1)
        qsort(t->pairs, t->len, sizeof *t->pairs, compare_halves);
    return join_halves(t, e) < 0 ? -1 : check_pairs(t, e);
}

void testset_clear(struct testset *t)
{
    for (size_t i = 0; i < t->len; i++)
        free(t->pairs[i].name);
    free(t->pairs);
    bundle_clear(&t->bundle);
    *t = (struct testset){ .pairs = NULL };
}
