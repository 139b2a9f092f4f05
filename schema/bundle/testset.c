#include "schema/bundle/testset.h"

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

/* The pair that a file is half of; a new one, for which there is room, when it is the first half.
 * Files are sorted by name, so the other half is among the last. */
static struct testset_pair *pair_of(struct testset *t, const char *name, size_t stem)
{
    for (size_t i = t->len; i-- > 0;) {
        const char *known = t->pairs[i].name;
        if (known && strlen(known) == stem && memcmp(known, name, stem) == 0)
            return &t->pairs[i];
    }
    char *copy = strndup(name, stem);
    if (!copy)
        return NULL;
    t->pairs[t->len].name = copy;
    return &t->pairs[t->len++];
}

static int compare_pairs(const void *a_, const void *b_)
{
    const struct testset_pair *a = a_, *b = b_;
    return strverscmp(a->name, b->name);
}

static int check_pairs(const struct testset *t, struct err *e)
{
    if (t->len == 0)
        return err_set(e, ERR_INPUT, "it has no tests: pairs of N.in and N.ans (or N.out)");
    for (size_t i = 0; i < t->len; i++) {
        const struct testset_pair *p = &t->pairs[i];
        if (!p->input)
            return err_set(e, ERR_INPUT, "test %s has no %s.in", p->name, p->name);
        if (!p->answer)
            return err_set(e, ERR_INPUT, "test %s has no %s.ans or %s.out", p->name, p->name,
                           p->name);
    }
    return 0;
}

int testset_make(struct testset *t, struct err *e)
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
        struct testset_pair *p = pair_of(t, f->name, stem);
        if (!p)
            return err_set(e, ERR_NOMEM, "read tests");
        struct bundle_file **half = part == PART_INPUT ? &p->input : &p->answer;
        if (*half)
            return err_set(e, ERR_INPUT, "%s and %s are answers of one test", (*half)->name,
                           f->name);
        *half = f;
    }
    if (t->len > 1)
        qsort(t->pairs, t->len, sizeof *t->pairs, compare_pairs);
    return check_pairs(t, e);
}

void testset_clear(struct testset *t)
{
    for (size_t i = 0; i < t->len; i++)
        free(t->pairs[i].name);
    free(t->pairs);
    bundle_clear(&t->bundle);
    *t = (struct testset){ .pairs = NULL };
}
